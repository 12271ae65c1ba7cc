"""What a clearing is: trades, duals and figures by category. Pure; no solver."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from yuchang.exchange.clearing.problem import Ints, Problem, canonical_bytes


@dataclass(frozen=True)
class CategoryFigures:
    """What one category came to. ``pairs`` counts feasible pairs of postings."""

    code: str
    offers: int
    needs: int
    pairs: int
    offered: int
    needed: int
    traded: int
    welfare_fen: int
    value_fen: int


@dataclass(frozen=True)
class Clearing:
    """The result: trades by posting position, and every posting's gain per unit (its dual).

    ``ceiling`` is the most a posting could gain per unit at any optimal prices; a newcomer who beats
    it wins a unit (``explain``).
    """

    offer: Ints
    need: Ints
    quantity: Ints
    dual: Ints
    ceiling: Ints
    figures: tuple[CategoryFigures, ...]

    @property
    def welfare_fen(self) -> int:
        """The total gain of all trades."""
        return sum(f.welfare_fen for f in self.figures)

    @property
    def pairs(self) -> int:
        """Feasible pairs of postings."""
        return sum(f.pairs for f in self.figures)

    def prices(self, problem: Problem) -> Ints:
        """What the offer of each trade receives per unit, in fen; never more than the need can pay.

        (A pair kept together by a bonus may share more than its own gain; the price stays within limits.)
        """
        own = np.minimum(self.dual[self.offer], problem.gains(self.offer, self.need))
        shared: Ints = problem.limit[self.offer] + own
        return shared

    def to_bytes(self) -> bytes:
        """The canonical text of this result."""
        return canonical_bytes(
            {
                "trades": [self.offer.tolist(), self.need.tolist(), self.quantity.tolist()],
                "dual": self.dual.tolist(),
                "ceiling": self.ceiling.tolist(),
                "figures": [list(vars(f).values()) for f in self.figures],
            }
        )


def result_from_bytes(data: bytes) -> Clearing:
    """Read what ``Clearing.to_bytes`` wrote."""
    table = json.loads(data)
    offer, need, quantity = (np.array(column, dtype=np.int64) for column in table["trades"])
    figures = tuple(CategoryFigures(*row) for row in table["figures"])
    dual, ceiling = (np.array(table[name], dtype=np.int64) for name in ("dual", "ceiling"))
    return Clearing(offer, need, quantity, dual, ceiling, figures)
