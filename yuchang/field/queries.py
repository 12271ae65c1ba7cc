"""Reads: what a telephone takes along, one's own telephones, and reports with their content."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import assigned, assignments_held, reach
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.language import is_english
from yuchang.core.money import format_yuan
from yuchang.core.secrets import unseal
from yuchang.field.models import Device, Report
from yuchang.field.rules import MOST_ALERTS, MOST_HOUSEHOLDS, PACK_HOURS, Sent, clashes
from yuchang.files.models import StoredFile
from yuchang.files.queries import readable
from yuchang.monitoring.models import Alert, Visit
from yuchang.monitoring.queries import awaits_those_above
from yuchang.monitoring.rules import KIND_WORDS, SignalKind
from yuchang.places.models import Place
from yuchang.registry.forms import FactsForm
from yuchang.registry.models import Household, HouseholdFacts
from yuchang.registry.queries import facts_on, households_for
from yuchang.registry.words import word

VISITS_SHOWN = 2
CONFLICTS_COUNTED = 99
MEMBER_NAME = re.compile(r"m-\d+-name")
CONTENT = "field.report"
DEVICE_KEY = "field.device"
# What a visitor may observe, in the words of ``registry.forms.FactsForm``.
OBSERVED = (
    "unsafe_house",
    "safe_water",
    "water_hardship",
    "net_income_per_head_fen",
    "wage_income_fen",
    "business_income_fen",
    "transfer_income_fen",
    "property_income_fen",
    "production_expense_fen",
    "compliant_medical_spending_fen",
)


def devices_of(actor: Actor) -> QuerySet[Device]:
    """One's own telephones, newest first."""
    return Device.objects.filter(user_id=actor.user_id or 0).order_by("-id")


def standing_of(actor: Actor, uid: str) -> str:
    """Whether one's own telephone is ``ready`` or ``closed``; ``unknown`` when there is none of this name."""
    found = {str(row.uid): row for row in devices_of(actor)}.get(uid)
    if found is None:
        return "unknown"
    return "closed" if found.closed_at else "ready"


@dataclass(frozen=True)
class Pack:
    """What is taken along: plain words and numbers, ready to be written down as JSON."""

    content: dict[str, Any]
    households: int
    alerts: int


def pack(actor: Actor, village: Place | None) -> Pack:
    """The households of a village, or without one those assigned to the actor, with their alerts.

    As the lists show them: no identity number, no telephone, no health. Five queries, at most
    ``MOST_HOUSEHOLDS`` households and ``MOST_ALERTS`` alerts, the most urgent first.
    """
    within = Q(village_id=village.pk) if village else assigned(actor, "pk")
    rows = households_for(actor).filter(within).exclude(state="removed").select_related("place")
    households = list(rows.order_by("id")[: MOST_HOUSEHOLDS + 1])
    has_more, households = len(households) > MOST_HOUSEHOLDS, households[:MOST_HOUSEHOLDS]
    ids = [row.pk for row in households]
    alerts = _alerts(actor, village)
    facts = facts_on(ids, clock.today())
    content = {
        "hours": PACK_HOURS,
        "village": {"id": village.pk, "name": village.name} if village else None,
        "has_more": has_more,
        "may_enter": actor.may("registry.enter"),
        "households": [_household(row, facts.get(row.pk)) for row in households],
        "alerts": _with_visits(actor, alerts),
    }
    return Pack(content, len(households), len(alerts))


def _alerts(actor: Actor, village: Place | None) -> list[Alert]:
    within = Q(village_id=village.pk) if village else assigned(actor)
    rows = Alert.objects.filter(reach(actor, "monitoring.visit", Alert), within)
    rows = rows.exclude(state=Alert.State.CLOSED).select_related("household", "place")
    return list(rows.order_by("due_on", "id")[:MOST_ALERTS])


def _household(row: Household, facts: HouseholdFacts | None) -> dict[str, Any]:
    return {
        "id": row.pk,
        "number": row.number,
        "head": row.head_name,
        "size": row.size,
        "hamlet": row.hamlet,
        "place": row.place.name,
        "state": row.get_state_display(),
        "cause": word("cause", row.main_cause),
        "read": facts.pk if facts else 0,
        "observed_on": facts.observed_on.isoformat() if facts else "",
        "facts": {name: shown_fact(name, getattr(facts, name)) for name in OBSERVED} if facts else {},
    }


def shown_fact(name: str, value: Any) -> str:
    """A fact in words; what is unknown is empty."""
    if value is None:
        return ""
    if name.endswith("_fen"):
        return format_yuan(value)
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return word(name, value)


def _with_visits(actor: Actor, alerts: list[Alert]) -> list[dict[str, Any]]:
    visits: dict[int, list[Visit]] = defaultdict(list)
    for visit in Visit.objects.filter(alert__in=alerts).order_by("-visited_on", "-id"):
        visits[visit.alert_id].append(visit)
    return [
        {
            "id": row.pk,
            "version": row.version,
            "household": row.household_id,
            "head": row.household.head_name,
            "place": row.place.name,
            "kind": KIND_WORDS[SignalKind(row.kind)][int(is_english())],
            "state": row.get_state_display(),
            "note": row.note,
            "observed": "" if row.observed_fen is None else format_yuan(row.observed_fen),
            "limit": "" if row.limit_fen is None else format_yuan(row.limit_fen),
            "opened_on": row.opened_on.isoformat(),
            "due_on": row.due_on.isoformat(),
            "is_above": awaits_those_above(actor, row),
            "visits": [_visit(visit) for visit in visits[row.pk][:VISITS_SHOWN]],
        }
        for row in alerts
    ]


def _visit(row: Visit) -> dict[str, str]:
    return {
        "on": row.visited_on.isoformat(),
        "who": row.visitor_name,
        "outcome": row.get_outcome_display(),
        "finding": row.finding,
    }


def reports_for(actor: Actor) -> QuerySet[Report]:
    """The reports of the actor's area, and of households opened to the actor one by one."""
    return Report.objects.filter(reach(actor, "monitoring.visit", Report))


def report_for(actor: Actor, pk: int, *, lock: bool = False) -> Report:
    """One report through the door. Raises Refused or Hidden."""
    rows = Report.objects.all() if lock else Report.objects.select_related("place", "household", "user")
    return open_door(rows, actor, "monitoring.visit", pk, lock=lock)


def conflicts_waiting(actor: Actor) -> int:
    """How many reports wait for a person to settle them; ``CONFLICTS_COUNTED`` at most. One query."""
    if not actor.may("monitoring.visit"):
        return 0
    rows = reports_for(actor).filter(state=Report.State.CONFLICT).order_by("-id").values("pk")
    return len(rows[:CONFLICTS_COUNTED])


def content_of(report: Report) -> Sent:
    """What the telephone sent. Only of a report that is not plainly written."""
    blob = bytes(report.content_sealed or b"")
    fields = json.loads(unseal(report.county_id or report.place_id, CONTENT, report.number, blob))
    pairs = tuple((name, value) for name, value in fields)
    return Sent(report.number.hex, report.kind, report.subject_id, report.read, report.made_at, pairs)


def has_assigned(actor: Actor) -> bool:
    """Whether households are assigned to the actor one by one."""
    return bool(assignments_held(actor))


@dataclass(frozen=True)
class FactRow:
    """One fact of a report: as taken along, as it stands now, as sent."""

    name: str
    label: str
    taken: str
    now: str
    mine: str
    differs: bool


def fact_rows(report: Report) -> list[FactRow]:
    """The facts that a report brings, beside those of the register."""
    sent = dict(content_of(report).fields)
    form = FactsForm(sent)
    form.is_valid()
    mine = {name: form.cleaned_data.get(name) for name in OBSERVED if sent.get(name)}
    rows = HouseholdFacts.objects.filter(household_id=report.subject_id)
    newest = rows.order_by("-observed_on", "-id").values(*OBSERVED).first() or {}
    taken = rows.filter(pk=report.read).values(*OBSERVED).first() or {}
    clashing = clashes(taken, newest, mine)
    return [
        FactRow(
            name,
            str(form.fields[name].label),
            shown_fact(name, taken.get(name)),
            shown_fact(name, newest.get(name)),
            shown_fact(name, value) or sent[name],
            name in clashing,
        )
        for name, value in mine.items()
    ]


def lines_of(report: Report) -> list[tuple[str, str, str]]:
    """What a kept report says, as (label, what stands now, what was sent); numbers of people stay covered."""
    if report.kind == "facts":
        return [(row.label, row.now, row.mine) for row in fact_rows(report)]
    sent = content_of(report)
    if report.kind == "visit":
        given = dict(sent.fields)
        outcome = dict(Visit.Outcome.choices).get(given.get("outcome", ""), "")
        return [
            (_("走访日期"), "", given.get("visited_on", "")),
            (_("走访情况"), "", given.get("finding", "")),
            (_("处理结果"), "", str(outcome)),
        ]
    return _entry_lines(sent)


def _entry_lines(sent: Sent) -> list[tuple[str, str, str]]:
    given = dict(sent.fields)
    people = [
        value for name, value in sent.fields if name.startswith("m-") and name.endswith("-name") and value
    ]
    return [
        (_("户属性"), "", word("attribute", given.get("attribute", ""))),
        (_("主要致贫原因"), "", word("cause", given.get("main_cause", ""))),
        (_("调查日期"), "", given.get("observed_on", "")),
        (_("成员"), "", "、".join(people)),
    ]


def alert_of(report: Report) -> Alert | None:
    """The alert of a visit, with its household; other reports have none."""
    if report.kind != "visit":
        return None
    return Alert.objects.select_related("household").filter(pk=report.subject_id).first()


def photos_of(actor: Actor, report: Report) -> list[StoredFile]:
    """The photos of a report that the actor may see, in the order they came."""
    numbers = report.photos.values("file_id")
    return list(StoredFile.objects.filter(readable(actor), pk__in=numbers, state="ready").order_by("pk"))
