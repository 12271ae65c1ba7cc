"""Search over open postings, and partners for one's own. Reads only.

Texts are looked up in an index that each process holds in memory and brings up to date at every search
(``live_index``), so a posting is found by the first search after it is committed. No limit, note or person
of others leaves this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from yuchang.accounts.rules import Actor, OrganisationScope, PlaceScope
from yuchang.core import clock
from yuchang.core.paging import Page, decode_cursor, encode_cursor
from yuchang.exchange.live_index import live_index
from yuchang.exchange.models import Category, Direction, Posting, SavedSearch
from yuchang.exchange.pairs import Points, km_between, points_of
from yuchang.exchange.queries import open_market, own_postings, side_filter
from yuchang.exchange.queries_console import urgent, urgent_postings
from yuchang.exchange.rules import FRESH_DAYS, partner_rank
from yuchang.exchange.searching import Criteria, read_search
from yuchang.exchange.term_index import Hit, Sieve
from yuchang.partners.models import Organisation
from yuchang.places.models import Place

PAGE = 20
MATCHED_MOST = 60
"""A saved search tells of no more at once."""
OWN_SHOWN = 8
"""Partners are sought for so many of one's newest open postings."""
CANDIDATES = 40
"""So many candidates by limit, and as many by age, are ranked for each own posting."""

_NEAREST = """
    SELECT c.id FROM places_place c, places_place h
    WHERE h.id = %s AND c.level = 3 AND (c.id = h.id OR 6371.0088 * 2 * asin(sqrt(least(1,
        power(sin(radians(c.latitude - h.latitude) / 2), 2) + cos(radians(c.latitude))
        * cos(radians(h.latitude)) * power(sin(radians(c.longitude - h.longitude) / 2), 2)))) <= %s)
"""


@dataclass(frozen=True)
class Home:
    """Where the searcher is at home, as far as one county or province is known."""

    county_id: int | None = None
    province_id: int | None = None


def home_of(actor: Actor, permission: str = "exchange.read") -> Home:
    """The county of the actor's narrowest place, or of its organisation. Two queries at most."""
    scopes = actor.scopes(permission)
    places = sorted((s for s in scopes if isinstance(s, PlaceScope) and s.level), key=lambda s: -s.level)
    number = places[0].place_id if places else None
    if number is None:
        own = [s.organisation_id for s in scopes if isinstance(s, OrganisationScope)]
        number = Organisation.objects.filter(pk__in=own).values_list("place_id", flat=True).first()
    place = Place.objects.filter(pk=number).first() if number else None
    return Home(place.county_id, place.province_id) if place else Home()


def _sieve(criteria: Criteria, changed: list[int] | None = None) -> Sieve:
    """The filters that every result passes."""
    among = changed
    if criteria.is_urgent:
        rows = Posting.objects.filter(state=Posting.State.OPEN)
        among = list(
            urgent(rows if changed is None else rows.filter(pk__in=changed)).values_list("pk", flat=True)
        )
    is_near = criteria.county_id and criteria.radius_km is not None
    return Sieve(
        since=clock.today().toordinal(),
        is_offer=criteria.direction == Direction.OFFER if criteria.direction else None,
        categories=_leaves(criteria.category) if criteria.category else None,
        first_day=criteria.window_from.toordinal() if criteria.window_from else None,
        last_day=criteria.window_to.toordinal() if criteria.window_to else None,
        counties=counties_within(criteria.county_id or 0, criteria.radius_km or 0) if is_near else None,
        among=among,
    )


def _leaves(code: str) -> list[str]:
    rows = Category.objects.filter(Q(pk=code) | Q(pk__startswith=f"{code}."), is_leaf=True)
    return list(rows.values_list("pk", flat=True))


def counties_within(county_id: int, radius_km: int) -> list[int]:
    """The counties whose point is no farther than the radius; one's own county always is."""
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST, [county_id, radius_km])
        return [row[0] for row in cursor.fetchall()]


def hits(
    criteria: Criteria,
    home: Home,
    *,
    most: int,
    after: tuple[int, int, int] | None = None,
    changed: list[int] | None = None,
) -> list[Hit]:
    """The ``most`` best open postings for a text, best first, after a key; among the changed ones if given.

    Every posting is scored: one query for what has changed, the rest in memory (``live_index``).
    """
    search = read_search(criteria.text)
    if not search:
        return []
    sieve = _sieve(criteria, changed)
    with live_index() as index:
        return index.best(search, sieve, (home.county_id, home.province_id), most, after)


def find_postings(criteria: Criteria, home: Home, cursor: str = "") -> Page[Posting]:
    """One page of what answers a text, best first. Raises Invalid for a cursor that is not ours."""
    after = None
    if cursor:
        _back, (best, near, pk) = decode_cursor(cursor, 3)
        after = (int(best), int(near), int(pk))
    found = hits(criteria, home, most=PAGE + 1, after=after)
    shown = found[:PAGE]
    rows = open_market().filter(pk__in=[hit.pk for hit in shown]).in_bulk()
    items = [rows[hit.pk] for hit in shown if hit.pk in rows]
    more = encode_cursor(shown[-1].key) if len(found) > PAGE else ""
    return Page(items, next=more)


def browse(criteria: Criteria) -> QuerySet[Posting]:
    """Open postings that pass the filters, for a search without text; page them by ``-id``."""
    rows = open_market(direction=criteria.direction).filter(window_to__gte=clock.today())
    if criteria.category:
        kinds = _leaves(criteria.category)
        rows = rows.filter(category=kinds[0]) if len(kinds) == 1 else rows.filter(category__in=kinds)
    if criteria.window_from:
        rows = rows.filter(window_to__gte=criteria.window_from)
    if criteria.window_to:
        rows = rows.filter(window_from__lte=criteria.window_to)
    if criteria.county_id and criteria.radius_km is not None:
        rows = rows.filter(county_id__in=counties_within(criteria.county_id, criteria.radius_km))
    return urgent(rows) if criteria.is_urgent else rows


def searches_of(actor: Actor) -> QuerySet[SavedSearch]:
    """The actor's own saved searches."""
    return SavedSearch.objects.filter(user_id=actor.user_id or 0, is_active=True).order_by("pk")


def changed_since(moment: datetime) -> dict[int, datetime]:
    """The open postings opened or changed since a moment, each with when."""
    rows = Posting.objects.filter(state=Posting.State.OPEN, updated_at__gte=moment)
    return dict(rows.values_list("pk", "updated_at"))


def matching(criteria: Criteria, changed: list[int]) -> list[int]:
    """Those of some postings that answer a saved search, best or newest first."""
    if not read_search(criteria.text):
        rows = browse(criteria).filter(pk__in=changed).order_by("-pk")
        return list(rows.values_list("pk", flat=True)[:MATCHED_MOST])
    found = hits(criteria, Home(), most=MATCHED_MOST, changed=changed)
    least = read_search(criteria.text)[0].weight
    return [hit.pk for hit in found if hit.score >= least]


OWN_OFFERED = 30
"""So many of one's own postings can be chosen from for a proposal."""


def own_opposites(actor: Actor, other: Posting) -> list[Posting]:
    """The actor's own open postings that stand opposite to one of the market, newest first.

    Those of the same owner are left out: nobody deals with oneself.
    """
    if not actor.may("exchange.talk"):
        return []
    direction = Direction.NEED if other.direction == Direction.OFFER else Direction.OFFER
    own = own_postings(
        actor,
        "exchange.talk",
        category=other.category_id,
        direction=direction,
        state=Posting.State.OPEN,
        besides=other.organisation_id,
    )
    return [row for row in own.first(OWN_OFFERED) if row.window_to >= clock.today()]


OWN_UNITS = 50
"""Units are looked for in so many of one's own newest postings."""


def own_units(actor: Actor) -> dict[str, str]:
    """The unit in which the actor last said a quantity of each category, where it is not the category's."""
    if not actor.may("exchange.post"):
        return {}
    own = own_postings(actor, "exchange.post", rows=Posting.objects.only("category_id", "entered_unit"))
    newest = own.first(OWN_UNITS)
    return {row.category_id: row.entered_unit for row in reversed(newest) if row.entered_unit}


# For you ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Suggestion:
    """A posting that could be a partner of one's own, with what both may know of it."""

    mine: Posting
    other: Posting
    km: int | None
    days: int
    is_by_duals: bool
    is_urgent: bool = False


# Candidates are read where the indexes point, not looked up one by one, and may come twice.
_PARTNERS = """
    WITH taken AS MATERIALIZED (
        SELECT offer_id, need_id FROM exchange_match WHERE state IN ('proposed', 'talking', 'declined')
          AND (offer_id = ANY(%(own)s::bigint[]) OR need_id = ANY(%(own)s::bigint[]))
    )
    SELECT m.id, p.id, CASE m.direction WHEN 'need' THEN m.limit_fen - p.limit_fen
                                        ELSE p.limit_fen - m.limit_fen END,
           d.gain_fen, %(today)s::date - d.on, k.transport_fen_100km,
           least(m.window_to, p.window_to) - greatest(m.window_from, p.window_from, %(today)s::date) + 1,
           m.county_id, p.county_id,
           least(coalesce(m.radius_km, k.radius_km, 100000), coalesce(p.radius_km, k.radius_km, 100000))
    FROM exchange_posting m
    JOIN exchange_category k ON k.code = m.category_id
    CROSS JOIN LATERAL (
        (SELECT o.* FROM exchange_posting o
         WHERE o.state = 'open' AND o.category_id = m.category_id AND m.direction = 'offer'
           AND o.direction = 'need' ORDER BY o.limit_fen DESC, o.id DESC LIMIT %(n)s)
        UNION ALL
        (SELECT o.* FROM exchange_posting o
         WHERE o.state = 'open' AND o.category_id = m.category_id AND m.direction = 'need'
           AND o.direction = 'offer' ORDER BY o.limit_fen, o.id LIMIT %(n)s)
        UNION ALL
        (SELECT o.* FROM exchange_posting o
         WHERE o.state = 'open' AND o.category_id = m.category_id
           AND o.direction = CASE m.direction WHEN 'offer' THEN 'need' ELSE 'offer' END
         ORDER BY o.id DESC LIMIT %(n)s)
    ) p
    LEFT JOIN exchange_dual d ON d.posting_id = p.id
    WHERE m.id = ANY(%(own)s::bigint[])
      AND p.quantity > p.agreed_quantity
      AND CASE m.direction WHEN 'offer' THEN p.certificates <@ m.certificates
                           ELSE m.certificates <@ p.certificates END
      AND NOT EXISTS (SELECT 1 FROM taken x
                      WHERE x.offer_id = CASE m.direction WHEN 'offer' THEN m.id ELSE p.id END
                      AND x.need_id = CASE m.direction WHEN 'offer' THEN p.id ELSE m.id END)
      AND p.window_from <= m.window_to AND p.window_to >= m.window_from AND p.window_to >= %(today)s
      AND (m.owner_kind, coalesce(m.household_id, m.organisation_id, m.village_id))
          IS DISTINCT FROM (p.owner_kind, coalesce(p.household_id, p.organisation_id, p.village_id))
"""


@dataclass(frozen=True)
class _Pair:
    mine: int
    other: int
    rank: int
    km: int | None
    days: int
    is_by_duals: bool


def for_you(actor: Actor, limit: int = 6) -> list[Suggestion]:
    """Possible partners for the actor's newest open postings, the best of each in turn.

    Constant queries. Left out: who lacks a certificate asked for, and with whom there is a proposal or talk,
    or was one that somebody declined. Ranked by gain less fresh duals (``rules.partner_rank``); limits order
    the partners of one posting and never leave them out, so that nobody can try out another's limit.
    """
    if not actor.may("exchange.post"):
        return []
    today = clock.today()
    rows = Posting.objects.filter(side_filter(actor, "exchange.post"), state="open", window_to__gte=today)
    mine = {row.pk: row for row in rows.select_related("category", "place").order_by("-id")[:OWN_SHOWN]}
    pairs = _ranked(list(mine), today) if mine else []
    of_each = [[p for p in pairs if p.mine == number] for number in mine]
    turns = [pair for turn in zip_longest(*of_each) for pair in turn if pair is not None]
    shown = list({pair.other: pair for pair in reversed(turns)}.values())[::-1][:limit]
    others = open_market().filter(pk__in=[pair.other for pair in shown]).in_bulk()
    marked = urgent_postings(list(others)) if others else set()
    return [
        Suggestion(mine[p.mine], others[p.other], p.km, p.days, p.is_by_duals, p.other in marked)
        for p in shown
        if p.other in others
    ]


def _ranked(own: list[int], today: date) -> list[_Pair]:
    with connection.cursor() as cursor:
        cursor.execute(_PARTNERS, {"own": own, "today": today, "n": CANDIDATES})
        rows = set(cursor.fetchall())
    points = points_of(number for row in rows for number in row[7:9])
    pairs = [pair for row in rows if (pair := _pair(row, points)) is not None]
    return sorted(pairs, key=lambda p: (-p.rank, p.km is None, p.km or 0, -p.other))


def _pair(row: tuple[Any, ...], points: Points) -> _Pair | None:
    """One candidate, or None if it is out of either side's reach."""
    mine, other, spread, dual, age, fen_100km, days, home, away, reach = row
    km = km_between(points, home, away)
    if (km is None and reach < 100_000) or (km is not None and km > reach):
        return None
    gain = spread - -(-(km or 0) * fen_100km // 100)
    is_fresh = dual is not None and age <= FRESH_DAYS
    return _Pair(mine, other, partner_rank(gain, dual, age), km, days, is_fresh)
