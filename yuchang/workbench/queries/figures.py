"""Figures: each number of a page, and the list of exactly the rows that it counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, DateTimeField, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth
from django.http import HttpRequest, QueryDict
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.queries import LEVEL_COLUMNS, assigned, is_national, place_filter
from yuchang.accounts.rules import Actor, OrganisationScope, PlaceScope
from yuchang.core import tallies
from yuchang.core.errors import Hidden, invalid
from yuchang.core.language import is_english
from yuchang.core.lists import Cell, Column, Head, Listing, listing
from yuchang.core.money import format_wan, format_yuan
from yuchang.core.once import once
from yuchang.core.paging import keyset_page
from yuchang.core.prepared import prepared
from yuchang.core.tallies import amount_by_key, tally_by_key
from yuchang.places.models import Place
from yuchang.registry.queries import households_for
from yuchang.workbench.queries.sources import SOURCES, News, Rows, Source, Tallied

SHADES = 5


@dataclass(frozen=True)
class Figure:
    """A number ready to be shown; ``href`` opens the list of what it counts."""

    name: str
    label: str
    value: int
    shown: str
    href: str
    title: str = ""
    unit: str = ""
    note: str = ""
    spark: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Selection:
    """Which part of a source: a place, a month (its first day), further filters.

    ``mine`` leaves what is about the households assigned to the reader.
    """

    place: Place | None = None
    month: date | None = None
    extra: tuple[tuple[str, str], ...] = ()
    mine: bool = False

    def query(self) -> str:
        """The part of an address that says the same."""
        pairs = [("place", str(self.place.pk))] if self.place else []
        pairs += [("month", f"{self.month:%Y-%m}")] if self.month else []
        pairs += [("mine", "1")] if self.mine else []
        return urlencode([*pairs, *self.extra])


def source(name: str) -> Source:
    """The source of this name. Raises Hidden."""
    if name not in SOURCES:
        raise Hidden(_("没有这项统计。"), remedy=_("请从首页或本地页进入。"))
    return SOURCES[name]


def rows_of(item: Source, actor: Actor, today: date, chosen: Selection) -> Rows:
    """The rows that a figure counts. Raises Refused without the source's permission."""
    require(actor, item.permission)
    rows = item.rows(actor, today)
    if chosen.place:
        rows = rows.filter(**{item.prefix + LEVEL_COLUMNS[chosen.place.level]: chosen.place.pk})
    if chosen.month and item.dated_by:
        rows = rows.filter(**_within(item.dated_by, rows, chosen.month, _next_month(chosen.month)))
    for key, value in chosen.extra:
        rows = rows.filter(**{item.extra[key]: value})
    if chosen.mine:
        rows = rows.filter(assigned(actor, item.household)) if item.household else rows.none()
    return rows


def number_of(item: Source, actor: Actor, today: date, chosen: Selection) -> int:
    """The number itself, from the tally where one is kept: one query a request. Raises Refused."""
    if not _is_tallied(item, actor, chosen):
        rows = rows_of(item, actor, today, chosen)
        return once(("workbench.figure", item.name, actor, today, chosen), lambda: value_of(item, rows))
    total = sum(_fitting(item, actor, today, chosen, is_amount=item.sum_of is not None).values())
    beside = _beside(item, actor, today, chosen)
    return total + (value_of(item, beside) if beside is not None else 0)


def count_of(item: Source, actor: Actor, today: date, chosen: Selection) -> int:
    """How many rows the figure counts or sums."""
    if not _is_tallied(item, actor, chosen):
        return rows_of(item, actor, today, chosen).order_by().count()
    total = sum(_fitting(item, actor, today, chosen, is_amount=False).values())
    beside = _beside(item, actor, today, chosen)
    return total + (beside.order_by().count() if beside is not None else 0)


def _is_tallied(item: Source, actor: Actor, chosen: Selection) -> bool:
    """Whether the tally has this figure. An organisation's rows lie in no place of its own."""
    scopes = actor.scopes(item.permission)
    if item.tally is None or chosen.extra or chosen.mine or actor.organisation_ids(item.permission):
        return False
    if scopes and not any(isinstance(scope, PlaceScope) for scope in scopes):
        return False
    return not (chosen.month and item.dated_by) or item.tally.has_months


def read_ahead(names: Iterable[str], actor: Actor, chosen: Selection) -> None:
    """Read the tallies of these figures at once; what the actor may not see is left out."""
    wanted: dict[Q, set[str]] = {}
    for item in map(source, names):
        if item.tally and actor.may(item.permission) and _is_tallied(item, actor, chosen):
            wanted.setdefault(_area(item, actor, chosen), set()).add(item.tally.subject)
    for within, subjects in wanted.items():
        tallies.read_ahead(sorted(subjects), within)


def _fitting(
    item: Source, actor: Actor, today: date, chosen: Selection, *, is_amount: bool
) -> dict[str, int]:
    """The tally's keys that count here, with their numbers or amounts."""
    require(actor, item.permission)
    assert item.tally is not None  # noqa: S101 - asked before
    kept, month = item.tally, f"{chosen.month:%Y-%m}" if chosen.month and item.dated_by else ""
    found = (amount_by_key if is_amount else tally_by_key)(kept.subject, _area(item, actor, chosen))
    return {
        key: n
        for key, n in found.items()
        if kept.fits(key, today) and (not month or kept.month(key) == month)
    }


def _beside(item: Source, actor: Actor, today: date, chosen: Selection) -> Rows | None:
    """The rows opened one by one outside the actor's places, which no tally of the places has."""
    single = tuple(grant for grant in actor.grants if not isinstance(grant.scope, PlaceScope))
    alone = Actor(actor.user_id, actor.name, single, actor.only)
    if not alone.may(item.permission):
        return None
    rows = rows_of(item, alone, today, chosen)
    return rows.exclude(place_filter(actor, item.permission, item.prefix))


def _area(item: Source, actor: Actor, chosen: Selection) -> Q:
    within = place_filter(actor, item.permission)
    return within & Q(**{LEVEL_COLUMNS[chosen.place.level]: chosen.place.pk}) if chosen.place else within


def value_of(item: Source, rows: Rows) -> int:
    """The number from the rows themselves."""
    if item.sum_of is None:
        return rows.order_by().count()
    found = rows.order_by().aggregate(total=Coalesce(Sum(item.sum_of), 0))
    return int(found["total"])


def figure(
    name: str, actor: Actor, today: date, chosen: Selection | None = None, *, months: int = 0
) -> Figure:
    """One number with its list's address; ``months`` > 0 adds a sparkline and last month's value."""
    item, chosen = source(name), chosen or Selection()
    value = number_of(item, actor, today, chosen)
    note, spark = "", ""
    series = monthly(item, actor, today, chosen, months) if months and (item.news or item.dated_by) else []
    if series:
        word = _("上月新增 %(value)s") if item.news else _("上月 %(value)s")
        spark, note = sparkline(series), word % {"value": shown(item, series[-2])}
    return Figure(
        name=name,
        label=_("本月%(what)s") % {"what": item.label} if chosen.month else str(item.label),
        value=value,
        shown=shown(item, value),
        href=list_address(name, chosen),
        title=f"¥{format_yuan(value)}" if item.sum_of is not None else "",
        unit=str(item.words) if item.sum_of is None else _("元"),
        note=note,
        spark=spark,
        kind="bad" if item.is_bad and value else "",
    )


def shown(item: Source, value: int) -> str:
    """A count with separators, an amount in 万 or 亿."""
    return f"{value:,}" if item.sum_of is None else format_wan(value, in_english=is_english())


def list_address(name: str, chosen: Selection) -> str:
    """The page that lists what the figure counts."""
    query = chosen.query()
    return _list_page(get_urlconf(), get_script_prefix(), name) + (f"?{query}" if query else "")


@cache
def _list_page(_urlconf: str | None, _prefix: str, name: str) -> str:
    return reverse("workbench:figure", args=[name])


def monthly(item: Source, actor: Actor, today: date, chosen: Selection, months: int) -> list[int]:
    """The last ``months`` months, the present one last: what happened in each (or stood at its end)."""
    firsts = months_before(today, months)
    if item.news:
        if chosen.mine or _is_below_a_county(actor, item.news.permission, chosen.place):
            return []  # what was new is known by county only
        new = _new_by_month(item.news, actor, chosen.place, firsts[0])
        return [new.get(first, 0) for first in firsts]
    everything = Selection(chosen.place, None, chosen.extra, chosen.mine)
    if item.tally and item.tally.has_months and _is_tallied(item, actor, everything):
        fitting = _fitting(item, actor, today, everything, is_amount=item.sum_of is not None)
        return [_in_month(item, item.tally, fitting, f"{first:%Y-%m}") for first in firsts]
    if not item.sum_of and not number_of(item, actor, today, everything):
        return [0] * months
    rows = rows_of(item, actor, today, everything)
    if item.is_cumulative:
        total = value_of(item, rows)
        later = _by_month(rows, item.dated_by, item.sum_of, firsts[0])
        return [total - sum(v for m, v in later.items() if m > first) for first in firsts]
    found = _by_month(rows, item.dated_by, item.sum_of, firsts[0])
    return [found.get(first, 0) for first in firsts]


def _in_month(item: Source, kept: Tallied, fitting: dict[str, int], month: str) -> int:
    """What happened in a month, or for a cumulative figure stood at its end."""
    if item.is_cumulative:
        return sum(n for key, n in fitting.items() if kept.month(key) <= month)
    return sum(n for key, n in fitting.items() if kept.month(key) == month)


def _is_below_a_county(actor: Actor, permission: str, place: Place | None) -> bool:
    scopes = actor.scopes(permission)
    levels = [place.level] if place else [s.level for s in scopes if isinstance(s, PlaceScope)]
    return any(level > Place.Level.COUNTY for level in levels)


def _new_by_month(news: News, actor: Actor, place: Place | None, since: date) -> dict[date, int]:
    within = place_filter(actor, news.permission)
    if place:
        within &= Q(**{LEVEL_COLUMNS[place.level]: place.pk})
    return once(("workbench.news", within, since), lambda: dict(news.by_month(within, since)))


def _by_month(rows: Rows, dated_by: str, sum_of: Any, since: date) -> dict[date, int]:
    measure = Count("pk") if sum_of is None else Sum(sum_of)
    grouped = rows.filter(**_within(dated_by, rows, since, None)).order_by()
    found = grouped.annotate(_m=TruncMonth(dated_by)).values_list("_m").annotate(_n=measure)
    return {(m.date() if isinstance(m, datetime) else m): int(n) for m, n in found}


def months_before(today: date, months: int) -> list[date]:
    first = today.replace(day=1)
    found = [first]
    while len(found) < months:
        first = (first - timedelta(days=1)).replace(day=1)
        found.append(first)
    return found[::-1]


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def _within(dated_by: str, rows: Rows, start: date, end: date | None) -> dict[str, Any]:
    is_instant = isinstance(rows.model._meta.get_field(dated_by), DateTimeField)

    def bound(day: date) -> date | datetime:
        return timezone.make_aware(datetime.combine(day, time.min)) if is_instant else day

    limits: dict[str, Any] = {f"{dated_by}__gte": bound(start)}
    return limits | ({f"{dated_by}__lt": bound(end)} if end else {})


def sparkline(values: Sequence[int]) -> str:
    """Points of a line in a box of 100 by 24."""
    if len(values) < 2:
        return ""
    low, high = min(*values, 0), max(*values, 1)
    step = 100 / (len(values) - 1)
    return " ".join(f"{i * step:.1f},{22 - 20 * (v - low) / (high - low):.1f}" for i, v in enumerate(values))


@dataclass(frozen=True)
class Tile:
    """One place in a map of tiles: its figure and how dark it is (0 to 5)."""

    place: Place
    figure: Figure
    shade: int


def by_child(name: str, actor: Actor, today: date, place: Place) -> list[Tile]:
    """The figure for each division directly below ``place`` that has any. Two queries, but within one request
    only the first time."""
    item, level = source(name), place.level + 1
    if level not in LEVEL_COLUMNS:
        return []
    found = _grouped(item, LEVEL_COLUMNS[level], actor, today, place)
    highest = max(found.values(), default=0)
    return [
        Tile(
            child,
            _small(item, Selection(child), found.get(child.pk, 0)),
            _shade(found.get(child.pk, 0), highest),
        )
        for child in once(("workbench.children", place.pk), lambda: _children(place))
    ]


def _children(place: Place) -> list[Place]:
    return _below(place.pk)


@prepared
def _below(number: Any) -> QuerySet[Place]:
    rows = Place.objects.filter(parent_id=number, valid_to__isnull=True).order_by("code")
    return rows.only("level", "code", "name")


def read_children_ahead(names: Iterable[str], actor: Actor, place: Place) -> None:
    """Read the tallies behind ``by_child`` of these figures at once; the reader may see them all."""
    wanted: dict[Q, set[str]] = {}
    for item in map(source, names):
        if item.tally and not actor.organisation_ids(item.permission):
            wanted.setdefault(_area(item, actor, Selection(place)), set()).add(item.tally.subject)
    for within, subjects in wanted.items():
        tallies.read_below_ahead(LEVEL_COLUMNS[place.level + 1], sorted(subjects), within)


def _grouped(item: Source, column: str, actor: Actor, today: date, place: Place) -> dict[int, int]:
    if item.tally is None or actor.organisation_ids(item.permission):
        measure = Count("pk") if item.sum_of is None else Sum(item.sum_of)
        rows = rows_of(item, actor, today, Selection(place)).order_by()
        grouped = rows.values_list(item.prefix + column).annotate(_n=measure)
        return {pk: int(n) for pk, n in grouped if pk is not None}
    require(actor, item.permission)
    kept, which = item.tally, 0 if item.sum_of is None else 1
    return {
        pk: sum(pair[which] for key, pair in by_key.items() if kept.fits(key, today))
        for pk, by_key in tallies.below(column, kept.subject, _area(item, actor, Selection(place))).items()
    }


def _small(item: Source, chosen: Selection, value: int) -> Figure:
    assert chosen.place is not None  # noqa: S101 - always called with a place
    return Figure(
        f"{item.name}@{chosen.place.pk}",
        chosen.place.name,
        value,
        shown(item, value),
        list_address(item.name, chosen),
    )


def _shade(value: int, highest: int) -> int:
    return 0 if value <= 0 else max(1, -(-value * SHADES // highest))


@dataclass(frozen=True)
class FigureList:
    """What a figure's list page shows."""

    name: str
    label: str
    value: int
    shown: str
    count: int
    heads: list[Head]
    lines: list[list[Cell]]
    is_money: bool
    chosen: Selection

    @property
    def href(self) -> str:
        """The whole list."""
        return list_address(self.name, self.chosen)


def figure_list(name: str, actor: Actor, today: date, chosen: Selection, size: int = 50) -> FigureList:
    """The first of exactly the rows that the figure counts, with the figure itself."""
    item = source(name)
    value = number_of(item, actor, today, chosen)
    found: list[Any] = []
    if value or item.sum_of is not None:
        found = keyset_page(rows_of(item, actor, today, chosen), order=item.order, size=size).items
    columns = [c for c in columns_of(item, actor) if not c.is_extra]
    return FigureList(
        name=name,
        label=str(item.label),
        value=value,
        shown=f"{value:,}" if item.sum_of is None else format_yuan(value),
        count=value if item.sum_of is None else count_of(item, actor, today, chosen),
        heads=[Head(str(c.head), c.is_number) for c in columns],
        lines=[[c.cell(row) for c in columns] for row in item.prepare(found)],
        is_money=item.sum_of is not None,
        chosen=chosen,
    )


def columns_of(item: Source, actor: Actor) -> tuple[Column, ...]:
    """The columns of a figure's list: its own ones for who reads for an organisation alone."""
    scopes = actor.scopes(item.permission)
    is_own = bool(scopes) and all(isinstance(scope, OrganisationScope) for scope in scopes)
    return item.own_columns if is_own and item.own_columns else item.columns


def whole_list(request: HttpRequest, found: FigureList, actor: Actor, today: date) -> Listing:
    """The list behind a figure as a page of its own: sorted, chosen, exported like every list."""
    item = source(found.name)
    return listing(
        request,
        rows_of(item, actor, today, found.chosen),
        columns_of(item, actor),
        name=f"figure.{found.name}",
        label=found.label,
        order=item.order,
        prepare=item.prepare,
        total=found.count,
    )


def selection(item: Source, actor: Actor, query: QueryDict) -> Selection:
    """Read place, month and filters from an address. Raises Hidden, Invalid."""
    place = place_in_reach(actor, item.permission, query.get("place", "")) if query.get("place") else None
    month = None
    if query.get("month"):
        try:
            month = datetime.strptime(query.get("month", ""), "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
        except ValueError as error:
            raise invalid("month", _("月份无效。"), _("请写成 2026-11 这样的形式。")) from error
    extra = tuple((key, query.get(key, "")) for key in item.extra if query.get(key))
    return Selection(place, month, extra, query.get("mine") == "1")


def place_in_reach(actor: Actor, permission: str, number: str) -> Place:
    """A place within the actor's scope. Raises Hidden when absent or outside."""
    found = None
    if number.isdigit():
        found = Place.objects.filter(place_filter(actor, permission), pk=int(number)).first()
    if found is None:
        raise Hidden(_("没有这个地区，或不在您的管辖范围内。"), remedy=_("请从地区页选择。"))
    return found


def home_place(actor: Actor, permission: str) -> Place | None:
    """Where the actor works, of several places the widest; for the country the first county with households.

    None for whom only single households were opened: the figures of a place are not theirs.
    """
    own = [scope for scope in actor.scopes(permission) if isinstance(scope, PlaceScope) and scope.level]
    if own:
        return next(iter(places_of([min(own, key=lambda scope: scope.level).place_id])), None)
    if not is_national(actor, permission):
        return None
    county_id = households_for(actor).order_by("county_id").values_list("county_id", flat=True).first()
    return next(iter(places_of([county_id])), None) if county_id else None


def places_of(numbers: Iterable[int]) -> list[Place]:
    """The places of these numbers. One query."""
    wanted = sorted(set(numbers))
    return _places(wanted) if wanted else []


@prepared
def _places(numbers: Any) -> QuerySet[Place]:
    return Place.objects.filter(pk__any=numbers)


def figures(names: Iterable[str], actor: Actor, today: date, chosen: Selection | None = None) -> list[Figure]:
    """Several figures that the actor may see."""
    names = list(names)
    read_ahead(names, actor, chosen or Selection())
    return [figure(n, actor, today, chosen) for n in names if actor.may(SOURCES[n].permission)]
