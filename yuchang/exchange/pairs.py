"""Two postings that may deal: what stands between them, and what each would gain. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from yuchang.exchange.models import Posting
from yuchang.exchange.rules import lacks_certificates
from yuchang.places.models import Place
from yuchang.places.rules import great_circle_km


@dataclass(frozen=True)
class Pair:
    """One's own posting and another's. ``why``: the reason why they cannot deal, or nothing.

    ``left``: what both still have; ``lot``: the least either takes; ``transport_fen``: the carriage of one
    unit between the two counties, paid by the need.
    """

    mine: Posting
    other: Posting
    km: int | None
    transport_fen: int
    window_from: date
    window_to: date
    why: str = ""

    @property
    def side(self) -> str:
        """The side of one's own posting."""
        return self.mine.direction

    @property
    def offer(self) -> Posting:
        """The giving posting."""
        return self.mine if self.mine.direction == "offer" else self.other

    @property
    def need(self) -> Posting:
        """The receiving posting."""
        return self.other if self.mine.direction == "offer" else self.mine

    @property
    def left(self) -> int:
        """What both still have."""
        return min(self.mine.left, self.other.left)

    @property
    def lot(self) -> int:
        """The least that either takes or gives."""
        return max(self.mine.min_lot, self.other.min_lot)

    def gains(self, price_fen: int) -> tuple[int, int]:
        """What offer and need gain per unit at a price the offer receives. Private to each side."""
        return price_fen - self.offer.limit_fen, self.need.limit_fen - price_fen - self.transport_fen

    def own_gain(self, price_fen: int) -> int:
        """What one's own side gains."""
        return self.gains(price_fen)[0 if self.side == "offer" else 1]


def pair_of(mine: Posting, other: Posting, today: date) -> Pair:
    """The two together. Says nothing of the other's limit, and asks nothing of it."""
    return pairs_of([mine], other, today)[mine.pk]


def pairs_of(own: Sequence[Posting], other: Posting, today: date) -> dict[int, Pair]:
    """``pair_of`` for several of one's own, by their numbers. One query."""
    points = points_of([other.county_id, *(mine.county_id for mine in own)])
    return {mine.pk: _pair(mine, other, today, points) for mine in own}


def _pair(mine: Posting, other: Posting, today: date, points: Points) -> Pair:
    starts = max(mine.window_from, other.window_from, today)
    ends = min(mine.window_to, other.window_to)
    km = km_between(points, mine.county_id, other.county_id)
    carriage = -(-(km or 0) * mine.category.transport_fen_100km // 100)
    why = _why_not(mine, other, starts <= ends, km)
    return Pair(mine, other, km, carriage, starts, max(starts, ends), why)


def _why_not(mine: Posting, other: Posting, overlaps: bool, km: int | None) -> str:
    if mine.direction == other.direction:
        return _("双方须一方供给、一方需求。")
    if mine.category_id != other.category_id:
        return _("双方须是同一品类。")
    if _owner(mine) == _owner(other):
        return _("不能与自己洽谈。")
    if not overlaps:
        return _("双方的时间不重合。")
    offer, need = (mine, other) if mine.direction == "offer" else (other, mine)
    if lacks_certificates(offer.certificates, need.certificates):
        return _("供方没有需方要求的证书。")
    reach = min(_reach(mine), _reach(other))
    if reach < FAR and (km is None or km > reach):
        return _("超出一方能接受的距离。")
    return ""


FAR = 100_000


def _reach(row: Posting) -> int:
    usual = row.category.radius_km
    return row.radius_km if row.radius_km is not None else FAR if usual is None else usual


def _owner(row: Posting) -> tuple[str, int | None]:
    return row.owner_kind, row.household_id or row.organisation_id or row.village_id


Points = dict[int, tuple[float | None, float | None]]
"""Longitude and latitude in degrees by county; None where unknown."""


def points_of(county_ids: Iterable[int | None]) -> Points:
    """The points of some counties. One query."""
    rows = Place.objects.filter(pk__in={number for number in county_ids if number})
    return {number: (x, y) for number, x, y in rows.values_list("pk", "longitude", "latitude")}


def km_between(points: Points, one: int | None, two: int | None) -> int | None:
    """Between county points, in whole kilometres; 0 within a county, None where a point is unknown."""
    if one is None or two is None:
        return None
    if one == two:
        return 0
    (x1, y1), (x2, y2) = (points.get(number, (None, None)) for number in (one, two))
    if x1 is None or y1 is None or x2 is None or y2 is None:
        return None
    return round(great_circle_km(x1, y1, x2, y2))
