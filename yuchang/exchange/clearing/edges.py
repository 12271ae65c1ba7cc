"""Which class of offers may trade with which class of needs, and what one unit of it gains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from yuchang.exchange.clearing.classes import Classes
from yuchang.exchange.clearing.problem import ANYWHERE, UNKNOWN_KM, Flaw, Ints, Problem, Unfit

CHUNK_PAIRS = 2_000_000
EDGES_MAX = 30_000_000
FAR = np.iinfo(np.int64).max


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
    a_county, a_index, a_count = np.unique(classes.county[offers], return_inverse=True, return_counts=True)
    b_county, b_first, b_count = np.unique(classes.county[needs], return_index=True, return_counts=True)
    a_first = np.concatenate(([0], np.cumsum(a_count)[:-1]))
    km = problem.distances_km(a_county[:, None], b_county[None, :])
    near = km <= np.minimum(
        np.maximum.reduceat(_reach(classes.radius[offers]), a_first)[:, None],
        np.maximum.reduceat(_reach(classes.radius[needs]), b_first)[None, :],
    )
    if problem.focus >= 0:
        near &= (a_county == problem.focus)[:, None] | (b_county == problem.focus)[None, :]
    per_offer = near.astype(np.int64) @ b_count
    bounds = _cuts(per_offer[a_index])
    for low, high in bounds:
        rows = np.arange(low, high)
        unit_row, unit_county = np.nonzero(near[a_index[rows]])
        size = b_count[unit_county]
        unit = np.repeat(np.arange(len(size)), size)
        within = np.arange(len(unit)) - np.repeat(np.cumsum(size) - size, size)
        i = rows[unit_row[unit]]
        j = b_first[unit_county[unit]] + within
        yield offers[i], needs[j], km[a_index[i], unit_county[unit]]


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
