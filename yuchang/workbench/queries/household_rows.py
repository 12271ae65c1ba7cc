"""What one page shows of a household, read in a constant number of questions, each written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Q, QuerySet

from yuchang.core.prepared import Prepared, prepared
from yuchang.exchange.models import Agreement, Posting
from yuchang.market.models import Commitment
from yuchang.monitoring.models import Alert, Visit
from yuchang.policy.models import Decision, RunResult
from yuchang.registry.models import (
    HEAD_FIRST,
    Cause,
    HouseholdFacts,
    Member,
    MemberFacts,
    MemberHealth,
    NoticeEntry,
    Objection,
)

# The newest of each kind; older ones stay in their own lists.
PER_KIND = 40
M = TypeVar("M")
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


@dataclass(frozen=True)
class Rows:
    """A household's rows of each kind, the newest first."""

    has: frozenset[str]
    """Of what it has any: the names of ``_MAY_HAVE``."""
    history: list[HouseholdFacts]
    decisions: list[Decision]
    results: list[RunResult]
    alerts: list[Alert]
    visits: list[Visit]
    entries: list[NoticeEntry]
    objections: list[Objection]
    postings: list[Posting]
    agreements: list[Agreement]
    promises: list[Commitment]


def rows_of(pk: int) -> Rows:
    """Everything that happened to a household. One query, and one for each kind of which it has something."""
    has = _has(pk)

    def some(name: str, question: Prepared[M]) -> list[M]:
        return question(pk) if name in has else []

    return Rows(
        has=has,
        history=_history(pk),
        decisions=some("decisions", _decisions),
        results=some("results", _results),
        alerts=some("alerts", _alerts),
        visits=some("visits", _visits),
        entries=some("entries", _entries),
        objections=some("entries", _objections),
        postings=some("postings", _postings),
        agreements=some("postings", _agreements),
        promises=some("commitments", _promises),
    )


def _has(pk: int) -> frozenset[str]:
    """Of what the household has any rows. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_HAS, {"pk": pk})
        return frozenset(
            name for name, is_there in zip(_MAY_HAVE, cursor.fetchone(), strict=True) if is_there
        )


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
def members_of(pk: Any) -> QuerySet[Member]:
    return Member.objects.filter(household_id=pk, left_on__isnull=True).order_by(*HEAD_FIRST)


@prepared
def member_facts(numbers: Any) -> QuerySet[MemberFacts]:
    rows = MemberFacts.objects.filter(member_id__any=numbers)
    return rows.order_by("member_id", "-observed_on", "-id").distinct("member_id")


@prepared
def member_health(numbers: Any) -> QuerySet[MemberHealth]:
    rows = MemberHealth.objects.filter(member_id__any=numbers)
    return rows.order_by("member_id", "-observed_on", "-id").distinct("member_id")


@prepared
def present_causes(pk: Any) -> QuerySet[Cause]:
    return Cause.objects.filter(household_id=pk, until_on__isnull=True).order_by("-is_main", "id")
