"""Offers and needs, what they were matched with, and what was agreed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from yuchang.accounts.doors import actor_of, require
from yuchang.api.v1.frame import REFUSALS, Id, PageOut, Span, page_of, repeatable, shown
from yuchang.exchange.actions import PostingFacts, answer_match, post, withdraw_posting
from yuchang.exchange.queries import (
    agreements_for,
    clearing_for,
    clearings_for,
    match_for,
    matches_for,
    own_postings,
    posting_for,
)

router = Router(tags=["exchange"])
BIG = 2**63 - 1


class PostingOut(Schema):
    """An own posting. ``limit_fen`` is private to its owner."""

    id: int
    version: int
    direction: str
    category: str = Field(..., alias="category_id")
    quantity: int
    agreed_quantity: int
    unit: str
    limit_fen: int
    window_from: date
    window_to: date
    state: str
    household_id: int | None
    organisation_id: int | None
    place_id: int


class PostingIn(Schema):
    """An offer or a need. Exactly one owner is named."""

    direction: str = Field(..., pattern="^(offer|need)$")
    category: str = Field(..., max_length=60)
    quantity: int = Field(..., ge=1, le=BIG)
    limit_fen: int = Field(..., ge=0, le=BIG)
    window_from: date
    window_to: date
    household_id: int | None = Field(None, ge=1, le=BIG)
    village_id: int | None = Field(None, ge=1, le=BIG)
    organisation_id: int | None = Field(None, ge=1, le=BIG)
    radius_km: int | None = Field(None, ge=1, le=10_000)
    note: str = Field("", max_length=300)


class WithdrawIn(Schema):
    """Why it is taken back, and the version it was read at."""

    version: int = Field(..., ge=0, le=2**31 - 1)
    reason: str = Field(..., min_length=1, max_length=300)


class MatchOut(Schema):
    """A proposal with its reason. The other side's limit is not in it."""

    id: int
    version: int
    offer_id: int
    need_id: int
    category: str = Field(..., alias="category_id")
    quantity: int
    price_fen: int
    transport_fen: int
    distance_km: int | None
    window_from: date
    window_to: date
    state: str
    offer_answer: str
    need_answer: str


class AnswerIn(Schema):
    """One side's answer to a proposal; declining takes a reason."""

    version: int = Field(..., ge=0, le=2**31 - 1)
    side: str = Field(..., pattern="^(offer|need)$")
    answer: str = Field(..., pattern="^(accepted|declined)$")
    reason: str = Field("", max_length=1000)


class ClearingOut(Schema):
    """A clearing with its certificate."""

    id: int
    on: date
    state: str
    engine: str
    inputs_hash: str
    result_hash: str
    is_certified: bool
    offer_count: int
    need_count: int
    match_count: int
    welfare_fen: int
    value_fen: int
    run_at: datetime


class AgreementOut(Schema):
    """What both sides said yes to, or are asked to."""

    id: int
    version: int
    match_id: int
    category: str = Field(..., alias="category_id")
    quantity: int
    price_fen: int
    transport_fen: int
    delivery_from: date
    delivery_to: date
    state: str
    agreed_at: datetime | None


@router.get("/postings", response={200: PageOut[PostingOut], **REFUSALS}, by_alias=False)
def postings(request: HttpRequest, span: Query[Span]) -> Any:
    """Postings of one's own places, organisation or household."""
    actor = actor_of(request)
    require(actor, "exchange.read")
    return page_of(own_postings(actor), span, "id")


@router.get("/postings/{posting_id}", response={200: PostingOut, **REFUSALS}, by_alias=False)
def posting(request: HttpRequest, posting_id: Id) -> Any:
    """One own posting."""
    return posting_for(actor_of(request), posting_id)


@router.post("/postings", response={201: PostingOut, **REFUSALS}, by_alias=False)
@repeatable
def post_one(request: HttpRequest, posting: PostingIn) -> tuple[int, dict[str, Any]]:
    """Post an offer or a need."""
    row = post(actor=actor_of(request), facts=PostingFacts(**posting.dict()))
    return 201, shown(PostingOut, row)


@router.post("/postings/{posting_id}/withdraw", response={200: PostingOut, **REFUSALS}, by_alias=False)
@repeatable
def withdraw(request: HttpRequest, asked: WithdrawIn, posting_id: Id) -> tuple[int, dict[str, Any]]:
    """Take a posting back."""
    row = withdraw_posting(actor=actor_of(request), posting_id=posting_id, **asked.dict())
    return 200, shown(PostingOut, row)


@router.get("/matches", response={200: PageOut[MatchOut], **REFUSALS}, by_alias=False)
def matches(request: HttpRequest, span: Query[Span]) -> Any:
    """Proposals in which one side is one's own."""
    actor = actor_of(request)
    require(actor, "exchange.read")
    return page_of(matches_for(actor), span, "id")


@router.get("/matches/{match_id}", response={200: MatchOut, **REFUSALS}, by_alias=False)
def match(request: HttpRequest, match_id: Id) -> Any:
    """One proposal."""
    return match_for(actor_of(request), match_id)


@router.post("/matches/{match_id}/answer", response={200: MatchOut, **REFUSALS}, by_alias=False)
@repeatable
def answer(request: HttpRequest, given: AnswerIn, match_id: Id) -> tuple[int, dict[str, Any]]:
    """Accept or decline for one's own side."""
    row = answer_match(actor=actor_of(request), match_id=match_id, **given.dict())
    return 200, shown(MatchOut, row)


@router.get("/clearings", response={200: PageOut[ClearingOut], **REFUSALS})
def clearings(request: HttpRequest, span: Query[Span]) -> Any:
    """Clearings in sight, newest first."""
    actor = actor_of(request)
    require(actor, "exchange.read")
    return page_of(clearings_for(actor), span, "-id")


@router.get("/clearings/{clearing_id}", response={200: ClearingOut, **REFUSALS})
def clearing(request: HttpRequest, clearing_id: Id) -> Any:
    """One clearing."""
    return clearing_for(actor_of(request), clearing_id)


@router.get("/agreements", response={200: PageOut[AgreementOut], **REFUSALS}, by_alias=False)
def agreements(request: HttpRequest, span: Query[Span]) -> Any:
    """Agreements in which one side is one's own."""
    actor = actor_of(request)
    require(actor, "exchange.read")
    return page_of(agreements_for(actor), span, "id")
