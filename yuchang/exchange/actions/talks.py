"""From a proposal to a talk: answer, say, counter."""

from __future__ import annotations

from collections.abc import Sequence

from yuchang.accounts.rules import Actor
from yuchang.exchange.models import Match, Message, Talk


def answer_match(
    *, actor: Actor, match_id: int, version: int, side: str, answer: str, reason: str = ""
) -> Match:
    """One side says ``accepted`` or ``declined`` (a reason is needed to decline).

    Needs ``exchange.talk`` over that side's posting. The first answer opens the talk; a decline ends it.
    """
    raise NotImplementedError


def answer_matches_set(
    *, actor: Actor, match_ids: Sequence[int], side: str, answer: str, reason: str = ""
) -> int:
    """``answer_match`` for many matches whose ``side`` is in the actor's reach; others are refused (Hidden).

    Returns how many were answered.
    """
    raise NotImplementedError


def say(*, actor: Actor, match_id: int, side: str, text: str) -> Message:
    """Write a line to the other side."""
    raise NotImplementedError


def counter_terms(
    *, actor: Actor, match_id: int, version: int, side: str, price_fen: int, quantity: int, reason: str
) -> Talk:
    """Name another price or quantity, with a reason; the other side's yes to the old terms lapses."""
    raise NotImplementedError
