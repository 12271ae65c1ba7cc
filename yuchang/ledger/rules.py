"""What makes a transaction sound, and the bands of the money picture. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BANDS_FEN = (50_000, 200_000, 500_000)
"""Limits between the bands of household receipts in a season: 500, 2,000 and 5,000 yuan."""


@dataclass(frozen=True)
class LegDraft:
    """One leg before it is booked: signed fen for an account, and of which order line and way it comes."""

    account_id: int
    amount_fen: int
    order_line_id: int | None = None
    way: str = ""


def faults_in(legs: Sequence[LegDraft]) -> list[str]:
    """What the database would refuse, as codes: ``few_legs``, ``zero_leg``, ``unbalanced``. Empty: sound."""
    faults = []
    if len(legs) < 2:
        faults.append("few_legs")
    if any(leg.amount_fen == 0 for leg in legs):
        faults.append("zero_leg")
    if sum(leg.amount_fen for leg in legs) != 0:
        faults.append("unbalanced")
    return faults


def mirror(legs: Sequence[LegDraft]) -> tuple[LegDraft, ...]:
    """The legs that undo these exactly."""
    return tuple(LegDraft(g.account_id, -g.amount_fen, g.order_line_id, g.way) for g in legs)


def same_legs(left: Sequence[LegDraft], right: Sequence[LegDraft]) -> bool:
    """Whether both hold the same legs, in whatever order."""
    return Counter(left) == Counter(right)


def band_edges() -> list[tuple[int, int | None]]:
    """The bands as (from, below) in fen; the last has no upper end."""
    edges = (0, *BANDS_FEN)
    return [*pairwise(edges), (edges[-1], None)]


def band_of(fen: int) -> int:
    """The number of the band in which a household's receipts lie."""
    return sum(fen >= edge for edge in BANDS_FEN)
