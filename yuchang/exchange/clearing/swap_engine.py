"""The best turns of all short cycles within every quantity and the fund."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from yuchang.exchange.clearing.problem import Ints, Problem, validate
from yuchang.exchange.clearing.swaps import (
    DUAL_SCALE,
    Cycle,
    Pairs,
    Swaps,
    balances_of,
    bound_of,
    cycles_of,
    lack_of,
    validate_swaps,
)

EXACT_MAX = 5_000
"""Up to so many cycles by branch and bound; beyond, the linear programme rounded down and refilled."""
NODES_MAX = 20_000
"""Where branch and bound stops with the best found so far: a number of steps, so that runs are the same."""


def clear_swaps(problem: Problem, unit_fen: Ints, fund_fen: int = 0, barred: Pairs = frozenset()) -> Swaps:
    """The turns of greatest total gain, with duals that bound every other choice without the barred pairs.

    The choice is NP-hard; how far from the bound it stays is stated (``bound``). Raises Unfit.
    """
    validate(problem)
    validate_swaps(problem, unit_fen, fund_fen)
    cycles = cycles_of(problem, unit_fen, barred)
    if not cycles:
        return Swaps((), np.zeros(len(problem), dtype=np.int64), 0, 0, 0, 0, ())
    rows = _rows(problem, cycles)
    room = [*problem.quantity.tolist(), fund_fen]
    gain = np.array([one.gain_fen for one in cycles], dtype=float)
    relaxed = linprog(-gain, A_ub=rows, b_ub=room, method="highs-ds")
    counts = _whole(cycles, np.floor(_exact(gain, rows, room, relaxed.x) + 1e-6), room)
    dual, fund_dual = _sound(problem, cycles, -relaxed.ineqlin.marginals)
    turns = tuple((one, n) for one, n in zip(cycles, counts, strict=True) if n)
    return Swaps(
        turns,
        dual,
        fund_dual,
        sum(one.gain_fen * n for one, n in turns),
        sum(one.cash_fen * n for one, n in turns),
        bound_of(problem, dual, fund_dual, fund_fen),
        tuple(balances_of(problem, unit_fen, turns).items()),
    )


def _rows(problem: Problem, cycles: list[Cycle]) -> sparse.csc_matrix:
    """Units of every posting and cash per turn of every cycle."""
    cells = [(i, k, n) for k, one in enumerate(cycles) for i, n in one.uses().items()]
    cells += [(len(problem), k, one.cash_fen) for k, one in enumerate(cycles)]
    row, column, value = zip(*cells, strict=True)
    return sparse.csc_matrix((value, (row, column)), (len(problem) + 1, len(cycles)), dtype=float)


def _exact(gain: np.ndarray, rows: sparse.csc_matrix, room: list[int], relaxed: np.ndarray) -> np.ndarray:
    if len(gain) > EXACT_MAX:
        return relaxed
    limits = LinearConstraint(rows, -np.inf, room)
    options = {"mip_rel_gap": 0, "node_limit": NODES_MAX}
    found = milp(-gain, constraints=limits, integrality=1, bounds=Bounds(0, np.inf), options=options)
    return relaxed if found.x is None else np.round(found.x)


def _whole(cycles: list[Cycle], start: np.ndarray, room: list[int]) -> list[int]:
    """Whole turns within all limits: at most as started with, then refilled by gain, ties by order."""
    left, counts = list(room), [0] * len(cycles)
    best_first = sorted(range(len(cycles)), key=lambda k: (-cycles[k].gain_fen, k))
    for wanted in (start.astype(np.int64).tolist(), [max(room)] * len(cycles)):
        for k in best_first:
            one = cycles[k]
            limits = [left[i] // n for i, n in one.uses().items()]
            limits += [left[-1] // one.cash_fen] if one.cash_fen else []
            extra = min(wanted[k], *limits)
            counts[k] += extra
            left[-1] -= extra * one.cash_fen
            for i, n in one.uses().items():
                left[i] -= extra * n
    return counts


def _sound(problem: Problem, cycles: list[Cycle], marginals: np.ndarray) -> tuple[Ints, int]:
    """The duals in whole millionths, raised where rounding would leave a cycle unpaid."""
    whole = np.ceil(np.maximum(marginals, 0) * DUAL_SCALE).astype(np.int64)
    dual, fund_dual = whole[: len(problem)], int(whole[-1])
    for one in cycles:
        lack = lack_of(one, dual, fund_dual)
        if lack > 0:
            first, units = next(iter(one.uses().items()))
            dual[first] += -(-lack // units)
    return dual, fund_dual
