"""What swaps leave of the postings for the cash market, and whose pairs may trade there. Pure; no solver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from yuchang.exchange.clearing.floors import Floors
from yuchang.exchange.clearing.problem import Bools, Ints, Problem, Ties
from yuchang.exchange.clearing.swaps import Swaps
from yuchang.exchange.clearing.terms import Terms, part_of

C = TypeVar("C", bound=Any)
"""A clearing: trades by position, and ``dual`` and ``ceiling`` of every posting."""


@dataclass(frozen=True)
class Rest:
    """The postings left: ``keep`` says which of all, ``at`` their positions among all."""

    problem: Problem
    keep: Bools
    at: Ints
    floors: Floors | None
    lots: Ints | None
    ties: Ties | None

    def whole(self, clearing: C) -> C:
        """A clearing of the rest in positions of the whole problem."""
        dual, ceiling = np.zeros((2, len(self.keep)), dtype=np.int64)
        dual[self.keep], ceiling[self.keep] = clearing.dual, clearing.ceiling
        trades = {"offer": self.at[clearing.offer], "need": self.at[clearing.need]}
        return replace(clearing, dual=dual, ceiling=ceiling, **trades)

    def part(self, clearing: C) -> C:
        """A clearing of the whole problem in positions of the rest."""
        number = np.cumsum(self.keep) - 1
        trades = {"offer": number[clearing.offer], "need": number[clearing.need]}
        return replace(clearing, dual=clearing.dual[self.keep], ceiling=clearing.ceiling[self.keep], **trades)


def rest_after(
    problem: Problem, terms: Terms, swaps: Swaps | None, small: tuple[tuple[int, int], ...] = ()
) -> Rest:
    """What is left, with floors lower by what was swapped; swapped pairs and ``small`` (positions) barred."""
    left, floors = problem.quantity.copy(), terms.floors
    pairs = list(small)
    for one, count in swaps.turns if swaps else ():
        for i, j, units in one.legs:
            left[i] -= units * count
            left[j] -= units * count
            pairs.append((i, j))
            if floors is not None:
                floors = _lower(floors, i, units * count * int(terms.unit_fen[problem.category[i]]))
    keep = left > 0
    numbers = problem.id.tolist()
    rest = part_of(problem, keep, left)
    return Rest(
        rest,
        keep,
        np.nonzero(keep)[0],
        None if floors is None else replace(floors, home=floors.home[keep]),
        None if terms.lots is None else np.minimum(terms.lots[keep], rest.quantity),
        terms.ties(rest, tuple((numbers[i], numbers[j]) for i, j in pairs)),
    )


def _lower(floors: Floors, posting: int, worth_fen: int) -> Floors:
    fen = floors.floor_fen.copy()
    for row in floors.chains(floors.home[[posting]])[:, 0].tolist():
        if row >= 0:
            fen[row] = max(0, int(fen[row]) - worth_fen)
    return replace(floors, floor_fen=fen)
