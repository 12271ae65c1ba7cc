"""Which class of offers may trade with which class of needs, and what one unit of it gains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from yuchang.exchange.clearing.classes import Classes
from yuchang.exchange.clearing.problem import ANYWHERE, EARTH_KM, UNKNOWN_KM, Flaw, Ints, Problem, Unfit

CHUNK_PAIRS = 2_000_000
EDGES_MAX = 30_000_000
CHORD_SLACK = 1e-9
"""Wider than rounding; what it lets in is measured again."""


@dataclass(frozen=True)
class Edges:
    """Feasible pairs of one category with positive gain: class positions and integer gain per unit."""

    offer: Ints
    need: Ints
    gain: Ints

    def __len__(self) -> int:
        return len(self.offer)


def edges_of(problem: Problem, classes: Classes, category: int) -> Edges:
    """Every feasible pair of a category, ordered by (offer class, need class).

    Feasible: windows overlap, distance within both radii, different owners, every certificate that is asked
    for, a side in the focus county if there is one, and gain = need's limit - offer's limit - transport > 0.
    Raises Unfit (``too many``).
    """
    rows = np.nonzero(classes.category == category)[0]
    offers, needs = rows[classes.is_offer[rows]], rows[~classes.is_offer[rows]]
    found: list[tuple[Ints, Ints, Ints]] = []
    total = 0
    for i, j, km in _candidates(problem, classes, offers, needs):
        gain = classes.limit[j] - classes.limit[i] - problem.transport_fen(category, km)
        keep = (
            (gain > 0)
            & (classes.start[i] <= classes.end[j])
            & (classes.start[j] <= classes.end[i])
            & (km <= _reach(classes.radius[i]))
            & (km <= _reach(classes.radius[j]))
            & ((classes.owner[i] != classes.owner[j]) | (classes.owner[i] == -1))
            & (classes.certificates[j] & ~classes.certificates[i] == 0)
        )
        total += int(keep.sum())
        if total > EDGES_MAX:
            raise Unfit([Flaw("too many", 0, problem.category_codes[category])])
        found.append((i[keep], j[keep], gain[keep]))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return Edges(nothing, nothing, nothing)
    i, j, gain = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((j, i))
    return Edges(i[order], j[order], gain[order])


def _reach(radius: Ints) -> Ints:
    return np.where(radius == ANYWHERE, UNKNOWN_KM - 1, radius)


def _candidates(
    problem: Problem, classes: Classes, offers: Ints, needs: Ints
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Pairs whose counties lie within reach of each other, in pieces of bounded size, with their km."""
    if not len(offers) or not len(needs):
        return
    offers = offers[np.argsort(classes.county[offers], kind="stable")]
    needs = needs[np.argsort(classes.county[needs], kind="stable")]
    from_county, from_index, from_first = _by_county(classes, offers)
    to_county, _to_index, to_first = _by_county(classes, needs)
    a, b, km = _near_counties(
        problem,
        (from_county, np.maximum.reduceat(_reach(classes.radius[offers]), from_first)),
        (to_county, np.maximum.reduceat(_reach(classes.radius[needs]), to_first)),
    )
    size = np.diff(np.append(to_first, len(needs)))[b]
    neighbours = np.searchsorted(a, np.arange(len(from_county) + 1))
    per_county = np.add.reduceat(np.append(size, 0), neighbours[:-1]) * (np.diff(neighbours) > 0)
    for low, high in _cuts(per_county[from_index]):
        rows = np.arange(low, high)
        row, at = _ranges(rows, neighbours[from_index[rows]], neighbours[from_index[rows] + 1])
        i, j = _ranges(np.arange(len(at)), to_first[b[at]], to_first[b[at]] + size[at])
        yield offers[row[i]], needs[j], km[at[i]]


def _by_county(classes: Classes, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Of rows in the order of counties: the counties, each row's among them, each county's first row."""
    county, first, index = np.unique(classes.county[rows], return_index=True, return_inverse=True)
    return county, index.astype(np.int64), first.astype(np.int64)


def _near_counties(
    problem: Problem, origin: tuple[Ints, Ints], goal: tuple[Ints, Ints]
) -> tuple[Ints, Ints, Ints]:
    """Pairs of counties, each side with how far it reaches, that lie within both reaches, and their km.

    A tree of points on the globe (SciPy's cKDTree) finds them, so that far pairs are never computed; what
    it finds is then measured as everything else is. Ordered by (from, to).
    """
    (from_county, from_reach), (to_county, to_reach) = origin, goal
    tree = cKDTree(_on_globe(problem, to_county))
    half = np.minimum(from_reach / (2 * EARTH_KM), np.pi / 2)
    balls = tree.query_ball_point(
        _on_globe(problem, from_county), 2 * np.sin(half) + CHORD_SLACK, return_sorted=True
    )
    a = np.repeat(np.arange(len(balls)), [len(ball) for ball in balls])
    b = np.array([one for ball in balls for one in ball], dtype=np.int64)
    km = problem.distances_km(from_county[a], to_county[b])
    near = km <= np.minimum(from_reach[a], to_reach[b])
    if problem.focus >= 0:
        near &= (from_county[a] == problem.focus) | (to_county[b] == problem.focus)
    return a[near], b[near], km[near]


def _on_globe(problem: Problem, county: Ints) -> NDArray[np.float64]:
    """County points on the sphere of radius 1."""
    longitude, latitude = (
        np.radians(d[county] / 10_000) for d in (problem.longitude_e4, problem.latitude_e4)
    )
    return np.column_stack(
        (np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude))
    )


def _ranges(key: Ints, first: Ints, end: Ints) -> tuple[Ints, Ints]:
    """All whole numbers from ``first`` up to ``end`` of each key, beside the key repeated."""
    size = end - first
    of = np.repeat(np.arange(len(key)), size)
    return key[of], np.arange(len(of)) - np.repeat(np.cumsum(size) - size, size) + first[of]


def _cuts(pairs: Ints) -> Iterator[tuple[int, int]]:
    """Runs of rows with at most ``CHUNK_PAIRS`` pairs each (a single bigger row stands alone)."""
    low, held = 0, 0
    for row, count in enumerate(pairs.tolist()):
        if held and held + count > CHUNK_PAIRS:
            yield low, row
            low, held = row, 0
        held += count
    if held:
        yield low, len(pairs)
