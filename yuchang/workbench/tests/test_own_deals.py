"""A household reads of its own offers and deals in plain words, and of nobody else's."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import people
from yuchang.accounts.models import RoleGrant, User
from yuchang.accounts.rules import Role
from yuchang.exchange import actions
from yuchang.exchange.tests.deals import Deal
from yuchang.exchange.tests.world import Market, facts, household
from yuchang.workbench.queries.own_deals import own_postings

pytestmark = pytest.mark.django_db


def owner(household_id: int) -> people.Person:
    """Somebody of the household."""
    user = User.objects.create(username=f"h{household_id}", display_name="李四")
    RoleGrant.objects.create(
        user=user, role=Role.HOUSEHOLD, scope_kind="household", target_id=household_id, valid_from=people.FROM
    )
    return people.Person(user)


def test_a_household_sees_its_deal_and_what_was_delivered() -> None:
    deal = Deal()
    deal.accept(deal.deliver(120))
    other = household(name="王五")
    actions.post(actor=deal.li.actor, facts=facts("offer", household_id=other.pk, quantity=77))
    page = owner(deal.market.home.pk).client().get("/mine").content.decode()
    assert "和陇上商会：200 公斤，每公斤 23 元" in page and "已收货 120 公斤" in page
    assert "2027-01-31 以前交完" in page and "77 公斤" not in page
    assert "从不告诉他人" not in page and deal.market.firm.name in page


def test_a_household_sees_who_is_proposed_and_why_or_why_nobody_is() -> None:
    market = Market()
    page = owner(market.home.pk).client().get("/mine").content.decode()
    assert "下一次撮合会算上" in page
    match = market.match()
    (one,) = own_postings(market.home.pk)
    assert (one.proposals[0].partner, one.proposals[0].quantity) == ("陇上商会", match.quantity)
    assert "全体得益最大" in one.proposals[0].why
    alone = household(name="王五")
    actions.post(actor=market.li.actor, facts=facts("offer", household_id=alone.pk, limit_fen=9000))
    run = actions.run_clearing(actor=market.wang.actor, on=date(2026, 11, 21), county=people.county())
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    (mine,) = own_postings(alone.pk)
    assert mine.why_not and not mine.proposals


def test_the_page_costs_the_same_for_one_posting_and_for_eight() -> None:
    market = Market()
    market.match()
    with CaptureQueriesContext(connection) as one:
        own_postings(market.home.pk)
    for quantity in range(1, 8):
        actions.post(
            actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, quantity=quantity)
        )
    with CaptureQueriesContext(connection) as many:
        assert len(own_postings(market.home.pk)) == 8
    assert len(one) == len(many)
