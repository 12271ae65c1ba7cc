"""What a publication will say: totals, flows and tables that cannot be turned back into a household."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, F, Max, Sum
from django.utils import translation
from django.utils.translation import gettext as _

from yuchang.exchange.models import Agreement
from yuchang.ledger.models import Leg, Way
from yuchang.ledger.queries import streams
from yuchang.market.models import Order, Settlement
from yuchang.places.models import Place
from yuchang.portal.models import PublishedCounty, PublishedTable, Release
from yuchang.portal.rules.groups import (
    SMALLEST_GROUP,
    Cells,
    join_small_columns,
    join_small_groups,
    join_small_rows,
    steady,
    suppress,
)
from yuchang.registry import codes
from yuchang.registry.models import Household

# With how many earlier publications the next one is compared. Older ones are compared through these.
COMPARED = 60
REST = "rest"


@dataclass(frozen=True)
class CountyFigures:
    """What a publication says, amounts in fen; None is not said. ``money_as_of``: see ``PublishedCounty``."""

    county_code: str
    from_on: date
    as_of: date
    households_listed: int | None
    matched_count: int | None
    matched_fen: int | None
    sold_fen: int | None
    paid_fen: int | None
    households_paid: int | None
    money_as_of: date | None
    causes: dict[str, int]
    sankey: dict[str, Any]

    def as_text(self) -> dict[str, Any]:
        """Plain values, as they are hashed."""
        plain = asdict(self)
        days = ("from_on", "as_of", "money_as_of")
        return plain | {name: plain[name].isoformat() if plain[name] else None for name in days}


@dataclass(frozen=True)
class Counted:
    """Figures, and up to which leg of the book they count; None when the money repeats an earlier one."""

    figures: CountyFigures
    last_leg: int | None


class Receipt(NamedTuple):
    """What one household received by one way, within one pattern of earlier and new publications."""

    pattern: str
    way: str
    township_id: int
    household_id: int
    fen: int
    is_paid: bool


def county_figures(county: Place, from_on: date, as_of: date) -> Counted:
    """A county's totals from the first to the last day, held against everything published before."""
    earlier = list(PublishedCounty.objects.filter(county_id=county.pk).order_by("id"))[-COMPARED:]
    same = [row for row in earlier if row.from_on == from_on]
    with translation.override("zh-hans"):
        money, last_leg = _money(county, from_on, as_of, same)
        listed = Household.objects.filter(county_id=county.pk, state=Household.State.LISTED).count()
        return Counted(
            CountyFigures(
                county_code=county.code,
                from_on=from_on,
                as_of=as_of,
                households_listed=listed if listed >= SMALLEST_GROUP else None,
                causes=_causes(county, earlier),
                **_matched(county, from_on, as_of, same),
                **money,
            ),
            last_leg,
        )


def _matched(county: Place, from_on: date, as_of: date, same: list[PublishedCounty]) -> dict[str, Any]:
    """Agreements, said when at least ten; a change by fewer than ten is not said yet."""
    found = Agreement.objects.filter(
        county_id=county.pk, state__in=["agreed", "fulfilled"], agreed_at__date__range=(from_on, as_of)
    ).aggregate(n=Count("pk"), fen=Sum(F("quantity") * F("price_fen")))
    if found["n"] < SMALLEST_GROUP:
        return {"matched_count": None, "matched_fen": None}
    said = [row for row in same if row.matched_count is not None]
    held = steady(found["n"], [row.matched_count for row in said])
    is_new = held == found["n"] and not any(
        row.matched_count == found["n"] and row.matched_fen != found["fen"] for row in said
    )
    if is_new:
        return {"matched_count": found["n"], "matched_fen": int(found["fen"] or 0)}
    return {"matched_count": said[-1].matched_count, "matched_fen": said[-1].matched_fen}


_RECEIPTS = """
    SELECT {pattern} AS pattern, way, township_id, household_id,
           sum(amount_fen)::bigint, bool_or(amount_fen > 0)
    FROM ledger_leg
    WHERE county_id = %(county)s AND household_id IS NOT NULL AND ({pattern}) <> '{nowhere}'
    GROUP BY 1, 2, 3, 4
"""


def _receipts(county: Place, windows: list[tuple[date, date, int]]) -> list[Receipt]:
    """What households received, each piece marked with the windows (days, last leg) that count it."""
    given: dict[str, Any] = {"county": county.pk}
    parts = []
    for i, (first, last, leg) in enumerate(windows):
        given |= {f"first{i}": first, f"last{i}": last, f"leg{i}": leg}
        test = f"booked_on BETWEEN %(first{i})s AND %(last{i})s AND id <= %(leg{i})s"
        parts.append(f"CASE WHEN {test} THEN '1' ELSE '0' END")
    sql = _RECEIPTS.format(pattern=" || ".join(parts), nowhere="0" * len(windows))
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return [Receipt(*row) for row in cursor.fetchall()]


def _money(
    county: Place, from_on: date, as_of: date, same: list[PublishedCounty]
) -> tuple[dict[str, Any], int | None]:
    """What was paid, unless that, held against an earlier publication, shows what few households received."""
    releases = Release.objects.filter(county_id=county.pk).order_by("-id")[:COMPARED]
    last_leg = Leg.objects.filter(county_id=county.pk).aggregate(n=Max("id"))["n"] or 0
    windows = [(row.from_on, row.as_of, row.last_leg) for row in releases] + [(from_on, as_of, last_leg)]
    receipts = _receipts(county, windows)
    if receipts and are_many(receipts, lambda _receipt: ""):
        counted = [receipt for receipt in receipts if receipt.pattern.endswith("1")]
        paid = sum(receipt.fen for receipt in counted)
        households = len({receipt.household_id for receipt in counted if receipt.is_paid})
        if households >= SMALLEST_GROUP:
            sold = _sold(county, from_on, as_of)
            sankey = _sankey(county, receipts, from_on, as_of)
            said = {"sold_fen": sold, "paid_fen": paid, "households_paid": households}
            return said | {"sankey": sankey, "money_as_of": as_of}, last_leg
    fields = ("sold_fen", "paid_fen", "households_paid", "sankey", "money_as_of")
    for row in reversed(same):
        if row.paid_fen is not None:
            return {field: getattr(row, field) for field in fields}, None
    return dict.fromkeys(fields) | {"sankey": {}}, None


def _sold(county: Place, from_on: date, as_of: date) -> int:
    """What buyers paid on these days for orders that stand, less what was given back by then, in fen."""
    orders = Order.objects.filter(county_id=county.pk, paid_at__date__range=(from_on, as_of))
    standing = orders.exclude(state__in=["refunded", "cancelled"])
    settled = Settlement.objects.filter(order__in=standing, settled_at__date__lte=as_of)
    paid = standing.aggregate(fen=Sum("total_fen", default=0))["fen"]
    returned = settled.aggregate(fen=Sum("refunded_fen", default=0))["fen"]
    return int(paid - returned)


def are_many(receipts: Iterable[Receipt], group: Callable[[Receipt], object]) -> bool:
    """Whether every group, within every pattern of publications, holds at least ten households.

    Patterns are the pieces into which all windows cut the book; sums and differences of publications
    are sums of whole pieces, so none of them can be about fewer households.
    """
    found: dict[tuple[str, object], set[int]] = defaultdict(set)
    for receipt in receipts:
        found[receipt.pattern, group(receipt)].add(receipt.household_id)
    return all(len(households) >= SMALLEST_GROUP for households in found.values())


def groups_to_show(receipts: list[Receipt], group: Callable[[Receipt], object]) -> set[object]:
    """The groups that may stand alone; the others go into a rest, which must be large enough, too."""
    keys = {group(receipt) for receipt in receipts}
    shown = {key for key in keys if are_many((r for r in receipts if group(r) == key), group)}
    rest = [receipt for receipt in receipts if group(receipt) not in shown]
    return shown if are_many(rest, lambda _receipt: "") else set()


def _sankey(county: Place, receipts: list[Receipt], from_on: date, as_of: date) -> dict[str, Any]:
    """Buyers → ways → townships; what is about few households shares one node."""
    ways = groups_to_show(receipts, lambda r: r.way)
    towns = groups_to_show(receipts, lambda r: r.township_id)

    def way_of(receipt: Receipt) -> str:
        return receipt.way if receipt.way in ways else REST

    def town_of(receipt: Receipt) -> int:
        return receipt.township_id if receipt.township_id in towns else 0

    if not are_many(receipts, lambda r: (way_of(r), town_of(r))):
        towns = set()
    names = dict(Place.objects.filter(pk__in=[int(str(pk)) for pk in towns]).values_list("pk", "name"))
    buyers, links = _("买方"), dict[tuple[str, str], int]()
    for receipt in receipts:
        if receipt.pattern.endswith("1"):
            way = str(Way(way_of(receipt)).label) if way_of(receipt) in Way.values else _("其他方式")
            for step in ((buyers, way), (way, names.get(town_of(receipt), _("其他乡镇的农户")))):
                links[step] = links.get(step, 0) + receipt.fen
    fees = sum(s.amount_fen for s in streams(county, from_on, as_of) if s.sink != "household")
    links[buyers, _("合作社、物流与平台")] = fees
    kept = {step: value for step, value in links.items() if value > 0}
    return {
        "unit": "fen",
        "nodes": [{"name": name} for name in dict.fromkeys(n for step in kept for n in step)],
        "links": [{"source": a, "target": b, "value": value} for (a, b), value in kept.items()],
    }


def flows_in_words(sankey: dict[str, Any]) -> dict[str, Any]:
    """A published drawing with our words, not the names of places, in the reader's language."""
    titled = [{**node, "title": _(node["name"])} for node in sankey.get("nodes", ())]
    return {**sankey, "nodes": titled} if titled else sankey


def _causes(county: Place, earlier: list[PublishedCounty]) -> dict[str, int]:
    """Listed households by group of cause; groups below ten go into the rest, small changes wait."""
    counts: dict[str, int] = {}
    for cells in _cause_counts(county).values():
        for group, n in cells.items():
            counts[group] = counts.get(group, 0) + n

    joined = join_small_groups(counts, "other")
    held = {group: steady(n, [row.causes.get(group) for row in earlier]) for group, n in joined.items()}
    return {group: n for group, n in held.items() if n is not None}


def _cause_counts(county: Place) -> dict[str, dict[str, int]]:
    """Listed households of a county by township and group of cause."""
    listed = Household.objects.filter(county_id=county.pk, state=Household.State.LISTED).order_by()
    table: dict[str, dict[str, int]] = {}
    counted = listed.values_list("township_id", "main_cause").annotate(n=Count("pk"))
    for township, cause, n in counted:
        cells = table.setdefault(str(township or ""), {})
        group = codes.CAUSE_GROUPS.get(cause, "other")
        cells[group] = cells.get(group, 0) + n
    return table


@dataclass(frozen=True)
class OpenTable:
    """Counts of listed households by township and group of cause, fit for anyone's eyes."""

    rows: list[str]
    columns: list[str]
    cells: Cells

    def as_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "columns": self.columns, "cells": self.cells}


CAUSES_BY_TOWNSHIP = "causes-by-township"


def causes_by_township(county: Place) -> OpenTable | None:
    """The open table of a county; None when it has too few households for any.

    Townships of fewer than twenty listed households share a row. A cell that changed by fewer than ten
    since any release keeps the number last said, so that two releases never differ by a few households.
    """
    counts = _cause_counts(county)
    names = {str(pk): name for pk, name in _names(counts)}
    joined = join_small_columns(join_small_rows(counts, REST), "other")
    if len(joined) < 2 or any(len(cells) < 2 for cells in joined.values()):
        return None
    cells = suppress({names.get(key, "其他乡镇"): row for key, row in joined.items()})
    earlier = [
        row.rows["cells"]
        for row in PublishedTable.objects.filter(county_id=county.pk, dataset=CAUSES_BY_TOWNSHIP).order_by(
            "id"
        )
    ]
    held = {
        town: {
            group: steady(n, [table.get(town, {}).get(group) for table in earlier])
            for group, n in groups.items()
        }
        for town, groups in cells.items()
    }
    return OpenTable(sorted(held), sorted({g for row in held.values() for g in row}), held)


def _names(counts: dict[str, dict[str, int]]) -> Iterable[tuple[int, str]]:
    return Place.objects.filter(pk__in=[int(key) for key in counts if key]).values_list("pk", "name")
