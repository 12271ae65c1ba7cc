"""Households and their dated facts, masked; entry by machines with the rules of the form."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from yuchang.accounts.doors import actor_of, require
from yuchang.api.v1.frame import REFUSALS, Id, PageOut, Span, page_of, repeatable, shown
from yuchang.policy.queries import decisions_for
from yuchang.registry.actions import record_facts, register_household
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.models import Source
from yuchang.registry.queries import Filter, filtered, household_for, households_for, span_of

router = Router(tags=["registry"])


class HouseholdOut(Schema):
    """A household. Neither ID numbers nor telephones leave by this window."""

    id: int
    version: int
    number: str
    state: str
    attribute: str
    main_cause: str
    size: int
    head_name: str
    place_id: int
    county_id: int | None
    village_id: int | None
    entered_at: datetime
    verified_at: datetime | None


class MemberIn(Schema):
    """A member to enter; codes are those of the register's code lists."""

    number: str = Field("", max_length=40)
    name: str = Field(..., min_length=1, max_length=100)
    relation: str = Field(..., max_length=20)
    id_number: str = Field("", max_length=22)
    phone: str = Field("", max_length=20)
    ethnicity: str = Field("", max_length=2)
    schooling: str | None = Field(None, max_length=20)
    labour: str | None = Field(None, max_length=20)
    work_status: str | None = Field(None, max_length=20)
    work_months: int | None = Field(None, ge=0, le=12)


class HouseholdIn(Schema):
    """A household to enter in a village, with what was observed of it on a day."""

    village_id: int = Field(..., ge=1, le=2**63 - 1)
    observed_on: date
    number: str = Field("", max_length=40)
    attribute: str = Field(..., max_length=20)
    main_cause: str = Field(..., max_length=20)
    hamlet: str = Field("", max_length=100)
    net_income_per_head_fen: int | None = Field(None, ge=-(10**13), le=10**13)
    safe_water: bool | None = None
    members: list[MemberIn] = Field(..., min_length=1, max_length=60)


class FactsIn(Schema):
    """An observation of a household: columns of the wide fact row and their values."""

    observed_on: date
    facts: dict[str, int | bool | str | None] = Field(..., min_length=1, max_length=60)


class FactsOut(Schema):
    """The observation as stored."""

    id: int
    household_id: int
    observed_on: date
    recorded_at: datetime


class DecisionOut(Schema):
    """A decision on a household with its reasons."""

    id: int
    household_id: int
    on: date
    verdict: str
    monitoring_class: str
    explanation: Any
    made_at: datetime


@router.get("/households", response={200: PageOut[HouseholdOut], **REFUSALS})
def households(
    request: HttpRequest,
    span: Query[Span],
    q: Annotated[str, Field(max_length=60)] = "",
    state: Annotated[str, Field(max_length=10)] = "",
) -> Any:
    """Households in reach, by number of entry; ``q`` as in the search box of the pages."""
    actor = actor_of(request)
    require(actor, "registry.read")
    narrow = Filter(text=q, state=state)
    rows = filtered(households_for(actor), actor, narrow).only(*HouseholdOut.model_fields)
    return page_of(rows, span, "id", within=span_of(actor, narrow))


@router.get("/households/{household_id}", response={200: HouseholdOut, **REFUSALS})
def household(request: HttpRequest, household_id: Id) -> Any:
    """One household in reach."""
    return household_for(actor_of(request), household_id)


@router.post("/households", response={201: HouseholdOut, **REFUSALS})
@repeatable
def enter(request: HttpRequest, household: HouseholdIn) -> tuple[int, dict[str, Any]]:
    """Enter a household; somebody else verifies it."""
    members = tuple(MemberEntry(**m.dict()) for m in household.members)
    given = household.dict(exclude={"village_id", "observed_on", "members"})
    row = register_household(
        actor=actor_of(request),
        village_id=household.village_id,
        entry=HouseholdEntry(**given, members=members, declared_size=len(members)),
        observed_on=household.observed_on,
    )
    return 201, shown(HouseholdOut, row)


@router.post("/households/{household_id}/facts", response={201: FactsOut, **REFUSALS})
@repeatable
def observe(request: HttpRequest, observation: FactsIn, household_id: Id) -> tuple[int, dict[str, Any]]:
    """Add an observation; what is not named is carried over from the latest one."""
    row = record_facts(
        actor=actor_of(request),
        household_id=household_id,
        observed_on=observation.observed_on,
        source=Source.COMPARISON,
        facts=observation.facts,
    )
    return 201, shown(FactsOut, row)


@router.get("/households/{household_id}/decisions", response={200: PageOut[DecisionOut], **REFUSALS})
def decisions(request: HttpRequest, span: Query[Span], household_id: Id) -> Any:
    """What was decided on a household, newest first."""
    actor = actor_of(request)
    require(actor, "policy.read")
    household_for(actor, household_id, "policy.read")
    return page_of(decisions_for(actor, household_id).defer("input_row"), span, "-id")
