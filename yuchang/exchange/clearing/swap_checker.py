"""The independent checker of swaps. No solver inside.

Every cycle is found again from the postings; the turns must be among them, within every quantity and the
fund; what each participant gives and gets, with the cash, adds up; the duals charge every cycle
at least its gain, so that their sum bounds what any choice could gain.
"""

from __future__ import annotations

import numpy as np

from yuchang.exchange.clearing.checker import Certificate
from yuchang.exchange.clearing.problem import INT64_SAFE, Ints, Problem
from yuchang.exchange.clearing.swaps import (
    DUAL_SCALE,
    Pairs,
    Swaps,
    balances_of,
    bound_of,
    cycles_of,
    lack_of,
)


def check_swaps(
    problem: Problem, unit_fen: Ints, fund_fen: int, result: Swaps, barred: Pairs = frozenset()
) -> Certificate:
    """Judge swaps; ``dual_fen`` of the certificate is the bound, not always reached."""
    found: list[str] = []
    cycles = cycles_of(problem, unit_fen, barred)
    dual = result.dual
    if dual.shape != (len(problem),) or dual.dtype.kind != "i" or bool((np.abs(dual) >= INT64_SAFE).any()):
        return Certificate(False, ("the duals are not one whole number per posting",), 0, 0, 0)
    _check_turns(problem, set(cycles), fund_fen, result, found)
    if bool((dual < 0).any()) or result.fund_dual < 0:
        found.append("a dual is negative")
    if any(lack_of(one, dual, result.fund_dual) > 0 for one in cycles):
        found.append("a cycle gains more than the duals charge")
    if result.bound != bound_of(problem, dual, result.fund_dual, fund_fen):
        found.append("the bound is not what the duals come to")
    if result.gain_fen * DUAL_SCALE > result.bound:
        found.append("the gain is beyond its bound")
    if not found and dict(result.balances) != balances_of(problem, unit_fen, result.turns):
        found.append("a participant's balance does not add up")
    return Certificate(not found, tuple(found), result.gain_fen, result.bound // DUAL_SCALE, len(cycles))


def _check_turns(
    problem: Problem, cycles: set[object], fund_fen: int, result: Swaps, found: list[str]
) -> None:
    used = [0] * len(problem)
    if any(one not in cycles for one, _ in result.turns) or len({c for c, _ in result.turns}) < len(
        result.turns
    ):
        found.append("a cycle does not exist or turns twice")
        return
    for one, count in result.turns:
        if count <= 0:
            found.append("a cycle turns no times")
        for i, n in one.uses().items():
            used[i] += n * count
    if any(n > q for n, q in zip(used, problem.quantity.tolist(), strict=True)):
        found.append("a posting gives more than it has")
    cash = sum(one.cash_fen * count for one, count in result.turns)
    if cash != result.cash_fen or cash > fund_fen:
        found.append("the cash is not what the turns need, or beyond the fund")
    if sum(one.gain_fen * count for one, count in result.turns) != result.gain_fen:
        found.append("the gain is not what the turns come to")
