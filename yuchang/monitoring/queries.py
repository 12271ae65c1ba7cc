"""Reads: alerts and visits within the reader's area."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, QuerySet

from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.monitoring.models import Alert, Assessment, Visit

LIVE = (Alert.State.OPEN, Alert.State.ESCALATED)


def alerts_for(
    actor: Actor, *, state: str = "", kind: str = "", overdue_on: date | None = None
) -> QuerySet[Alert]:
    """The alerts in the reader's places.

    ``state`` ``live`` means not closed; ``overdue_on`` keeps the live ones due before that day.
    """
    rows = Alert.objects.filter(place_filter(actor, "monitoring.read")).select_related("household", "place")
    if state == "live":
        rows = rows.exclude(state=Alert.State.CLOSED)
    elif state:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    if overdue_on is not None:
        rows = rows.filter(due_on__lt=overdue_on).exclude(state=Alert.State.CLOSED)
    return rows


@dataclass(frozen=True)
class AlertCounts:
    """How many alerts of the reader's area are in each state; ``overdue`` are live and past their day."""

    open: int
    escalated: int
    closed: int
    overdue: int

    @property
    def live(self) -> int:
        return self.open + self.escalated


def alert_counts(actor: Actor, on: date) -> AlertCounts:
    """Counts in one query."""
    live = ~Q(state=Alert.State.CLOSED)
    found = Alert.objects.filter(place_filter(actor, "monitoring.read")).aggregate(
        open=Count("pk", filter=Q(state=Alert.State.OPEN)),
        escalated=Count("pk", filter=Q(state=Alert.State.ESCALATED)),
        closed=Count("pk", filter=Q(state=Alert.State.CLOSED)),
        overdue=Count("pk", filter=live & Q(due_on__lt=on)),
    )
    return AlertCounts(**found)


def alerts_of_household(household_id: int) -> QuerySet[Alert]:
    """Every alert of a household, newest first. The caller has passed the household's door."""
    return Alert.objects.filter(household_id=household_id).order_by("-opened_on", "-id")


def visits_of_household(household_id: int) -> QuerySet[Visit]:
    """Every visit to a household, newest first. The caller has passed the household's door."""
    return (
        Visit.objects.filter(household_id=household_id).select_related("alert").order_by("-visited_on", "-id")
    )


def assessments_for(actor: Actor) -> QuerySet[Assessment]:
    """The assessments of the reader's counties, newest first."""
    rows = Assessment.objects.filter(place_filter(actor, "monitoring.read"))
    return rows.select_related("place").order_by("-on", "-id")
