"""Posting what one can give or needs: one by one, from a resource, or a county at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.exchange.models import Posting


@dataclass(frozen=True)
class PostingFacts:
    """One posting as asked for. Exactly one owner: a household, a village (place id) or an organisation.

    ``quantity`` in the category's unit; ``limit_fen`` per unit, private; ``resource_id`` links the
    declared resource it came from (one live posting per resource). Draft postings are not cleared.
    """

    direction: str
    category: str
    quantity: int
    limit_fen: int
    window_from: date
    window_to: date
    household_id: int | None = None
    village_id: int | None = None
    organisation_id: int | None = None
    resource_id: int | None = None
    radius_km: int | None = None
    note: str = ""
    is_draft: bool = False


def post(*, actor: Actor, facts: PostingFacts) -> Posting:
    """Post one offer or need on behalf of an owner within the actor's reach.

    Needs ``exchange.post``: staff by the owner's place, partners by their own organisation (which must
    be vetted). Raises Invalid for absurd facts, Hidden for an owner out of reach, Conflict if the
    resource already has a live posting.
    """
    raise NotImplementedError


def post_many(*, actor: Actor, rows: Iterable[PostingFacts]) -> int:
    """``post`` for tens of thousands: COPY to a staging table, the same checks set-wise, one INSERT.

    All or nothing: raises Invalid listing the first problems by row number. Returns how many were posted.
    """
    raise NotImplementedError


def open_posting(*, actor: Actor, posting_id: int, version: int) -> Posting:
    """Turn a draft into an open posting."""
    raise NotImplementedError


def correct_posting(*, actor: Actor, posting_id: int, version: int, facts: PostingFacts) -> Posting:
    """Change quantity, limit, window, radius or note of a draft or open posting that no talk holds."""
    raise NotImplementedError


def withdraw_posting(*, actor: Actor, posting_id: int, version: int, reason: str) -> Posting:
    """Take a posting back; unanswered proposals with it are superseded, agreements stay."""
    raise NotImplementedError


def expire_postings(*, actor: Actor, on: date) -> int:
    """Close every open posting whose window ended before the day. A task calls it; returns how many."""
    raise NotImplementedError
