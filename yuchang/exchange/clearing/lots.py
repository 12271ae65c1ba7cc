"""Minimum lots: no trade smaller than either side takes. By barring small pairs and clearing again.

Lots leave the network (they are NP-hard), so this is not always the best possible; how much it may
miss is known, since without lots nothing gains more than the market.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from yuchang.exchange.clearing.engine import Run, clear
from yuchang.exchange.clearing.problem import BARRED, QUANTITY_MAX, Flaw, Ints, Problem, Ties, Trades, Unfit
from yuchang.exchange.clearing.result import Clearing

GENTLE_ROUNDS = 10


@dataclass(frozen=True)
class LotClearing:
    """The clearing, the best of all without the barred pairs, and the most any clearing could gain."""

    cleared: Clearing
    ties: Ties
    bound_fen: int


def clear_with_lots(problem: Problem, lots: Ints, run: Run = map) -> LotClearing:
    """Clear so that every trade has at least the lot of both its postings.

    While trades are too small, those that never could fill the lot are barred, else the smallest of each
    posting, after ``GENTLE_ROUNDS`` every one, and the market is cleared again.
    The same input gives the same bytes. Raises Unfit (``lot``).
    """
    nothing = np.zeros(0, dtype=np.int64)
    ties = Ties(nothing, nothing, nothing)
    market = clear(problem, run, ties)
    solve = partial(clear, problem, run)
    cleared, ties = bar_small_trades(problem, lots, ties, market, solve, lambda found: found)
    return LotClearing(cleared, ties, market.welfare_fen)


R = TypeVar("R")


def bar_small_trades(
    problem: Problem,
    lots: Ints,
    ties: Ties,
    found: R,
    solve: Callable[[Ties], R],
    trades_of: Callable[[R], Trades],
) -> tuple[R, Ties]:
    """Bar trades smaller than their lot and solve again until none is left; with the ties it took.

    ``found`` is what ``solve(ties)`` gave, ``trades_of`` its trades. Raises Unfit (``lot``).
    """
    if len(lots) != len(problem) or bool(np.any((lots < 1) | (lots > QUANTITY_MAX))):
        raise Unfit([Flaw("lot", 0, "every posting needs a lot of at least one unit")])
    rounds = 0
    while len(small := _too_small(problem, trades_of(found), lots, gently=rounds < GENTLE_ROUNDS)):
        ties = _barred(problem, ties, trades_of(found), small)
        found, rounds = solve(ties), rounds + 1
    return found, ties


def _barred(problem: Problem, ties: Ties, trades: Trades, rows: Ints) -> Ties:
    """The ties with some trades' pairs barred; a pair barred earns no bonus."""
    offer, need = trades.offer[rows], trades.need[rows]
    size = len(problem)
    kept = ~np.isin(ties.offer * size + ties.need, offer * size + need)
    return Ties(
        np.concatenate((ties.offer[kept], offer)),
        np.concatenate((ties.need[kept], need)),
        np.concatenate((ties.bonus[kept], np.full(len(offer), BARRED, dtype=np.int64))),
    )


def _too_small(problem: Problem, cleared: Trades, lots: Ints, *, gently: bool) -> Ints:
    """Trades to bar: those that could never fill the lot, else the smallest of each posting, or all."""
    lot = np.maximum(lots[cleared.offer], lots[cleared.need])
    rows = np.nonzero(cleared.quantity < lot)[0]
    most = np.minimum(problem.quantity[cleared.offer], problem.quantity[cleared.need])
    hopeless = rows[most[rows] < lot[rows]]
    if len(hopeless) or not gently:
        return hopeless if len(hopeless) else rows
    touched: set[int] = set()
    found = []
    for row in rows[np.lexsort((cleared.need[rows], cleared.offer[rows], cleared.quantity[rows]))].tolist():
        sides = {int(cleared.offer[row]), int(cleared.need[row])}
        if not sides & touched:
            touched |= sides
            found.append(row)
    return np.array(found, dtype=np.int64)
