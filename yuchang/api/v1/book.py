"""The book: bookings, and what reached a household."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from yuchang.accounts.doors import actor_of, require
from yuchang.api.v1.frame import REFUSALS, Id, PageOut, Span, page_of
from yuchang.ledger.queries import book_household, household_book, transactions_for

router = Router(tags=["ledger"])


class TransactionOut(Schema):
    """A booking; its legs sum to zero."""

    id: int
    kind: str
    source: str
    source_id: str
    channel: str
    booked_on: date
    memo: str


class LegOut(Schema):
    """One line of a household's statement."""

    id: int
    transaction_id: int
    amount_fen: int
    way: str
    booked_on: date


@router.get("/transactions", response={200: PageOut[TransactionOut], **REFUSALS})
def transactions(request: HttpRequest, span: Query[Span]) -> Any:
    """Bookings of one's places, newest first."""
    actor = actor_of(request)
    require(actor, "ledger.read")
    return page_of(transactions_for(actor), span, "-id")


@router.get("/households/{household_id}/book", response={200: PageOut[LegOut], **REFUSALS})
def statement(request: HttpRequest, span: Query[Span], household_id: Id) -> Any:
    """What reached a household, newest first."""
    actor = actor_of(request)
    book_household(actor, household_id)
    return page_of(household_book(actor, household_id), span, "-booked_on", "-id")
