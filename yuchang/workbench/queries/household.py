"""One household, one page: who, what happened, why, now, next, and what it earned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.accounts.models import Assignment, User
from yuchang.accounts.queries import helper_of
from yuchang.accounts.queries import role_word as word_of_role
from yuchang.accounts.rules import Actor, Role
from yuchang.core.addresses import address
from yuchang.core.errors import YuchangError
from yuchang.core.money import format_yuan
from yuchang.core.phrases import own_words
from yuchang.core.prepared import Prepared, prepared
from yuchang.exchange.models import Agreement, Category, Match, Posting
from yuchang.exchange.words import unit_said
from yuchang.ledger.models import Leg, Transaction, Way
from yuchang.market.models import Commitment
from yuchang.monitoring.models import Alert, Visit
from yuchang.policy.models import Decision, MonitoringClass, RunResult, Verdict
from yuchang.policy.queries import HouseholdVerdict, explain_result, line_for, verdict_for
from yuchang.policy.words import Explanation, Reason, explanation_of
from yuchang.registry import codes
from yuchang.registry.models import (
    HEAD_FIRST,
    Cause,
    Household,
    HouseholdFacts,
    Member,
    MemberFacts,
    MemberHealth,
    NoticeEntry,
    Objection,
    Resource,
)
from yuchang.workbench.queries.sources import alert_word, category_word, in_chinese, unit_word
from yuchang.workbench.rules import Situation, Step, What, Who, next_steps

# The newest of each kind; older ones stay in their own lists.
PER_KIND = 40
M = TypeVar("M")


@dataclass(frozen=True)
class Event:
    """One thing that happened, on its day, with its source and who checked it."""

    on: date
    kind: str
    title: str
    body: str = ""
    source: str = ""
    verifier: str = ""
    fen: int | None = None
    href: str = ""

    @property
    def day(self) -> str:
        """The day as it is written, ``2026-11-21``."""
        return self.on.isoformat()

    @property
    def word(self) -> str:
        """Its kind in the reader's language."""
        return str(_KIND_WORDS[self.kind])


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


KINDS: tuple[tuple[str, Any], ...] = (
    ("fact", gettext_lazy("事实")),
    ("decision", gettext_lazy("认定")),
    ("visit", gettext_lazy("走访")),
    ("alert", gettext_lazy("预警")),
    ("deal", gettext_lazy("对接")),
    ("money", gettext_lazy("入账")),
)
_KIND_WORDS = dict(KINDS)


_HOUSES = {"no": gettext_lazy("安全"), "c": gettext_lazy("C 级危房"), "d": gettext_lazy("D 级危房")}


# What a household may have rows of, each found by an index. Most households have few of these, and a question
# put for nothing costs the page as much as one with an answer.
_MAY_HAVE = {
    "decisions": "policy_decision WHERE household_id = %(pk)s",
    "results": "policy_runresult WHERE household_id = %(pk)s",
    "alerts": "monitoring_alert WHERE household_id = %(pk)s",
    "visits": "monitoring_visit WHERE household_id = %(pk)s",
    "entries": "registry_noticeentry WHERE household_id = %(pk)s",
    "postings": "exchange_posting WHERE household_id = %(pk)s",
    "commitments": "market_commitment WHERE household_id = %(pk)s",
    "legs": "ledger_leg WHERE household_id = %(pk)s",
    "resources": "registry_resource WHERE household_id = %(pk)s",
    "helpers": "accounts_scopeitem WHERE scope_kind = 'assignment' AND object_kind = 'household'"
    " AND object_id = %(pk)s",
}
_HAS = f"SELECT {', '.join(f'EXISTS (SELECT 1 FROM {rows})' for rows in _MAY_HAVE.values())}"  # noqa: S608


def _has(pk: int) -> frozenset[str]:
    """Of what the household has any rows. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_HAS, {"pk": pk})
        return frozenset(
            name for name, is_there in zip(_MAY_HAVE, cursor.fetchone(), strict=True) if is_there
        )


# Everything the page asks of one household, each written once.


@prepared
def _history(pk: Any) -> QuerySet[HouseholdFacts]:
    rows = HouseholdFacts.objects.filter(household_id=pk).select_related("recorded_by")
    return rows.order_by("-observed_on", "-id")[:PER_KIND]


@prepared
def _decisions(pk: Any) -> QuerySet[Decision]:
    rows = Decision.objects.filter(household_id=pk).defer("input_row", "explanation")
    return rows.order_by("-id")[:PER_KIND]


@prepared
def _alerts(pk: Any) -> QuerySet[Alert]:
    return Alert.objects.filter(household_id=pk).order_by("-opened_on", "-id")[:PER_KIND]


@prepared
def _visits(pk: Any) -> QuerySet[Visit]:
    return Visit.objects.filter(household_id=pk).order_by("-visited_on", "-id")[:PER_KIND]


@prepared
def _entries(pk: Any) -> QuerySet[NoticeEntry]:
    return NoticeEntry.objects.filter(household_id=pk).select_related("notice").order_by("-id")[:10]


@prepared
def _objections(pk: Any) -> QuerySet[Objection]:
    rows = Objection.objects.filter(entry__household_id=pk).select_related("decided_by")
    return rows.order_by("-id")[:10]


@prepared
def _agreements(pk: Any) -> QuerySet[Agreement]:
    mine = Q(offer__household_id=pk) | Q(need__household_id=pk)
    rows = Agreement.objects.filter(mine).select_related(
        "category", "need__organisation", "offer__organisation", "offer__place", "need__place"
    )
    return rows.order_by("-id")[:PER_KIND]


@prepared
def _results(pk: Any) -> QuerySet[RunResult]:
    return RunResult.objects.filter(household_id=pk).select_related("run").order_by("-run_id")[:10]


@prepared
def _postings(pk: Any) -> QuerySet[Posting]:
    rows = Posting.objects.filter(household_id=pk).select_related("category")
    return rows.order_by("-id")[:PER_KIND]


@prepared
def _promises(pk: Any) -> QuerySet[Commitment]:
    rows = Commitment.objects.filter(household_id=pk).select_related("offer__round")
    return rows.order_by("-id")[:20]


@prepared
def _members(pk: Any) -> QuerySet[Member]:
    return Member.objects.filter(household_id=pk, left_on__isnull=True).order_by(*HEAD_FIRST)


@prepared
def _member_facts(numbers: Any) -> QuerySet[MemberFacts]:
    rows = MemberFacts.objects.filter(member_id__any=numbers)
    return rows.order_by("member_id", "-observed_on", "-id").distinct("member_id")


@prepared
def _member_health(numbers: Any) -> QuerySet[MemberHealth]:
    rows = MemberHealth.objects.filter(member_id__any=numbers)
    return rows.order_by("member_id", "-observed_on", "-id").distinct("member_id")


@prepared
def _present_causes(pk: Any) -> QuerySet[Cause]:
    return Cause.objects.filter(household_id=pk, until_on__isnull=True).order_by("-is_main", "id")


def household_page(actor: Actor, household: Household, today: date) -> HouseholdPage:
    """The page of a household whose door the actor has passed. At most a constant number of queries."""
    pk = household.pk
    has = _has(pk)

    def some(name: str, question: Prepared[M]) -> list[M]:
        return question(pk) if name in has else []

    history = _history(pk)
    facts = history[0] if history else None
    decisions = some("decisions", _decisions)
    alerts = some("alerts", _alerts)
    visits = some("visits", _visits)
    entries = some("entries", _entries)
    objections = some("entries", _objections)
    agreements = some("postings", _agreements)
    matches = _to_answer(pk) if "postings" in has else 0
    earned_fen, this_year_fen = _earned(pk, today.year) if "legs" in has else (0, 0)
    names = _names({d.made_by_id for d in decisions})
    results = some("results", _results)
    verdict = verdict_for(pk) if has & {"decisions", "results"} else None
    events = [
        *_fact_events(history),
        *_decision_events(decisions, names),
        *_run_events(results),
        *_notice_events(entries, objections),
        *_alert_events(alerts, visits),
        *_posting_events(some("postings", _postings)),
        *_deal_events(pk, agreements),
        *_promise_events(some("commitments", _promises)),
        *(_money_events(pk) if "legs" in has else ()),
        *_life(household),
    ]
    events.sort(key=lambda e: e.on, reverse=True)
    live = [a for a in alerts if a.state != Alert.State.CLOSED]
    situation = Situation(
        state=household.state,
        is_verified=household.verified_by_id is not None,
        has_facts=facts is not None,
        has_decision=verdict is not None,
        notice_ends_on=next((e.notice.closes_on for e in entries if e.outcome == "pending"), None),
        open_objections=sum(o.state == Objection.State.OPEN for o in objections),
        alert_due_on=min((a.due_on for a in live if a.state == Alert.State.OPEN), default=None),
        has_escalated_alert=any(a.state == Alert.State.ESCALATED for a in live),
        matches_to_answer=matches,
        agreements_to_sign=sum(a.state == Agreement.State.PROPOSED for a in agreements),
    )
    return HouseholdPage(
        household=household,
        people=_people(actor, pk, today),
        facts=facts,
        house=_house(facts),
        causes=_causes(pk),
        resources=_resources(pk) if "resources" in has else [],
        alerts=[(alert_word(a.kind), a) for a in live],
        why=_why(pk, verdict),
        events=events,
        todo=[_todo(step, household, live) for step in next_steps(situation, today)],
        earned_fen=earned_fen,
        earned_this_year_fen=this_year_fen,
        chart=_income_chart(household, history, today),
        helper=helper_of(pk) if "helpers" in has else None,
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


def _names(numbers: set[int | None]) -> dict[int, str]:
    wanted = [n for n in numbers if n]
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "display_name")) if wanted else {}


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
    members = _members(pk)
    numbers = [m.pk for m in members]
    facts = {f.member_id: f for f in _member_facts(numbers)}
    health: dict[int, MemberHealth] = {}
    if actor.may("registry.reveal"):
        health = {h.member_id: h for h in _member_health(numbers)}
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
    return [(code_word("cause", c.code), c.is_main) for c in _present_causes(pk)]


def _day(value: date | datetime) -> date:
    return timezone.localdate(value) if isinstance(value, datetime) else value


def _life(household: Household) -> Iterator[Event]:
    enterer, verifier = household.entered_by, household.verified_by
    yield Event(
        _day(household.entered_at),
        "fact",
        _("录入或更正"),
        source=enterer.display_name if enterer else _("系统"),
    )
    if household.verified_at and verifier:
        yield Event(_day(household.verified_at), "decision", _("核实通过"), verifier=verifier.display_name)
    if household.listed_on:
        yield Event(household.listed_on, "decision", _("公示无异议，纳入监测帮扶"))
    if household.exited_on:
        yield Event(household.exited_on, "decision", _("退出监测帮扶"))


def _fact_events(history: list[HouseholdFacts]) -> Iterator[Event]:
    for row in history:
        income = row.net_income_per_head_fen
        parts = [
            (_("工资"), row.wage_income_fen),
            (_("经营"), row.business_income_fen),
            (_("转移"), row.transfer_income_fen),
            (_("财产"), row.property_income_fen),
            (_("生产支出"), row.production_expense_fen),
            (_("合规自付医疗"), row.compliant_medical_spending_fen),
        ]
        known = [f"{word} {format_yuan(fen)}" for word, fen in parts if fen is not None]
        title = (
            _("人均纯收入 %(yuan)s 元") % {"yuan": format_yuan(income)}
            if income is not None
            else _("户情记录")
        )
        by = row.recorded_by.display_name if row.recorded_by else _("系统")
        yield Event(row.observed_on, "fact", title, "；".join(known), f"{row.get_source_display()} · {by}")


def _decision_events(decisions: list[Decision], names: dict[int, str]) -> Iterator[Event]:
    for row in decisions:
        words = [row.get_verdict_display()]
        if row.monitoring_class:
            words.append(row.get_monitoring_class_display())
        yield Event(
            row.on,
            "decision",
            " · ".join(words),
            source=names.get(row.made_by_id or 0, _("系统")),
            href=address("policy:decision", row.pk),
        )


def _run_events(results: list[RunResult]) -> Iterator[Event]:
    for row in results:
        words = [row.get_verdict_display()]
        if row.monitoring_class:
            words.append(row.get_monitoring_class_display())
        yield Event(
            row.run.on,
            "decision",
            " · ".join(words),
            source=_("全县认定"),
            href=address("policy:result", row.run_id, row.household_id),
        )


def _notice_events(entries: list[NoticeEntry], objections: list[Objection]) -> Iterator[Event]:
    for entry in entries:
        span = f"{entry.notice.opens_on:%Y-%m-%d} — {entry.notice.closes_on:%Y-%m-%d}"
        yield Event(
            entry.notice.opens_on,
            "decision",
            _("公示"),
            f"{span} · {entry.get_outcome_display()}",
            href=address("registry:notice", entry.notice_id),
        )
    for row in objections:
        yield Event(
            _day(row.raised_at),
            "decision",
            _("异议：%(state)s") % {"state": row.get_state_display()},
            row.text,
            row.get_origin_display(),
            row.decided_by.display_name if row.decided_by else "",
        )


def _alert_events(alerts: list[Alert], visits: list[Visit]) -> Iterator[Event]:
    for row in alerts:
        yield Event(
            row.opened_on,
            "alert",
            alert_word(row.kind),
            row.get_state_display(),
            href=address("monitoring:alert", row.pk),
        )
    for visit in visits:
        yield Event(visit.visited_on, "visit", visit.get_outcome_display(), visit.finding, visit.visitor_name)


def _posting_events(postings: list[Posting]) -> Iterator[Event]:
    for posting in postings:
        yield Event(
            _day(posting.created_at),
            "deal",
            f"{posting.get_direction_display()} {category_word(posting.category)} "
            f"{posting.quantity:,} {unit_word(posting.category)}",
            posting.get_state_display(),
            href=address("exchange:posting", posting.pk),
        )


def _deal_events(pk: int, agreements: list[Agreement]) -> Iterator[Event]:
    for row in agreements:
        other = row.need if row.offer.household_id == pk else row.offer
        name = other.organisation.name if other.organisation else other.place.name
        yield Event(
            _day(row.agreed_at or row.created_at),
            "deal",
            _("与%(name)s签约") % {"name": name} if row.agreed_at else _("与%(name)s的协议") % {"name": name},
            f"{category_word(row.category)} {row.quantity:,} × {format_yuan(row.price_fen)} {_('元')} · "
            f"{row.get_state_display()}",
            href=address("exchange:agreement", row.pk),
        )


def _promise_events(promises: list[Commitment]) -> Iterator[Event]:
    for promise in promises:
        yield Event(
            _day(promise.offer.round.sales_from),
            "deal",
            _("承诺供货 %(quantity)s %(unit)s")
            % {"quantity": f"{promise.quantity:,}", "unit": promise.offer.unit},
            promise.offer.round.title,
            href=address("market:round", promise.offer.round_id),
        )


def _money_events(pk: int) -> Iterator[Event]:
    """What was booked, one line for each day and matter."""
    rows = Leg.objects.filter(household_id=pk).values_list(
        "booked_on", "transaction__memo", "transaction__kind", "way"
    )
    grouped = rows.annotate(n=Count("pk"), fen=Sum("amount_fen")).order_by("-booked_on", "-fen")
    kinds, ways = dict(Transaction.Kind.choices), dict(Way.choices)
    for on, memo, kind, way, n, fen in grouped[:PER_KIND]:
        yield Event(
            on,
            "money",
            own_words(memo) or str(kinds[kind]),
            source=" · ".join(
                [str(ways.get(way) or kinds[kind]), *([_("%(n)s 笔") % {"n": n}] if n > 1 else [])]
            ),
            fen=fen,
            href=address("ledger:household_book", pk),
        )


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
