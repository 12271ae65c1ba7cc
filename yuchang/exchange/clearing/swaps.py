"""Swaps: cycles of two or three participants who pay each other in goods, and little cash. Pure; no solver.

Everything changes hands at the category's reference value, and only where that suits both limits. In one
**turn** of a cycle every participant gives about as much value as it gets: the dearest unit sets the
value, the others give as many whole units as fit into it. What is missing is paid in cash, which a
revolving fund advances; the fund's limit bounds the sum of all advances of one clearing.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import asdict, dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from yuchang.exchange.clearing.problem import (
    INT64_SAFE,
    PRICE_MAX_FEN,
    QUANTITY_MAX,
    Flaw,
    Ints,
    Problem,
    Unfit,
    canonical_bytes,
)

DUAL_SCALE = 1_000_000
LEGS_MAX = 200_000
CYCLES_MAX = 20_000
Pairs = Set[tuple[int, int]]


@dataclass(frozen=True)
class Cycle:
    """One turn: the legs (offer, need, units), the total gain and the cash advanced, in fen."""

    legs: tuple[tuple[int, int, int], ...]
    gain_fen: int
    cash_fen: int

    def uses(self) -> dict[int, int]:
        """Units of every posting in one turn."""
        used: dict[int, int] = {}
        for offer, need, units in self.legs:
            used[offer] = used.get(offer, 0) + units
            used[need] = used.get(need, 0) + units
        return used


@dataclass(frozen=True)
class Swaps:
    """The turns of every cycle that turns, the duals that bound any other choice, and the totals in fen.

    ``dual``: millionths of a fen per unit of every posting; ``fund_dual``: per fen of the fund;
    ``bound``: millionths of a fen. ``balances``: value given less value got, by owner, settled in cash.
    """

    turns: tuple[tuple[Cycle, int], ...]
    dual: Ints
    fund_dual: int
    gain_fen: int
    cash_fen: int
    bound: int
    balances: tuple[tuple[int, int], ...]

    def legs(self) -> list[tuple[int, int, int]]:
        """Offer, need and units of everything that is swapped, pairs added up."""
        total: dict[tuple[int, int], int] = {}
        for one, count in self.turns:
            for i, j, units in one.legs:
                total[i, j] = total.get((i, j), 0) + units * count
        return [(i, j, units) for (i, j), units in sorted(total.items())]

    def below(self, lots: Ints | None) -> set[tuple[int, int]]:
        """The pairs that swap less than the lot of either side."""
        if lots is None:
            return set()
        return {(i, j) for i, j, units in self.legs() if units < max(int(lots[i]), int(lots[j]))}

    def to_bytes(self) -> bytes:
        """The canonical text of this result."""
        table: dict[str, Any] = asdict(self)
        table["dual"] = self.dual.tolist()
        return canonical_bytes(table)


def validate_swaps(problem: Problem, unit_fen: Ints, fund_fen: int) -> None:
    """Refuse values that mean nothing. Raises Unfit (codes ``value``, ``fund``)."""
    if len(unit_fen) != len(problem.category_codes) or bool(
        np.any((unit_fen < 1) | (unit_fen > PRICE_MAX_FEN))
    ):
        raise Unfit([Flaw("value", 0, "every category needs a reference value")])
    if not 0 <= fund_fen < INT64_SAFE // (QUANTITY_MAX * 4):
        raise Unfit([Flaw("fund", 0, "the fund is between nothing and some ten million yuan")])


def cycles_of(problem: Problem, unit_fen: Ints, barred: Pairs = frozenset()) -> list[Cycle]:
    """Every cycle of two or three participants, in a fixed order. Raises Unfit (``too many cycles``).

    ``barred``: pairs of offer and need (positions) that must not trade.
    """
    legs = _legs(problem, unit_fen, barred)
    partners: dict[int, list[int]] = {}
    for giver, taker in legs:
        partners.setdefault(giver, []).append(taker)
    found: list[Cycle] = []
    for first in sorted(partners):
        for second in partners[first]:
            thirds = [c for c in partners.get(second, []) if c not in (first, second)]
            for ring in [(first, second), *((first, second, third) for third in thirds)]:
                steps = list(zip(ring, (*ring[1:], first), strict=True))
                if min(ring) != first or not all(step in legs for step in steps):
                    continue
                if len(found) + prod(len(legs[step]) for step in steps) > CYCLES_MAX:
                    raise Unfit([Flaw("too many cycles", 0, str(CYCLES_MAX))])
                found += (_cycle(problem, unit_fen, way) for way in product(*(legs[s] for s in steps)))
    return [one for one in found if _fits(problem, one)]


def _legs(problem: Problem, unit_fen: Ints, barred: Pairs) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Who may give what to whom at the reference value: (giver, taker) to pairs of postings."""
    legs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    count = 0
    for category in np.unique(problem.category).tolist():
        rows = np.nonzero(problem.category == category)[0]
        offers, needs = rows[problem.is_offer[rows]], rows[~problem.is_offer[rows]]
        i, j = offers[:, None], needs[None, :]
        km = problem.distances_km(problem.county[i], problem.county[j])
        reach = np.where(problem.radius < 0, 999_999, problem.radius)
        value = int(unit_fen[category])
        fits = (
            (problem.limit[i] <= value)
            & (value + problem.transport_fen(category, km) <= problem.limit[j])
            & (problem.owner[i] != problem.owner[j])
            & (problem.start[i] <= problem.end[j])
            & (problem.start[j] <= problem.end[i])
            & (km <= np.minimum(reach[i], reach[j]))
            & (problem.certificates[j] & ~problem.certificates[i] == 0)
        )
        if problem.focus >= 0:
            fits &= (problem.county[i] == problem.focus) | (problem.county[j] == problem.focus)
        count += int(fits.sum())
        if count > LEGS_MAX:
            raise Unfit([Flaw("too many cycles", 0, str(LEGS_MAX))])
        for a, b in zip(*np.nonzero(fits), strict=True):
            pair = (int(offers[a]), int(needs[b]))
            if pair in barred:
                continue
            owners = (int(problem.owner[pair[0]]), int(problem.owner[pair[1]]))
            legs.setdefault(owners, []).append(pair)
    return {owners: sorted(pairs) for owners, pairs in sorted(legs.items())}


def _cycle(problem: Problem, unit_fen: Ints, way: tuple[tuple[int, int], ...]) -> Cycle:
    values = [int(unit_fen[problem.category[i]]) for i, _ in way]
    units = [max(values) // value for value in values]
    given = [n * value for n, value in zip(units, values, strict=True)]
    # Who gives on leg k received on leg k - 1.
    cash = sum(max(0, given[k - 1] - given[k]) for k in range(len(way)))
    offers, needs = np.array(way).T
    gain = int((problem.gains(offers, needs) * units).sum())
    return Cycle(tuple((i, j, n) for (i, j), n in zip(way, units, strict=True)), gain, cash)


def _fits(problem: Problem, one: Cycle) -> bool:
    """Whether at least one turn is possible and somebody gains."""
    return one.gain_fen > 0 and all(n <= int(problem.quantity[i]) for i, n in one.uses().items())


def balances_of(problem: Problem, unit_fen: Ints, turns: tuple[tuple[Cycle, int], ...]) -> dict[int, int]:
    """Value given less value got of every participant; they add up to 0."""
    found: dict[int, int] = {}
    for one, count in turns:
        for i, j, units in one.legs:
            value = count * units * int(unit_fen[problem.category[i]])
            giver, taker = int(problem.owner[i]), int(problem.owner[j])
            found[giver] = found.get(giver, 0) + value
            found[taker] = found.get(taker, 0) - value
    return dict(sorted(found.items()))


def bound_of(problem: Problem, dual: Ints, fund_dual: int, fund_fen: int) -> int:
    """What no choice of turns can gain more than, in millionths of a fen, if the duals are sound."""
    total: int = sum(q * d for q, d in zip(problem.quantity.tolist(), dual.tolist(), strict=True))
    return total + fund_dual * fund_fen


def lack_of(one: Cycle, dual: Ints, fund_dual: int) -> int:
    """How much a cycle's gain exceeds what the duals charge for a turn; sound duals leave none above 0."""
    charged = sum(n * int(dual[i]) for i, n in one.uses().items()) + one.cash_fen * fund_dual
    return one.gain_fen * DUAL_SCALE - charged
