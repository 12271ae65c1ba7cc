"""Minimum lots: no trade smaller than either side takes. By barring small pairs and clearing again.

Lots leave the network (they are NP-hard), so this is not always the best possible; how much it may
miss is known, since without lots nothing gains more than the market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yuchang.exchange.clearing.engine import Clearing, Run, clear
from yuchang.exchange.clearing.problem import BARRED, QUANTITY_MAX, Flaw, Ints, Problem, Ties, Unfit

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
    if len(lots) != len(problem) or bool(np.any((lots < 1) | (lots > QUANTITY_MAX))):
        raise Unfit([Flaw("lot", 0, "every posting needs a lot of at least one unit")])
    nothing = np.zeros(0, dtype=np.int64)
    ties, rounds = Ties(nothing, nothing, nothing), 0
    market = cleared = clear(problem, run)
    while len(small := _too_small(problem, cleared, lots, gently=rounds < GENTLE_ROUNDS)):
        offer = np.concatenate((ties.offer, cleared.offer[small]))
        need = np.concatenate((ties.need, cleared.need[small]))
        ties = Ties(offer, need, np.full(len(offer), BARRED, dtype=np.int64))
        cleared, rounds = clear(problem, run, ties), rounds + 1
    return LotClearing(cleared, ties, market.welfare_fen)


def _too_small(problem: Problem, cleared: Clearing, lots: Ints, *, gently: bool) -> Ints:
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
