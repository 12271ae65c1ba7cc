"""The independent checker of a clearing with floors. No solver inside.

1. The market without floors is certified (``checker``), so what the floors cost is exact.
2. Every offer's bonus is the sum of the prices of the floors it counts for; with it the trades pass the
   same checks: nobody loses, no pair would leave, the sums agree. A floor has a price only where the
   group sells exactly the stated units. Together: of all clearings in which each priced group sells at
   least as many units of each category, none gains more.
3. Every stated figure is counted again; the bound over all other divisions between categories follows
   by weak duality from the pairs found here.
4. A group below its floor has a reason, one at its floor has none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yuchang.exchange.clearing.checker import Certificate, check, feasible_pairs
from yuchang.exchange.clearing.floor_account import NO_PAIR, FloorClearing, account, units_sold
from yuchang.exchange.clearing.floors import PRICE_SCALE, Floors
from yuchang.exchange.clearing.problem import BARRED, Ints, Problem, Ties


def check_floors(
    problem: Problem, floors: Floors, result: FloorClearing, ties: Ties | None = None
) -> Certificate:
    """Judge a clearing with floors against the postings and the floors (and the pairs tied or barred)."""
    market, cleared = result.market, result.cleared
    plain = check(problem, market.offer, market.need, market.quantity, market.dual, ties=ties)
    found = [f"market: {one}" for one in plain.violations]
    cells = _cells(problem, floors, result.cells, found)
    if found:
        return replace(plain, is_accepted=False, violations=tuple(found))
    bonus = _bonus(problem, floors, cells)
    under = check(problem, cleared.offer, cleared.need, cleared.quantity, cleared.dual, bonus, ties)
    found += under.violations
    if not found:
        _check_cells(problem, floors, result, found)
        _check_account(problem, floors, result, ties, found)
    return replace(under, is_accepted=not found, violations=tuple(found))


def _cells(problem: Problem, floors: Floors, cells: Ints, found: list[str]) -> Ints:
    """The table of floors, or a violation when it is none."""
    if cells.ndim != 2 or cells.shape[1] != 4 or cells.dtype.kind != "i":
        found.append("the table of floors is not whole numbers in four columns")
        return cells
    names = cells[:, 0] * len(floors.unit_fen) + cells[:, 1]
    limits = np.array([[len(floors)], [len(floors.unit_fen)]])
    if bool((cells < 0).any() or (limits <= cells[:, :2].T).any() or (np.diff(names) <= 0).any()):
        found.append("a floor is negative, unknown or named twice")
    if bool((cells >= 2**61).any()):
        found.append("a floor leaves the safe range")
    return cells


def _bonus(problem: Problem, floors: Floors, cells: Ints) -> Ints:
    price = np.zeros((len(floors) + 1, len(floors.unit_fen)), dtype=np.int64)
    price[cells[:, 0], cells[:, 1]] = cells[:, 3]
    bonus = np.zeros(len(problem), dtype=np.int64)
    for row in floors.chains(floors.home):
        bonus += price[row, problem.category]
    return bonus


def _check_cells(problem: Problem, floors: Floors, result: FloorClearing, found: list[str]) -> None:
    group, category, units, price = result.cells.T
    if bool((units_sold(problem, floors, result.cleared)[group, category] != units).any()):
        found.append("a group does not sell the stated units")
    if floors.soft_price >= 0:
        cap = floors.soft_price * floors.unit_fen[category] // PRICE_SCALE
        if bool((price > cap).any()):
            found.append("a soft floor costs more than its price")


def _check_account(
    problem: Problem, floors: Floors, result: FloorClearing, ties: Ties | None, found: list[str]
) -> None:
    best = np.full(len(problem), NO_PAIR)
    for a, b, gain, feasible in feasible_pairs(problem):
        if ties is not None:
            tied = ties.of(a, b, len(problem))
            feasible, gain = feasible & (tied != BARRED), gain + tied
        over = np.where(feasible, gain - result.cleared.dual[b], NO_PAIR)
        best[a[:, 0]] = np.maximum(best[a[:, 0]], over.max(axis=1))
    served, price, reasons, figures = account(
        problem, floors, result.market, result.cleared, result.cells, best, ties
    )
    if not np.array_equal(served, result.served_fen):
        found.append("the value served is not what the trades come to")
    if not np.array_equal(price, result.price):
        found.append("a price per fen does not follow from the floors")
    if reasons != result.reason:
        found.append("a reason does not fit")
    if figures != result.figures:
        found.append("a figure is not what the trades and prices come to")
    if figures.cost_fen != figures.subsidy_fen + figures.idle_fen or figures.cost_fen < 0:
        found.append("the cost is not subsidy and idle value")
    if figures.bound_fen < figures.welfare_fen and floors.soft_price < 0:
        found.append("the gain is beyond its bound")
