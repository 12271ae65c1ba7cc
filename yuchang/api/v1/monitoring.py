"""Alerts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from yuchang.accounts.doors import actor_of, require
from yuchang.api.v1.frame import REFUSALS, PageOut, Span, page_of
from yuchang.monitoring.queries import alerts_for

router = Router(tags=["monitoring"])


class AlertOut(Schema):
    """A household that should be visited, and until when."""

    id: int
    version: int
    household_id: int
    kind: str
    state: str
    observed_fen: int | None
    limit_fen: int | None
    opened_on: date
    due_on: date
    closed_on: date | None


@router.get("/alerts", response={200: PageOut[AlertOut], **REFUSALS})
def alerts(
    request: HttpRequest,
    span: Query[Span],
    state: Annotated[str, Field(pattern="^(|open|visited|closed)$")] = "",
) -> Any:
    """Alerts in one's places, by number."""
    actor = actor_of(request)
    require(actor, "monitoring.read")
    return page_of(alerts_for(actor, state=state).only(*AlertOut.model_fields), span, "id")
