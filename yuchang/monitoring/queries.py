"""Reads: alerts and visits within the reader's area."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, QuerySet

from yuchang.accounts.queries import household_scopes, place_filter, reach
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core.paging import Among
from yuchang.core.tallies import summed_by_county, tally_by_key
from yuchang.monitoring.models import Alert, Assessment, Visit
from yuchang.places.models import Place
from yuchang.places.queries import named
from yuchang.registry.models import Household

TALLY = summed_by_county("monitoring.alert")
TALLY_KEY = "state || ':' || kind || ':' || CASE WHEN state = 'closed' THEN '' ELSE due_on::text END"


def alerts_for(
    actor: Actor, *, state: str = "", kind: str = "", overdue_on: date | None = None
) -> QuerySet[Alert]:
    """The alerts in the reader's places, and of the households given to the reader one by one.

    ``state`` ``live`` means not closed; ``overdue_on`` keeps the live ones due before that day. Where names
    are shown, ``with_names`` reads them.
    """
    rows = Alert.objects.filter(reach(actor, "monitoring.read", Alert))
    if state == "live":
        rows = rows.exclude(state=Alert.State.CLOSED)
    elif state:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    if overdue_on is not None:
        rows = rows.filter(due_on__lt=overdue_on).exclude(state=Alert.State.CLOSED)
    return rows


_heads = Among("pk", lambda: Household.objects.only("head_name"))


def with_names(rows: Iterable[Alert]) -> list[Alert]:
    """Alerts with the names of their households' heads and of their places, and nothing else of these read.
    Two queries: those found in one comparison are neighbours in the register."""
    found = list(rows)
    by_number = {household.pk: household for household in _heads(row.household_id for row in found)}
    places = named(row.place_id for row in found)
    for row in found:
        row.household, row.place = by_number[row.household_id], places[row.place_id]
    return found


@dataclass(frozen=True)
class AlertCounts:
    """How many alerts an area has, by (state, kind, due day; None for closed ones)."""

    by_key: dict[tuple[str, str, date | None], int]
    on: date

    def count(self, *, state: str = "", kind: str = "", overdue: bool = False) -> int:
        """The number in a state (``live``: not closed), of a kind, and past their day if ``overdue``."""
        total = 0
        for (its_state, its_kind, due), n in self.by_key.items():
            fits = not state or its_state == state or (state == "live" and its_state != "closed")
            fits = fits and (not kind or its_kind == kind)
            if fits and (not overdue or (due is not None and due < self.on)):
                total += n
        return total

    @property
    def live(self) -> int:
        return self.count(state="live")

    @property
    def overdue(self) -> int:
        return self.count(overdue=True)

    @property
    def escalated(self) -> int:
        return self.count(state="escalated")

    @property
    def closed(self) -> int:
        return self.count(state="closed")


def alert_counts(actor: Actor, on: date) -> AlertCounts:
    """Counts of the reader's area from the tallies, in one query whose cost does not grow with the alerts.

    Those of households given one by one, which are few, are counted beside them.
    """
    found: dict[tuple[str, str, date | None], int] = {}
    for key, n in tally_by_key(TALLY, place_filter(actor, "monitoring.read")).items():
        state, kind, due = key.split(":")
        found[(state, kind, date.fromisoformat(due) if due else None)] = n
    opened = household_scopes(actor, "monitoring.read")
    if opened is not None:
        rows = Alert.objects.filter(opened & ~place_filter(actor, "monitoring.read"))
        for state, kind, due_on, n in rows.values_list("state", "kind", "due_on").annotate(n=Count("pk")):
            its_key = (state, kind, None if state == Alert.State.CLOSED else due_on)
            found[its_key] = found.get(its_key, 0) + n
    return AlertCounts(found, on)


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


def awaits_those_above(actor: Actor, alert: Alert) -> bool:
    """Whether an alert was handed up and this person works in a village only."""
    scopes = actor.scopes("monitoring.visit")
    reaches = any(isinstance(scope, PlaceScope) and scope.level < Place.Level.VILLAGE for scope in scopes)
    return alert.state == Alert.State.ESCALATED and not reaches
