"""Agreements: both sides' yes, of two different people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.exchange.models import Agreement


def propose_agreement(
    *,
    actor: Actor,
    match_id: int,
    version: int,
    side: str,
    quantity: int,
    price_fen: int,
    delivery_from: date,
    delivery_to: date,
) -> Agreement:
    """Put the terms into an agreement with one side's yes; the other side must still sign.

    Needs ``exchange.agree`` over that side's posting. ``version`` is the match's. Raises Conflict when more
    is promised than is left, or a live agreement exists.
    """
    raise NotImplementedError


def sign_agreement(*, actor: Actor, agreement_id: int, version: int) -> Agreement:
    """The other side's yes: the agreement holds, and both postings keep its quantity reserved.

    The proposer, and anyone who acts only for the proposing side, is refused. Raises Conflict when either
    posting has less left than agreed.
    """
    raise NotImplementedError


def refuse_agreement(*, actor: Actor, agreement_id: int, version: int, reason: str) -> Agreement:
    """Either side says no before it holds; the match is declined."""
    raise NotImplementedError


def agree_set(*, actor: Actor, match_ids: Sequence[int], side: str) -> int:
    """Say yes for one side of many matches at their proposed terms and window.

    Where no agreement exists it is proposed; where the other side has proposed one it is signed, with the
    same rules as ``sign_agreement`` (never both sides by one person). Returns how many were written.
    """
    raise NotImplementedError
