"""Organisations of the think tank."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from yuchang.accounts.doors import actor_of, require
from yuchang.api.v1.frame import REFUSALS, Id, PageOut, Span, page_of
from yuchang.partners.queries import organisation_for, organisations_for

router = Router(tags=["partners"])


class OrganisationOut(Schema):
    """An organisation; telephones stay inside."""

    id: int
    version: int
    name: str
    kind: str
    credit_code: str | None
    state: str
    place_id: int
    introduction: str


@router.get("/organisations", response={200: PageOut[OrganisationOut], **REFUSALS})
def organisations(request: HttpRequest, span: Query[Span]) -> Any:
    """Organisations in sight."""
    actor = actor_of(request)
    require(actor, "partners.read")
    return page_of(organisations_for(actor), span, "id")


@router.get("/organisations/{organisation_id}", response={200: OrganisationOut, **REFUSALS})
def organisation(request: HttpRequest, organisation_id: Id) -> Any:
    """One organisation in sight."""
    return organisation_for(actor_of(request), organisation_id)
