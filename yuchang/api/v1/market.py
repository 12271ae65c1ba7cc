"""Rounds on sale, and orders."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Header, Query, Router, Schema, Status
from pydantic import Field

from yuchang.accounts.doors import actor_of, require
from yuchang.api.v1.frame import REFUSALS, Id, PageOut, Span, page_of, shown
from yuchang.market.actions.orders import place_order
from yuchang.market.queries import order_for, orders_for, rounds_for

router = Router(tags=["market"])
BIG = 2**63 - 1
KEY = r"^[!-~]+$"


class RoundOut(Schema):
    """An order round."""

    id: int
    version: int
    title: str
    state: str
    channel: str
    sales_from: datetime
    sales_to: datetime
    deliver_on: date
    promise: str
    shortfall_rule: str


class OrderOut(Schema):
    """An order."""

    id: int
    version: int
    round_id: int
    organisation_id: int
    state: str
    total_fen: int
    placed_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None


class LineIn(Schema):
    """How much of one offer."""

    offer_id: int = Field(..., ge=1, le=BIG)
    quantity: int = Field(..., ge=1, le=BIG)


class OrderIn(Schema):
    """An order of one's own organisation, of one round."""

    organisation_id: int = Field(..., ge=1, le=BIG)
    lines: list[LineIn] = Field(..., min_length=1, max_length=100)


@router.get("/rounds", response={200: PageOut[RoundOut], **REFUSALS})
def rounds(request: HttpRequest, span: Query[Span]) -> Any:
    """Rounds in sight."""
    actor = actor_of(request)
    require(actor, "market.read")
    return page_of(rounds_for(actor), span, "id")


@router.get("/orders", response={200: PageOut[OrderOut], **REFUSALS})
def orders(request: HttpRequest, span: Query[Span]) -> Any:
    """Orders in sight."""
    actor = actor_of(request)
    require(actor, "market.read")
    return page_of(orders_for(actor), span, "id")


@router.get("/orders/{order_id}", response={200: OrderOut, **REFUSALS})
def order(request: HttpRequest, order_id: Id) -> Any:
    """One order."""
    return order_for(actor_of(request), order_id)


@router.post("/orders", response={201: OrderOut, **REFUSALS})
def buy(
    request: HttpRequest,
    order: OrderIn,
    idempotency_key: Header[Annotated[str, Field(min_length=8, max_length=60, pattern=KEY)]],
) -> Status[Any]:
    """Order; held until paid or expired. The key is needed, and given again it returns the same order."""
    quantities: dict[int, int] = {}
    for line in order.lines:
        quantities[line.offer_id] = quantities.get(line.offer_id, 0) + line.quantity
    row = place_order(
        actor=actor_of(request),
        organisation_id=order.organisation_id,
        quantities=quantities,
        idempotency_key=f"api:{actor_of(request).user_id}:{idempotency_key}"[:80],
    )
    return Status(201, shown(OrderOut, row))
