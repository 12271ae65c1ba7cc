"""Reads: codes and names by date, search, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from yuchang.places.models import Place


@dataclass(frozen=True)
class Found:
    """A search hit: the place, and how it matched (0 exact, 1 prefix, 2 contained)."""

    place: Place
    rank: int


@dataclass(frozen=True)
class Neighbour:
    """Another county and the great-circle distance between the two county points, in kilometres."""

    place: Place
    kilometres: float


def place_by_code(code: str, on: date | None = None) -> Place | None:
    """The division that bore ``code`` (2, 4, 6, 9 or 12 digits) on a day; without a day, the present one."""
    raise NotImplementedError


def resolve(name_or_code: str, on: date | None = None) -> list[Place]:
    """Every division that bore this code or exact name on a day; without a day, ever, present ones first."""
    raise NotImplementedError


def present_successors(place: Place) -> list[Place]:
    """The divisions in force today in which ``place`` ended; itself when it is in force."""
    raise NotImplementedError


def search_places(
    text: str, *, within: Place | None = None, levels: Sequence[int] = (), limit: int = 20
) -> list[Found]:
    """Search by part of a name, full pinyin, pinyin initials or code prefix: best first, higher level first."""
    raise NotImplementedError


def nearest_counties(place: Place, *, limit: int = 10) -> list[Neighbour]:
    """The counties whose points lie nearest to the point of the place's county."""
    raise NotImplementedError


def county_distances(county_ids: Sequence[int]) -> dict[tuple[int, int], float]:
    """Kilometres between the county points of every pair (smaller id first); pairs without a point are left out."""
    raise NotImplementedError
