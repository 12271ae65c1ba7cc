"""One household, one page: who, what happened, why, now, next, and what it earned."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.accounts.models import Assignment
from yuchang.accounts.queries import helper_of
from yuchang.accounts.queries import role_word as word_of_role
from yuchang.accounts.rules import Actor, Role
from yuchang.core.addresses import address
from yuchang.core.errors import YuchangError
from yuchang.exchange.models import Agreement, Category, Match
from yuchang.exchange.words import unit_said
from yuchang.ledger.models import Leg
from yuchang.monitoring.models import Alert
from yuchang.policy.models import Decision, MonitoringClass, RunResult, Verdict
from yuchang.policy.queries import HouseholdVerdict, explain_result, line_for, verdict_for
from yuchang.policy.words import Explanation, Reason, explanation_of
from yuchang.registry import codes
from yuchang.registry.models import (
    Household,
    HouseholdFacts,
    Member,
    MemberFacts,
    MemberHealth,
    Objection,
    Resource,
)
from yuchang.workbench.queries.household_life import Event, life_of
from yuchang.workbench.queries.household_rows import (
    Rows,
    member_facts,
    member_health,
    members_of,
    present_causes,
    rows_of,
)
from yuchang.workbench.queries.sources import alert_word, category_word, in_chinese
from yuchang.workbench.rules import Situation, Step, What, Who, next_steps

_HOUSES = {"no": gettext_lazy("安全"), "c": gettext_lazy("C 级危房"), "d": gettext_lazy("D 级危房")}


@dataclass(frozen=True)
class Person:
    """A member as the reader may see him or her: never the ID number or the phone itself."""

    pk: int
    name: str
    relation: str
    sex: str
    age: int | None
    schooling: str
    work: str
    health: str
    has_id: bool
    has_phone: bool


@dataclass(frozen=True)
class Todo:
    """A next step in words."""

    text: str
    who: str
    due_on: date | None
    is_late: bool
    href: str


@dataclass(frozen=True)
class Have:
    """Something the household can give or needs."""

    is_offer: bool
    word: str
    quantity: int
    unit: str
    season_from: date | None
    season_to: date | None


@dataclass(frozen=True)
class Why:
    """The newest verdict in words, where it stands, and the rules behind it."""

    verdict: str
    verdict_word: str
    class_word: str
    on: date
    href: str
    explanation: Explanation | None

    @property
    def speaking(self) -> list[Reason]:
        """The rules that made the verdict: met, or not known."""
        return [r for r in self.explanation.decisive if r.state != "unmet"] if self.explanation else []

    @property
    def silent(self) -> list[Reason]:
        """The rules that are not met, and those that only warn."""
        if self.explanation is None:
            return []
        return [r for r in self.explanation.decisive if r.state == "unmet"] + self.explanation.warnings


@dataclass
class HouseholdPage:
    """Everything the page shows."""

    household: Household
    people: list[Person]
    facts: HouseholdFacts | None
    house: list[tuple[str, Any]]
    causes: list[tuple[str, bool]]
    resources: list[Have]
    alerts: list[tuple[str, Alert]]
    why: Why | None
    events: list[Event]
    todo: list[Todo]
    earned_fen: int
    earned_this_year_fen: int
    chart: dict[str, Any] | None = field(default=None)
    helper: Assignment | None = None


def household_page(actor: Actor, household: Household, today: date) -> HouseholdPage:
    """The page of a household whose door the actor has passed. At most a constant number of queries."""
    pk, rows = household.pk, rows_of(household.pk)
    facts = rows.history[0] if rows.history else None
    earned_fen, this_year_fen = _earned(pk, today.year) if "legs" in rows.has else (0, 0)
    verdict = verdict_for(pk) if rows.has & {"decisions", "results"} else None
    live = [a for a in rows.alerts if a.state != Alert.State.CLOSED]
    situation = _situation(household, rows, has_decision=verdict is not None)
    return HouseholdPage(
        household=household,
        people=_people(actor, pk, today),
        facts=facts,
        house=_house(facts),
        causes=_causes(pk),
        resources=_resources(pk) if "resources" in rows.has else [],
        alerts=[(alert_word(a.kind), a) for a in live],
        why=_why(pk, verdict),
        events=life_of(household, rows),
        todo=[_todo(step, household, live) for step in next_steps(situation, today)],
        earned_fen=earned_fen,
        earned_this_year_fen=this_year_fen,
        chart=_income_chart(household, rows.history, today),
        helper=helper_of(pk) if "helpers" in rows.has else None,
    )


def _situation(household: Household, rows: Rows, *, has_decision: bool) -> Situation:
    """What the rules of the next step look at."""
    opened = [a for a in rows.alerts if a.state == Alert.State.OPEN]
    return Situation(
        state=household.state,
        is_verified=household.verified_by_id is not None,
        has_facts=bool(rows.history),
        has_decision=has_decision,
        notice_ends_on=next((e.notice.closes_on for e in rows.entries if e.outcome == "pending"), None),
        open_objections=sum(o.state == Objection.State.OPEN for o in rows.objections),
        alert_due_on=min((a.due_on for a in opened), default=None),
        has_escalated_alert=any(a.state == Alert.State.ESCALATED for a in rows.alerts),
        matches_to_answer=_to_answer(household.pk) if "postings" in rows.has else 0,
        agreements_to_sign=sum(a.state == Agreement.State.PROPOSED for a in rows.agreements),
    )


def _to_answer(pk: int) -> int:
    """How many proposals wait for the household's word."""
    asked = Q(offer__household_id=pk, offer_answer="pending") | Q(
        need__household_id=pk, need_answer="pending"
    )
    return Match.objects.filter(asked, state__in=["proposed", "talking"]).count()


def _earned(pk: int, year: int) -> tuple[int, int]:
    """What was ever booked for the household, and in one year, in fen."""
    this_year = Sum("amount_fen", filter=Q(booked_on__year=year))
    sums = Leg.objects.filter(household_id=pk).aggregate(ever=Sum("amount_fen"), year=this_year)
    return sums["ever"] or 0, sums["year"] or 0


def _resources(pk: int) -> list[Have]:
    rows = list(
        Resource.objects.filter(household_id=pk, withdrawn_at__isnull=True).order_by("-direction", "id")
    )
    known = Category.objects.in_bulk({r.category for r in rows})
    return [
        Have(
            r.direction == "offer",
            category_word(known[r.category]) if r.category in known else code_word("resource_kind", r.kind),
            r.quantity,
            unit_said(r.unit, known.get(r.category)),
            r.season_from,
            r.season_to,
        )
        for r in rows
    ]


def why(pk: int) -> Why | None:
    """The newest verdict on a household with its reasons, whatever it costs to find them again."""
    return _why(pk, verdict_for(pk), is_whole=True)


def _why(pk: int, verdict: HouseholdVerdict | None, *, is_whole: bool = False) -> Why | None:
    """The newest verdict, and the stored reasons of a decision.

    A run stores no reasons: they are computed again from its frozen rows, and only for the whole answer.
    """
    if verdict is None:
        return None
    explanation: Explanation | None = None
    try:
        if verdict.decision_id:
            explanation = explanation_of(Decision.objects.get(pk=verdict.decision_id).explanation)
        elif is_whole:
            rows = RunResult.objects.select_related("run__plan", "run__snapshot")
            explanation = explain_result(rows.get(run_id=verdict.run_id or 0, household_id=pk))
    except (YuchangError, OSError):
        explanation = None  # the frozen rows are gone or touched: the page still shows the verdict
    if verdict.decision_id:
        href = address("policy:decision", verdict.decision_id)
    else:
        href = address("policy:result", verdict.run_id, pk)
    return Why(
        verdict.verdict,
        str(Verdict(verdict.verdict).label),
        str(MonitoringClass(verdict.monitoring_class).label) if verdict.monitoring_class else "",
        verdict.on,
        href,
        explanation,
    )


def code_word(list_name: str, code: str | None) -> str:
    """The label of a registry code in the reader's language; unknown as a dash."""
    if not code:
        return "—"
    found = codes.LISTS[list_name].by_code().get(code)
    if found is None:
        return code
    return found.label if in_chinese() else found.english


def _yes_no(value: bool | None) -> str:
    return "—" if value is None else (_("是") if value else _("否"))


def _people(actor: Actor, pk: int, today: date) -> list[Person]:
    members = members_of(pk)
    numbers = [m.pk for m in members]
    facts = {f.member_id: f for f in member_facts(numbers)}
    health: dict[int, MemberHealth] = {}
    if actor.may("registry.reveal"):
        health = {h.member_id: h for h in member_health(numbers)}
    members.sort(key=lambda m: m.relation != "head")
    return [_person(m, facts.get(m.pk), health.get(m.pk), today) for m in members]


def _person(member: Member, facts: MemberFacts | None, health: MemberHealth | None, today: date) -> Person:
    born = member.birth_on
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day)) if born else None
    return Person(
        pk=member.pk,
        name=member.name,
        relation=code_word("relation", member.relation),
        sex=code_word("sex", member.sex),
        age=age,
        schooling=code_word("schooling", facts.schooling if facts else None),
        work=code_word("labour", facts.labour if facts else None),
        health="、".join(code_word("health", h) for h in health.health) if health else "—",
        has_id=member.id_blind is not None,
        has_phone=member.phone_blind is not None,
    )


def _house(facts: HouseholdFacts | None) -> list[tuple[str, Any]]:
    if facts is None:
        return []
    land = facts.arable_land_mu_tenths
    return [
        (_("住房"), _HOUSES.get(facts.unsafe_house or "", "—")),
        (_("住房面积"), f"{facts.house_area_sqm} ㎡" if facts.house_area_sqm else "—"),
        (_("饮水安全"), _yes_no(facts.safe_water)),
        (_("通电"), _yes_no(facts.has_electricity)),
        (_("宽带"), _yes_no(facts.has_broadband)),
        (_("耕地"), "—" if land is None else _("%(mu)s 亩") % {"mu": f"{land / 10:g}"}),
        (_("加入合作社"), _yes_no(facts.in_cooperative)),
    ]


def _causes(pk: int) -> list[tuple[str, bool]]:
    return [(code_word("cause", c.code), c.is_main) for c in present_causes(pk)]


def _todo(step: Step, household: Household, alerts: list[Alert]) -> Todo:
    words = {
        What.VERIFY: (_("由第二人核实本次录入或更正"), address("registry:household", household.pk)),
        What.PUBLISH: (_("在村内公示"), address("registry:notices")),
        What.WAIT_NOTICE: (_("公示期满后纳入"), address("registry:notices")),
        What.DECIDE_OBJECTION: (_("处理异议"), address("registry:objections")),
        What.DECIDE_POLICY: (_("按政策认定"), address("policy:household", household.pk)),
        What.VISIT: (_("入户走访"), address("monitoring:alert", alerts[0].pk) if alerts else ""),
        What.HANDLE_ESCALATED: (
            _("处理上报的预警"),
            address("monitoring:alert", alerts[0].pk) if alerts else "",
        ),
        What.ANSWER_MATCH: (_("答复撮合建议"), address("exchange:board")),
        What.SIGN: (_("确认协议"), address("exchange:board")),
        What.RECORD_FACTS: (_("记录户情"), address("registry:household", household.pk)),
    }
    text, href = words[step.what]
    return Todo(text, role_word(step.who), step.due_on, step.is_late, href)


def role_word(who: Who | Role) -> str:
    """A role in the reader's language."""
    return word_of_role(who.value)


def _income_chart(household: Household, history: list[HouseholdFacts], today: date) -> dict[str, Any] | None:
    known = [f for f in reversed(history) if f.net_income_per_head_fen is not None][-8:]
    if not known:
        return None
    line = line_for(household.place, today)
    return {
        "unit": "fen",
        "labels": [f"{f.observed_on:%Y-%m}" for f in known],
        "series": [{"name": _("人均纯收入"), "values": [f.net_income_per_head_fen for f in known]}],
        "marks": [{"name": _("监测线"), "value": line.fen}] if line else [],
    }
