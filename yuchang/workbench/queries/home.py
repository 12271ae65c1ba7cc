"""What the home page of each role shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from yuchang.accounts.queries import assigned
from yuchang.accounts.rules import Actor, Role
from yuchang.core.addresses import address
from yuchang.core.models import AuditEntry
from yuchang.core.queries import entries_for
from yuchang.messages import queries as messages
from yuchang.monitoring.models import Alert
from yuchang.places.models import Place
from yuchang.procedures import queries as procedures
from yuchang.procedures.models import Case
from yuchang.registry.models import Household
from yuchang.registry.queries import households_for
from yuchang.workbench.queries import figures as f
from yuchang.workbench.queries import pages, regions
from yuchang.workbench.queries.sources import SOURCES
from yuchang.workbench.queries.visits import Visits, visits_of

PREVIEW = 8
# Who goes from house to house.
VISITORS = (Role.VILLAGE_CADRE, Role.WORK_TEAM, Role.HELPER)
REGIONAL = (Role.PREFECTURE_OFFICER, Role.PROVINCE_OFFICER)
# What an auditor looks at first: (words, beginnings of actions).
WATCHED: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("reveals", gettext_lazy("查看敏感信息"), ("registry.reveal", "partners.reveal_phone")),
    ("exports", gettext_lazy("导出"), ("list.export", "registry.export_households", "sheets.download")),
    (
        "overrides",
        gettext_lazy("更正与冲正"),
        ("registry.correct_household", "registry.remove_household", "ledger.reverse"),
    ),
)


@dataclass(frozen=True)
class Due:
    """A step of a procedure that waits for the reader, and how many days are left."""

    case: Case
    href: str
    days_left: int | None

    @property
    def is_late(self) -> bool:
        """Whether its day has passed."""
        return self.days_left is not None and self.days_left < 0


@dataclass(frozen=True)
class Home:
    """Everything on somebody's home page; what does not concern the reader is empty."""

    parts: list[pages.Waiting]
    due: list[Due] = field(default_factory=list)
    due_counts: dict[str, int] = field(default_factory=dict)
    unread: int = 0
    place: Place | None = None
    mine: list[tuple[Household, Alert | None]] = field(default_factory=list)
    samples: list[procedures.Task] = field(default_factory=list)
    states: list[pages.Share] = field(default_factory=list)
    states_are_own: bool = False
    visits: Visits | None = None
    comparison: pages.Comparison | None = None
    regions: regions.Regions | None = None
    map: list[f.Tile] = field(default_factory=list)
    map_label: str = ""
    indicators: list[tuple[str, str]] = field(default_factory=list)
    indicator: str = ""
    watched: list[tuple[str, str, list[AuditEntry]]] = field(default_factory=list)

    @property
    def is_one_by_one(self) -> bool:
        """Whether the reader's households are listed by name."""
        return bool(self.mine)


def home(actor: Actor, today: date, *, sort: str = "", by: str = "") -> Home:
    """What waits for the actor, by every hat worn."""
    place = f.home_place(actor, "registry.read") if actor.may("registry.read") else None
    found: dict[str, Any] = {
        "parts": pages.waiting_for(actor, today),
        "unread": messages.unread_count(actor),
        "place": place,
        **_due(actor, today),
    }
    if actor.has_role(Role.HELPER) or actor.has_role(Role.WORK_TEAM):
        found["mine"] = _one_by_one(actor)
    if actor.has_role(Role.EVALUATOR):
        found["samples"] = procedures.tasks_of(actor)
    if any(actor.has_role(role) for role in VISITORS):
        own = _counts_own(actor)
        found |= {"states": pages.by_state(actor, place, mine=own), "states_are_own": own}
        found["visits"] = visits_of(actor, today, mine=own)
    if actor.has_role(Role.TOWNSHIP_REVIEWER) and place:
        found["comparison"] = pages.compared(actor, today, place)
    if any(actor.has_role(role) for role in REGIONAL) and place:
        found["regions"] = regions.regions(actor, today, place, sort)
    if place and (actor.has_role(Role.COUNTY_OFFICER) or found.get("regions")):
        found |= _map(actor, today, place, by)
    if actor.may("audit.read"):
        found["watched"] = [(name, str(word), _entries(actions)) for name, word, actions in WATCHED]
    return Home(**found)


def _counts_own(actor: Actor) -> bool:
    """Whether everything the actor visits is assigned household by household."""
    worn = [role for role in VISITORS if actor.has_role(role)]
    return all(pages.counts_own(actor, role) for role in worn)


def _map(actor: Actor, today: date, place: Place, by: str) -> dict[str, Any]:
    names = [n for n in pages.INDICATORS if actor.may(SOURCES[n].permission)]
    chosen = by if by in names else names[0]
    return {
        "map": f.by_child(chosen, actor, today, place),
        "map_label": str(SOURCES[chosen].label),
        "indicators": [(n, str(SOURCES[n].label)) for n in names],
        "indicator": chosen,
    }


def _due(actor: Actor, today: date) -> dict[str, Any]:
    """Steps of procedures that are the actor's, the most urgent first, and how many there are."""
    if not actor.may(procedures.READ):
        return {}
    cases = [
        Due(
            case,
            address("procedures:case", case.pk),
            (case.due_on - today).days if case.due_on else None,
        )
        for case in procedures.most_urgent(actor, PREVIEW)
    ]
    return {"due": cases, "due_counts": procedures.waiting_for(actor)}


def _one_by_one(actor: Actor) -> list[tuple[Household, Alert | None]]:
    """The households assigned to the actor, each with its most urgent alert. Two queries."""
    rows = list(households_given(actor).select_related("place").order_by("place_id", "id")[:60])
    alerts = Alert.objects.filter(household__in=rows).exclude(state=Alert.State.CLOSED).order_by("-due_on")
    urgent = {alert.household_id: alert for alert in alerts}
    return sorted(
        ((row, urgent.get(row.pk)) for row in rows),
        key=lambda pair: (pair[1] is None, pair[1].due_on if pair[1] else date.max),
    )


def households_given(actor: Actor) -> QuerySet[Household]:
    """The households assigned to the actor as a helper; a place of which somebody is in charge gives none."""
    return households_for(actor).filter(assigned(actor, "pk")).exclude(state="removed")


def _entries(actions: tuple[str, ...]) -> list[AuditEntry]:
    """The newest entries whose actions begin so."""
    found = [entry for action in actions for entry in _newest(action)]
    return sorted(found, key=lambda entry: -entry.pk)[:PREVIEW]


def _newest(action: str) -> list[AuditEntry]:
    return list(entries_for(action=action).order_by("-id")[:PREVIEW])
