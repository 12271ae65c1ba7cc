"""The independent checker of a clearing within budgets and quotas. No solver inside.

1. The market without the rows is certified (``checker``), so what they cost is exact.
2. The trades join postings that may trade, in whole lots, within every quantity and every budget.
3. The duals are sound: none negative, no quota's price above the penalty, and on **every** feasible pair
   u + v + (budget's price) x (need's limit) - (quotas' prices) x (reference value) >= gain. By weak duality
   the stated bound then holds for anything anybody could have chosen; it is added up again in exact integers.
4. Every stated figure and reason is counted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from yuchang.exchange.clearing.checker import (
    Certificate,
    check,
    check_capacity,
    check_trades,
    feasible_pairs,
    integers,
)
from yuchang.exchange.clearing.problem import BARRED, Bools, Ints, Problem, Ties
from yuchang.exchange.clearing.side_rows import (
    BUDGET_PRICE_MAX,
    DUAL_MAX,
    SCALE,
    Reach,
    SideClearing,
    SideRows,
    account,
    may_fill,
)


def check_rows(
    problem: Problem, rows: SideRows, result: SideClearing, ties: Ties | None = None, lots: Ints | None = None
) -> Certificate:
    """Judge a clearing within rows. The certificate's sums are the value and its bound, in whole fen."""
    case, market = _Case(problem, rows, ties, lots, result), result.market
    plain = check(problem, market.offer, market.need, market.quantity, market.dual, ties=ties)
    found = [f"market: {one}" for one in plain.violations]
    _check_shape(case, found)
    if found:
        return replace(plain, is_accepted=False, violations=tuple(found))
    _check_flows(case, found)
    pairs = _check_duals(case, found)
    value, bound = result.figures.value, result.figures.bound
    return Certificate(not found, tuple(found), value // SCALE, bound // SCALE, pairs)


@dataclass(frozen=True)
class _Case:
    problem: Problem
    rows: SideRows
    ties: Ties | None
    lots: Ints | None
    result: SideClearing


def _check_shape(case: _Case, found: list[str]) -> None:
    """Whole numbers of 64 bits, one per posting or row, and positions that exist."""
    rows, result, cleared, n = case.rows, case.result, case.result.cleared, len(case.problem)
    lengths = {"dual": n, "budget_price": len(rows.budget_fen), "quota_price": len(rows.quota_fen)}
    for name, length in lengths.items():
        if len(integers(name, getattr(result, name), found)) != length:
            found.append(f"column {name} does not fit")
    columns = [
        integers(name, column, found)
        for name, column in (("offer", cleared.offer), ("need", cleared.need), ("quantity", cleared.quantity))
    ]
    at = np.concatenate(columns[:2])
    if len({len(column) for column in columns}) > 1 or bool(((at < 0) | (at >= n)).any()):
        found.append("a trade names a posting that does not exist")


def _check_flows(case: _Case, found: list[str]) -> None:
    problem, rows, lots, cleared = case.problem, case.rows, case.lots, case.result.cleared
    offer, need, units = cleared.offer, cleared.need, cleared.quantity
    check_trades(problem, offer, need, units, found)
    check_capacity(problem, offer, need, units, found)
    if case.ties is not None and bool((case.ties.of(offer, need, len(problem)) == BARRED).any()):
        found.append("a barred pair trades")
    if lots is not None and bool((units < np.maximum(lots[offer], lots[need])).any()):
        found.append("a trade is smaller than its lot")
    paid = [0] * (len(rows.budget_fen) + 1)
    for budget, fen, count in zip(
        rows.budget_of[need].tolist(), problem.limit[need].tolist(), units.tolist(), strict=True
    ):
        paid[budget] += fen * count
    if any(spent > budget for spent, budget in zip(paid, rows.budget_fen.tolist(), strict=False)):
        found.append("a budget is overdrawn")
    if not np.array_equal(cleared.dual, case.result.dual // SCALE):
        found.append("a dual in fen is not the dual rounded down")


def _check_duals(case: _Case, found: list[str]) -> int:
    """The duals against every feasible pair, and every figure again. Returns how many pairs are feasible."""
    problem, rows, result = case.problem, case.rows, case.result
    duals = (result.dual, result.budget_price, result.quota_price)
    tops = (DUAL_MAX, BUDGET_PRICE_MAX, rows.penalty)
    if any(bool(((one < 0) | (one > top)).any()) for one, top in zip(duals, tops, strict=True)):
        found.append("a dual is negative or out of range, or a quota's price above the penalty")
        return 0
    if bool(result.budget_price[rows.budget_fen == 0].any()):
        found.append("a budget of nothing has a price")
    members = [rows.members(quota, len(problem)) for quota in range(len(rows.quota_fen))]
    fit_offers = [np.zeros(len(problem), dtype=bool) for _ in members]
    fit_needs = [np.zeros(len(problem), dtype=bool) for _ in members]
    paid: Ints = np.append(result.budget_price, 0).astype(np.int64)
    pairs = lacking = 0
    for a, b, gain, feasible in _pairs(case):
        charged: Ints = result.dual[a] + result.dual[b] + paid[rows.budget_of[b]] * problem.limit[b]
        worth = int(rows.unit_fen[problem.category[a[0, 0]]])
        for quota, (offers, needs) in enumerate(members):
            own, other = np.nonzero(offers[a[:, 0]])[0], np.nonzero(needs[b[0]])[0]
            if not len(own) or not len(other):
                continue
            block = np.ix_(own, other)
            charged[block] -= result.quota_price[quota] * worth
            fit_offers[quota][a[own, 0]] |= feasible[block].any(axis=1)
            fit_needs[quota][b[0, other]] |= feasible[block].any(axis=0)
        pairs += int(feasible.sum())
        lacking += int((feasible & (charged < gain * SCALE)).sum())
    if lacking:
        found.append(f"{lacking} pair(s) gain more than the duals charge")
    reach = Reach(
        tuple(mask[own] for mask, own in zip(fit_offers, rows.quota_offers, strict=True)),
        tuple(mask[own] for mask, own in zip(fit_needs, rows.quota_needs, strict=True)),
    )
    _check_figures(case, reach, found)
    return pairs


def _pairs(case: _Case) -> Iterator[tuple[Ints, Ints, Ints, Bools]]:
    """Every block of pairs with the gain, ties included, and whether the pair may trade at least one lot."""
    for a, b, gain, feasible in feasible_pairs(case.problem):
        tied = np.zeros_like(gain) if case.ties is None else case.ties.of(a, b, len(case.problem))
        fills = may_fill(case.problem, case.rows, case.lots, a, b)
        yield a, b, gain + tied, feasible & (tied != BARRED) & fills


def _check_figures(case: _Case, reach: Reach, found: list[str]) -> None:
    problem, rows, result = case.problem, case.rows, case.result
    duals = (result.dual, result.budget_price, result.quota_price)
    spent, served, reason, figures = account(
        problem, rows, result.market, result.cleared, duals, reach, case.ties
    )
    if not np.array_equal(spent, result.spent_fen):
        found.append("what a budget pays is not what the trades come to")
    if not np.array_equal(served, result.served_fen):
        found.append("what counts for a quota is not what the trades come to")
    if reason != result.reason:
        found.append("a reason does not fit")
    if figures != result.figures:
        found.append("a figure is not what the trades and duals come to")
    if figures.value > figures.bound or figures.welfare_fen > figures.bound_fen:
        found.append("the value is beyond its bound")
