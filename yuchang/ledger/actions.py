"""Writes to the book: opening accounts, posting, reversing. Nothing is ever changed or removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.ledger.models import Transaction
from yuchang.places.models import Place


@dataclass(frozen=True)
class LegDraft:
    """One leg before it is booked: signed fen for an account, and of which order line and way it comes."""

    account_id: int
    amount_fen: int
    order_line_id: int | None = None
    way: str = ""


@dataclass(frozen=True)
class Draft:
    """One transaction before it is booked. ``(source, source_id, kind)`` names the event."""

    source: str
    source_id: str
    kind: str
    place: Place
    legs: tuple[LegDraft, ...]
    booked_on: date | None = None
    memo: str = ""
    channel: str = ""
    payer_id: int | None = None


def household_accounts(household_ids: Iterable[int]) -> dict[int, int]:
    """The account of each household, opened where there is none: {household id: account id}."""
    raise NotImplementedError


def organisation_accounts(organisation_ids: Iterable[int]) -> dict[int, int]:
    """The account of each organisation, opened where there is none: {organisation id: account id}."""
    raise NotImplementedError


def place_account(place: Place, kind: str, name: str = "") -> int:
    """The fund, fee, residual or clearing account of a place, opened where there is none."""
    raise NotImplementedError


def post(*, actor: Actor, draft: Draft) -> Transaction:
    """Book one transaction. Booking the same event again returns the first; a different content is a Conflict."""
    raise NotImplementedError


def post_set(*, actor: Actor, drafts: Sequence[Draft]) -> list[int]:
    """Book many transactions in three statements. Returns their numbers in the given order."""
    raise NotImplementedError


def reverse(*, actor: Actor, transaction_id: int, reason: str) -> Transaction:
    """Book the exact mirror of a transaction, once. Raises Conflict when it is or was a reversal."""
    raise NotImplementedError
