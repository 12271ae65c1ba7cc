"""Reads of the register, scoped and masked for the reader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db.models import QuerySet

from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.registry.models import Household, HouseholdFacts, PublicNotice


def households_for(actor: Actor, permission: str = "registry.read") -> QuerySet[Household]:
    """The households in the actor's area."""
    return Household.objects.filter(place_filter(actor, permission))


def facts_on(household_ids: Iterable[int], on: date) -> dict[int, HouseholdFacts]:
    """The latest observation of each household on or before the day."""
    rows = (
        HouseholdFacts.objects.filter(household_id__in=list(household_ids), observed_on__lte=on)
        .order_by("household_id", "-observed_on", "-id")
        .distinct("household_id")
    )
    return {row.household_id: row for row in rows}


def public_notices(county_id: int | None = None) -> QuerySet[PublicNotice]:
    """Live notices as the public may see them (readable by the public zone's role)."""
    rows = PublicNotice.objects.order_by("village_name", "entry_code")
    return rows.filter(county_id=county_id) if county_id else rows
