"""What a household sees of itself on the phone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from yuchang.accounts.models import Assignment, Consent
from yuchang.accounts.models.teams import ScopeItem
from yuchang.accounts.queries import live
from yuchang.accounts.rules import Actor, HouseholdScope
from yuchang.core.errors import Hidden
from yuchang.core.phrases import own_words
from yuchang.exchange.models import Posting
from yuchang.ledger.models import Leg
from yuchang.market.models import OrderLine
from yuchang.market.words import goods_title
from yuchang.monitoring.models import Alert
from yuchang.partners.models import Organisation
from yuchang.procedures.models import Case
from yuchang.registry.models import Household
from yuchang.workbench.queries.household import Why, why
from yuchang.workbench.queries.own_deals import OwnPosting, own_postings
from yuchang.workbench.queries.sources import category_word

SHOWN = 30


@dataclass(frozen=True)
class Receipt:
    """One amount that reached the household, and the order it came from."""

    leg: Leg
    line: OrderLine | None

    @property
    def what(self) -> str:
        """What it was for, in a few words."""
        deed = self.leg.transaction
        return (
            goods_title(self.line.offer.title)
            if self.line
            else own_words(deed.memo) or deed.get_kind_display()
        )


@dataclass(frozen=True)
class OwnPage:
    """Everything on the page."""

    household: Household
    others: list[Household]
    why: Why | None
    alert: Alert | None
    helpers: list[str]
    receipts: list[Receipt]
    year_fen: int
    ever_fen: int
    consents: list[tuple[Consent, str]]
    cases: list[Case]
    postings: list[OwnPosting]
    nearby: list[tuple[Posting, str]]


def own_households(actor: Actor) -> list[Household]:
    """The households that the actor may call the own ones."""
    numbers = [s.household_id for s in actor.scopes("household.own") if isinstance(s, HouseholdScope)]
    return list(Household.objects.filter(pk__in=numbers).select_related("place").order_by("id"))


def own_household(actor: Actor, number: str = "") -> Household:
    """The one that was asked for, the first without a number. Raises Hidden."""
    for row in own_households(actor):
        if not number or str(row.pk) == number:
            return row
    raise Hidden(_("没有找到您家的登记。"), remedy=_("请联系村干部核对登记的手机号。"))


def own_page(actor: Actor, household: Household, today: date) -> OwnPage:
    """The page of one's own household. A constant number of queries."""
    pk = household.pk
    sums = Leg.objects.filter(household_id=pk)
    return OwnPage(
        household=household,
        others=[row for row in own_households(actor) if row.pk != pk],
        why=why(pk),
        alert=Alert.objects.filter(household_id=pk).exclude(state="closed").order_by("due_on", "id").first(),
        helpers=_helpers(pk, today),
        receipts=_receipts(pk),
        year_fen=_sum(sums.filter(booked_on__year=today.year)),
        ever_fen=_sum(sums),
        consents=_consents(pk),
        cases=list(
            Case.objects.filter(subject_kind="household", subject_id=pk, code__in=["appeal", "complaint"])
            .select_related("definition")
            .order_by("-id")[:5]
        ),
        postings=own_postings(pk),
        nearby=_nearby(household),
    )


def _sum(rows: QuerySet[Leg]) -> int:
    return int(rows.aggregate(total=Sum("amount_fen"))["total"] or 0)


def _helpers(pk: int, today: date) -> list[str]:
    """The names of those to whom the household is assigned today."""
    items = ScopeItem.objects.filter(
        live(today), scope_kind="assignment", object_kind="household", object_id=pk
    ).values("scope_id")
    rows = Assignment.objects.filter(live(today), pk__in=items, role="helper").select_related("user")
    return [row.user.display_name for row in rows if row.user]


def _receipts(pk: int) -> list[Receipt]:
    legs = list(
        Leg.objects.filter(household_id=pk)
        .select_related("transaction", "transaction__payer")
        .order_by("-booked_on", "-id")[:SHOWN]
    )
    numbers = {leg.order_line_id for leg in legs if leg.order_line_id}
    lines = OrderLine.objects.filter(pk__in=numbers).select_related("offer", "order__organisation")
    by_number = {line.pk: line for line in lines}
    return [Receipt(leg, by_number.get(leg.order_line_id or 0)) for leg in legs]


def _consents(pk: int) -> list[tuple[Consent, str]]:
    rows = list(Consent.objects.filter(household_id=pk, withdrawn_at=None).order_by("-id")[:10])
    names: dict[int, Any] = dict(
        Organisation.objects.filter(pk__in={r.organisation_id for r in rows}).values_list("pk", "name")
    )
    return [(row, names.get(row.organisation_id, "—")) for row in rows]


def _nearby(household: Household) -> list[tuple[Posting, str]]:
    """What is wanted in the own county now: goods, work, skills."""
    rows = (
        Posting.objects.filter(county_id=household.county_id, state="open", direction="need")
        .defer("limit_fen", "note")
        .select_related("category", "place")
        .order_by("-id")[:5]
    )
    return [(row, category_word(row.category)) for row in rows]
