"""Reads: codes and names by date, search, neighbours. Places are public facts: no scope applies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet

from yuchang.core.prepared import prepared
from yuchang.places.models import Place, PlaceSuccessor, PovertyCounty
from yuchang.places.rules import KEY_COLUMNS, LEVELS, full_code, great_circle_km, level_of
from yuchang.places.search import Found, search_places

__all__ = [
    "Found",
    "Neighbour",
    "Part",
    "ancestors",
    "children",
    "county_distances",
    "history_of",
    "named",
    "nearest_counties",
    "parts_of",
    "place_by_code",
    "places_by_code",
    "poverty_counties_in",
    "poverty_county_count",
    "present_successors",
    "resolve",
    "search_places",
]


@dataclass(frozen=True)
class Neighbour:
    """Another county and the great-circle distance between the two county points, in kilometres."""

    place: Place
    kilometres: float


def place_by_code(code: str, on: date | None = None) -> Place | None:
    """The division that bore ``code`` (2, 4, 6, 9 or 12 digits) on a day; without a day, the present one.

    A township or village is known from one edition only: a day before it finds that edition's. Where
    a prefecture and its only county share a code (东莞), 6 digits mean the county. None for no such place.
    """
    try:
        full = full_code(code)
    except ValueError:
        return None
    rows = Place.objects.filter(code=full).order_by("level", "-valid_from")
    if on is None:
        found = list(rows.filter(valid_to=None))
    else:
        found = list(rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), valid_from__lte=on))
        found = found or list(rows.filter(level__gte=4))
    if len(code.strip()) == 6 and level_of(full) < 3:
        found = [p for p in found if p.level == 3] or found
    return found[0] if found else None


def places_by_code(codes: Iterable[str]) -> dict[str, Place]:
    """The present divisions of many 12-digit codes, in one query; unknown codes are missing.

    Where two levels share a code the higher level is meant.
    """
    rows = Place.objects.filter(code__in=set(codes), valid_to=None).order_by("-level")
    return {place.code: place for place in rows}


def resolve(name_or_code: str, on: date | None = None) -> list[Place]:
    """Every division that bore this code or exact name on a day; without a day, ever, present ones first.

    A name of the list of poverty counties that no code book shows (冷湖行委) finds the present division.
    """
    text = name_or_code.strip()
    if text.isdecimal():
        if on is not None:
            place = place_by_code(text, on)
            return [place] if place else []
        if len(text) not in (2, 4, 6, 9, 12):
            return []
        rows = Place.objects.filter(code=full_code(text))
    else:
        rows = Place.objects.filter(level__in=LEVELS, name=text)
    if on is not None:
        rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on)).filter(
            Q(valid_from__lte=on) | Q(level__gte=4)
        )
    found = sorted(rows, key=lambda p: (p.valid_to is not None, p.level, p.code))
    return found or list(Place.objects.filter(poverty_counties__name_in_list=text).distinct())


def present_successors(place: Place) -> list[Place]:
    """The divisions in force today in which ``place`` ended, wholly or partly; itself when it is in force.

    Follows every step of the chain; empty when the sources lose the trail.
    """
    present: dict[int, Place] = {}
    waiting, seen = [place], {place.pk}
    while waiting:
        present |= {p.pk: p for p in waiting if p.is_present}
        ended = [p.pk for p in waiting if not p.is_present]
        steps = PlaceSuccessor.objects.filter(place_id__in=ended).select_related("successor")
        waiting = list({s.successor_id: s.successor for s in steps if s.successor_id not in seen}.values())
        seen |= {p.pk for p in waiting}
    return sorted(present.values(), key=lambda p: (p.level, p.code))


def ancestors(place: Place) -> list[Place]:
    """From the province down to the parent. One query."""
    keys = [getattr(place, column) for column in KEY_COLUMNS.values()]
    rows = Place.objects.filter(pk__in=[k for k in keys if k and k != place.pk])
    return sorted(rows, key=lambda p: p.level)


def named(ids: Iterable[int]) -> dict[int, Place]:
    """These places with nothing read but their names, by number. One query.

    Many of one county, as on a page of a list, are read in one sweep over it instead of each from the root
    of the index: their numbers are codes, so a county's lie together.
    """
    wanted = sorted(set(ids))
    if len(wanted) < SWEPT or wanted[0] // COUNTY != wanted[-1] // COUNTY:
        found = _names(wanted) if wanted else []
    else:
        found = _names_swept(wanted, wanted[0], wanted[-1])
    return {place.pk: place for place in found}


@prepared
def _names(numbers: Any) -> QuerySet[Place]:
    return Place.objects.filter(pk__any=numbers).only("name")


@prepared
def _names_swept(numbers: Any, first: Any, last: Any) -> QuerySet[Place]:
    swept = Place.objects.filter(pk__gte=first, pk__lte=last)
    # A sum is no column: no index is tempted to look each of them up after all.
    asked: Any = swept.alias(asked=F("pk") + 0)
    found: QuerySet[Place] = asked.filter(asked__any=numbers).only("name")
    return found


SWEPT, COUNTY = 8, 10**6
"""From so many places on a sweep is cheaper; numbers alike but for the last six digits are one county's."""


def children(place: Place) -> QuerySet[Place]:
    """The divisions directly below that are in force, and, below an ended county, those it still holds."""
    return Place.objects.filter(parent=place, valid_to=None)


def nearest_counties(place: Place, *, limit: int = 10) -> list[Neighbour]:
    """The counties in force whose points lie nearest to the point of the place's county.

    Empty for a place above the county, or in a county without a point. Distances are between county
    points (somewhere inside each county), not between borders or seats.
    """
    points = _points()
    here = points.pop(place.county_id or 0, None)
    if here is None:
        return []
    nearest = sorted((great_circle_km(*here, *there), number) for number, there in points.items())[:limit]
    rows = Place.objects.in_bulk([number for _km, number in nearest])
    return [Neighbour(rows[number], km) for km, number in nearest]


def county_distances(county_ids: Sequence[int]) -> dict[tuple[int, int], float]:
    """Kilometres between the county points of every pair (smaller id first).

    Pairs of which one has no point are left out. Of a county to itself: 0.
    """
    points = {n: p for n in sorted(set(county_ids)) if (p := _points().get(n))}
    return {(a, b): great_circle_km(*points[a], *points[b]) for a in points for b in points if a <= b}


def history_of(place: Place) -> list[PlaceSuccessor]:
    """Every step that led to the place and from it, by year. Two statements per step of the chain."""
    steps: dict[int, PlaceSuccessor] = {}
    for here, there in (("successor_id", "place_id"), ("place_id", "successor_id")):
        waiting, seen = {place.pk}, {place.pk}
        while waiting:
            rows = PlaceSuccessor.objects.filter(**{f"{here}__in": waiting})
            found = {s.pk: s for s in rows.select_related("place", "successor")}
            steps |= found
            waiting = {getattr(s, there) for s in found.values()} - seen
            seen |= waiting
    return sorted(steps.values(), key=lambda s: (s.year, s.place.code, s.successor.code))


def poverty_counties_in(place: Place) -> QuerySet[PovertyCounty]:
    """The rows of the list of 832 whose present division is the place or lies in it, by year of exit."""
    rows = PovertyCounty.objects.filter(**{f"place__{KEY_COLUMNS[place.level]}": place.pk})
    return rows.select_related("place").order_by("exit_year", "place__code", "name_in_list")


def poverty_county_count(place: Place | None = None) -> int:
    """How many rows of the list of 832 lie in a place, or in the country."""
    rows = poverty_counties_in(place) if place else PovertyCounty.objects.all()
    return rows.count()


@dataclass(frozen=True)
class Part:
    """A division on a map, with how many of the 832 counties it holds, or when it left their list."""

    place: Place
    poverty_counties: int
    exit_year: int | None = None


def parts_of(place: Place | None) -> list[Part]:
    """What a map of the place shows: the provinces of the country, or the counties of a division.

    Statistical units (development zones) are left out. Two statements.
    """
    if place is None:
        rows = Place.objects.filter(level=1, valid_to=None)
        counted = PovertyCounty.objects.values_list("place__province_id").annotate(n=Count("id"))
        counts: dict[int, int] = {number: n for number, n in counted if number}
        return [Part(p, counts.get(p.pk, 0)) for p in rows.order_by("code")]
    column = KEY_COLUMNS[min(place.level, 3)]
    in_force = Place.objects.filter(level=3, valid_to=None, **{column: getattr(place, column)})
    rows = in_force.filter(Q(is_statistical=False) | Q(poverty_counties__isnull=False))
    rows = rows.annotate(
        exits=Count("poverty_counties", distinct=True), last_exit=Max("poverty_counties__exit_year")
    )
    return [Part(p, p.exits, p.last_exit) for p in rows.order_by("code")]


def _points() -> dict[int, tuple[float, float]]:
    """Longitude and latitude of every county in force that has a point."""
    rows = Place.objects.filter(level=3, valid_to=None, longitude__isnull=False, latitude__isnull=False)
    return {number: (x or 0.0, y or 0.0) for number, x, y in rows.values_list("id", "longitude", "latitude")}
