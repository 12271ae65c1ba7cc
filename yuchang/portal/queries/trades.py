"""Deals as the public may know them: what a county's next publication says, and what all said together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.utils import translation
from django.utils.translation import gettext as _

from yuchang.core.language import is_english
from yuchang.core.money import plain_yuan
from yuchang.exchange.catalogue import read_categories
from yuchang.exchange.models import Clearing
from yuchang.exchange.pictures import sankey_of
from yuchang.places.models import Place
from yuchang.portal.models import PublishedTable
from yuchang.portal.rules.groups import SMALLEST_GROUP, steady
from yuchang.portal.rules.trades import REST, Cell, Line, line_of, lines_to_tell

DEALS = "deals"
SHOWN = 200


@dataclass(frozen=True)
class Told:
    """What one publication says: deals agreed from the first to the last day, by line; money in fen."""

    from_on: date
    as_of: date
    province: str
    lines: dict[Line, tuple[int, int]]
    proposals: int | None

    def as_json(self) -> dict[str, Any]:
        """As it is stored, and read again by ``_told``."""
        lines = [[*line, *sums] for line, sums in sorted(self.lines.items())]
        return {
            "from_on": self.from_on.isoformat(),
            "as_of": self.as_of.isoformat(),
            "province": self.province,
            "lines": lines,
            "proposals": self.proposals,
        }


def _told(row: PublishedTable) -> Told:
    said = row.rows
    return Told(
        date.fromisoformat(said["from_on"]),
        date.fromisoformat(said["as_of"]),
        said["province"],
        {(category, province): (count, fen) for category, province, count, fen in said["lines"]},
        said["proposals"],
    )


# Terms never change once both sides have signed, and days that are over get no more deals: whoever counts
# the same days counts the same.
_CELLS = """
    SELECT {bits} AS bits, a.category_id, t.name,
           array_agg(DISTINCT CASE o.owner_kind WHEN 'household' THEN 'h' || o.household_id
                              WHEN 'village' THEN 'v' || o.village_id ELSE 'o' || o.organisation_id END),
           array_agg(DISTINCT CASE n.owner_kind WHEN 'household' THEN 'h' || n.household_id
                              WHEN 'village' THEN 'v' || n.village_id ELSE 'o' || n.organisation_id END),
           count(*), sum(a.quantity * a.price_fen)::bigint
    FROM exchange_agreement a
    JOIN exchange_posting o ON o.id = a.offer_id JOIN exchange_posting n ON n.id = a.need_id
    LEFT JOIN places_place t ON t.id = n.province_id
    WHERE a.county_id = %(county)s AND a.state IN ('agreed', 'fulfilled', 'closed')
      AND (a.agreed_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN %(first)s AND %(last)s
    GROUP BY 1, 2, 3
"""


def next_deals(county: Place, today: date) -> Told | None:
    """What a county may say today: the deals of the year up to yesterday. None when that tells too much."""
    as_of = today - timedelta(days=1)
    from_on = as_of.replace(month=1, day=1)
    rows = PublishedTable.objects.filter(county_id=county.pk, dataset=DEALS, as_of__gte=from_on)
    earlier = [_told(row) for row in rows.order_by("id")]
    lines = lines_to_tell(_cells(county, from_on, as_of, earlier))
    if lines is None:
        return None
    province = Place.objects.filter(pk=county.province_id or 0).values_list("name", flat=True).first() or ""
    return Told(from_on, as_of, province, lines, _proposals(county, from_on, as_of, earlier))


def _cells(county: Place, from_on: date, as_of: date, earlier: list[Told]) -> list[Cell]:
    windows = [*((one.from_on, one.as_of) for one in earlier), (from_on, as_of)]
    values: dict[str, Any] = {"county": county.pk}
    values |= {"first": min(first for first, _last in windows), "last": max(last for _first, last in windows)}
    bits = []
    for i, (first, last) in enumerate(windows):
        values |= {f"first{i}": first, f"last{i}": last}
        day = "(a.agreed_at AT TIME ZONE 'Asia/Shanghai')::date"
        bits.append(f"CASE WHEN {day} BETWEEN %(first{i})s AND %(last{i})s THEN '1' ELSE '0' END")
    with connection.cursor() as cursor:
        cursor.execute(_CELLS.format(bits=" || ".join(bits)), values)
        return [_cell(row, earlier) for row in cursor.fetchall()]


def _cell(row: tuple[Any, ...], earlier: list[Told]) -> Cell:
    bits, category, province, givers, takers, count, fen = row
    place = province or REST
    told = tuple(
        line_of(category, place, set(one.lines)) if bit == "1" else None
        for bit, one in zip(bits, earlier, strict=False)
    )
    is_new = bits[-1] == "1"
    return Cell(told, is_new, category, place, frozenset(givers), frozenset(takers), count, int(fen))


def _proposals(county: Place, from_on: date, as_of: date, earlier: list[Told]) -> int | None:
    """Proposals of the county's published clearings, said when at least ten and when changed by ten."""
    runs = Clearing.objects.filter(county=county, state=Clearing.State.PUBLISHED, on__range=(from_on, as_of))
    found = runs.aggregate(n=Sum("match_count"))["n"] or 0
    return steady(found, [one.proposals for one in earlier]) if found >= SMALLEST_GROUP else None


# The newest publication of each county, each of its lines once.
_PUBLISHED = """
    WITH newest AS (
        SELECT DISTINCT ON (county_code) * FROM portal_publishedtable
        WHERE dataset = %(dataset)s AND expires_on >= %(today)s {only}
        ORDER BY county_code, id DESC
    )
    SELECT {giver}, l.line ->> 0, l.line ->> 1, sum((l.line ->> 2)::bigint)::bigint,
           sum((l.line ->> 3)::bigint)::bigint AS fen
    FROM newest n CROSS JOIN LATERAL jsonb_array_elements(n.rows -> 'lines') AS l(line)
    GROUP BY 1, 2, 3 ORDER BY fen DESC, 1, 2, 3
"""
_SUMMARY = """
    SELECT count(*), min(as_of), max(as_of), sum((rows ->> 'proposals')::bigint)::bigint FROM (
        SELECT DISTINCT ON (county_code) as_of, rows FROM portal_publishedtable
        WHERE dataset = %(dataset)s AND expires_on >= %(today)s {only}
        ORDER BY county_code, id DESC
    ) AS newest
"""


@dataclass(frozen=True)
class PublicDeals:
    """Deals as published: how many counties said something, until when, by line, and as a picture."""

    counties: int
    oldest: date | None
    newest: date | None
    proposals: int | None
    count: int
    fen: int
    lines: list[dict[str, Any]]
    sankey: dict[str, Any]


def public_deals(today: date, county_code: str = "") -> PublicDeals:
    """What one county, or all together, have published of their deals. Two statements."""
    values: dict[str, Any] = {"dataset": DEALS, "today": today, "code": county_code}
    only = "AND county_code = %(code)s" if county_code else ""
    giver = "n.county_name" if county_code else "n.rows ->> 'province'"
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY.format(only=only), values)
        counties, oldest, newest, proposals = cursor.fetchone()
        cursor.execute(_PUBLISHED.format(only=only, giver=giver), values)
        rows = [
            (where, _category(category), _province(taker), int(n), int(fen))
            for where, category, taker, n, fen in cursor.fetchall()
        ]
    names = ("giver", "category", "taker", "count", "fen")
    return PublicDeals(
        counties,
        oldest,
        newest,
        proposals,
        sum(row[3] for row in rows),
        sum(row[4] for row in rows),
        [dict(zip(names, row, strict=True)) for row in rows[:SHOWN]],
        sankey_of([(where, category, taker, fen) for where, category, taker, _n, fen in rows if fen]),
    )


def deal_lines(county: str, found: Told) -> Iterator[Sequence[Any]]:
    """The table of a publication, heading first; amounts in yuan."""
    yield ["供方县", "品类", "需方地区", "协议数", "签约金额（元）"]
    with translation.override("zh-hans"):
        for (category, province), (count, fen) in sorted(found.lines.items()):
            yield [county, _category(category), _province(province), count, plain_yuan(fen)]


@lru_cache(maxsize=1)
def _names() -> dict[str, tuple[str, str]]:
    """The shipped categories: the public zone has no table of them."""
    return {row["code"]: (row["name_zh"], row["name_en"]) for row in read_categories()}


def _category(code: str) -> str:
    if code == REST:
        return _("其他品类")
    chinese, english = _names().get(code, (code, code))
    return english if is_english() else chinese


def _province(name: str) -> str:
    return _("其他地区") if name == REST else name
