"""Places side by side: their figures, a small line for each, and which stand out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from yuchang.accounts.queries import LEVEL_COLUMNS, place_filter
from yuchang.accounts.rules import Actor
from yuchang.core.models import TallyNow
from yuchang.places.models import Place
from yuchang.workbench.queries import figures as f
from yuchang.workbench.queries import tallied
from yuchang.workbench.queries.sources import SOURCES
from yuchang.workbench.rules import Outlier, outliers

COMPARED = ("households", "listed", "to_verify", "alerts", "overdue", "agreements", "paid", "households_paid")
MONTHS = 6


@dataclass(frozen=True)
class Region:
    """One place of the table: its figures in the table's order, and its money month by month."""

    place: Place
    figures: list[f.Figure]
    spark: str


@dataclass(frozen=True)
class Regions:
    """The table of the places below one: heads as (name, word), lines in the order asked for."""

    place: Place
    heads: list[tuple[str, str]]
    lines: list[Region]
    sort: str
    is_down: bool
    outliers: list[tuple[Place, str]]


def regions(actor: Actor, today: date, place: Place, sort: str = "") -> Regions:
    """The divisions directly below ``place`` in which anything is. The queries do not grow with their number.

    ``sort`` names a figure, with ``-`` for the greatest first; without one the official order stays.
    """
    names = [n for n in COMPARED if actor.may(SOURCES[n].permission)]
    f.read_children_ahead(names, actor, place)
    columns = [f.by_child(name, actor, today, place) for name in names]
    money = _paid_by_month(actor, today, place)
    found = [
        Region(row[0].place, [tile.figure for tile in row], f.sparkline(money.get(row[0].place.pk, [])))
        for row in zip(*columns, strict=True)
        if any(tile.figure.value for tile in row)
    ]
    key, is_down = sort.lstrip("-"), sort.startswith("-")
    if key in names:
        at = names.index(key)
        found.sort(key=lambda region: region.figures[at].value, reverse=is_down)
    heads = [(n, str(SOURCES[n].label)) for n in names]
    return Regions(place, heads, found, key if key in names else "", is_down, _outliers(names, found))


def _outliers(names: list[str], found: list[Region]) -> list[tuple[Place, str]]:
    """Who stands out, with the share and what is usual beside it."""
    places = {region.place.pk: region.place for region in found}
    told: list[tuple[Place, str]] = []
    for part, whole, sentence in (
        ("overdue", "alerts", _("逾期预警占未办结的 %(share)s，其他地区一般为 %(usual)s")),
        ("to_verify", "households", _("待核实农户占登记的 %(share)s，其他地区一般为 %(usual)s")),
    ):
        if part not in names or whole not in names:
            continue
        a, b = names.index(part), names.index(whole)
        shares = {r.place.pk: (r.figures[a].value, r.figures[b].value) for r in found}
        told += [(places[o.key], sentence % _percent(o)) for o in outliers(shares)]
    return told


def _percent(found: Outlier) -> dict[str, str]:
    return {"share": f"{found.share:.0%}", "usual": f"{found.usual:.0%}"}


def _paid_by_month(actor: Actor, today: date, place: Place) -> dict[int, list[int]]:
    """What reached households in each of the last months, by child place. One query."""
    level = place.level + 1
    if level not in LEVEL_COLUMNS or not actor.may("ledger.read"):
        return {}
    column = LEVEL_COLUMNS[level]
    months = [f"{m:%Y-%m}" for m in f.months_before(today, MONTHS)]
    rows: Any = TallyNow.objects.filter(
        place_filter(actor, "ledger.read"),
        subject=tallied.PAID,
        key__in=months,
        **{LEVEL_COLUMNS[place.level]: place.pk},
    )
    found: dict[int, list[int]] = {}
    for pk, month, fen in rows.values_list(column, "key").annotate(_n=Sum("amount")):
        found.setdefault(pk, [0] * MONTHS)[months.index(month)] = int(fen)
    return found
