"""What happened to a household, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yuchang.accounts.models import User
from yuchang.core.addresses import address
from yuchang.core.money import format_yuan
from yuchang.core.phrases import own_words
from yuchang.exchange.models import Agreement, Posting
from yuchang.ledger.models import Leg, Transaction, Way
from yuchang.market.models import Commitment
from yuchang.monitoring.models import Alert, Visit
from yuchang.policy.models import Decision, RunResult
from yuchang.registry.models import (
    Household,
    HouseholdFacts,
    NoticeEntry,
    Objection,
)
from yuchang.workbench.queries.household_rows import PER_KIND, Rows
from yuchang.workbench.queries.sources import alert_word, category_word, unit_word

KINDS: tuple[tuple[str, Any], ...] = (
    ("fact", gettext_lazy("事实")),
    ("decision", gettext_lazy("认定")),
    ("visit", gettext_lazy("走访")),
    ("alert", gettext_lazy("预警")),
    ("deal", gettext_lazy("对接")),
    ("money", gettext_lazy("入账")),
)
_KIND_WORDS = dict(KINDS)


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


def life_of(household: Household, rows: Rows) -> list[Event]:
    """Every event that the page tells, the newest first."""
    events = [
        *_fact_events(rows.history),
        *_decision_events(rows.decisions),
        *_run_events(rows.results),
        *_notice_events(rows.entries, rows.objections),
        *_alert_events(rows.alerts, rows.visits),
        *_posting_events(rows.postings),
        *_deal_events(household.pk, rows.agreements),
        *_promise_events(rows.promises),
        *(_money_events(household.pk) if "legs" in rows.has else ()),
        *_life(household),
    ]
    return sorted(events, key=lambda event: event.on, reverse=True)


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


def _names(numbers: set[int | None]) -> dict[int, str]:
    wanted = [n for n in numbers if n]
    return dict(User.objects.filter(pk__in=wanted).values_list("pk", "display_name")) if wanted else {}


def _decision_events(decisions: list[Decision]) -> Iterator[Event]:
    names = _names({row.made_by_id for row in decisions})
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
