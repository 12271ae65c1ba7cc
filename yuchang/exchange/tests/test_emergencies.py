"""Goods that do not sell: declared, told, helped by the fund in the next clearing, shown, ended by itself."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.urls import reverse

from tests import people
from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange import queries_console as console
from yuchang.exchange.inputs import thaw
from yuchang.exchange.models import Emergency, EmergencyHelp, Match
from yuchang.exchange.rules import EmergencyFacts
from yuchang.exchange.search import browse, find_postings, for_you, home_of
from yuchang.exchange.searching import Criteria, criteria_of
from yuchang.exchange.tests.world import WALNUT, Market, facts, organisation
from yuchang.messages.models import Message

pytestmark = pytest.mark.django_db


def day(days: int) -> date:
    """So many days from today."""
    return clock.today() + timedelta(days=days)


def unsold(*, days: int = 20, **changes: Any) -> EmergencyFacts:
    given: dict[str, Any] = {
        "quantity": 300,
        "until": day(days),
        "reason": "客商退单",
        "category": WALNUT,
        "help_fen": 500,
        "fund_fen": 90_000,
    }
    return EmergencyFacts(**(given | changes))


class Unsold(Market):
    """The only buyer pays less than the offer asks."""

    def __init__(self) -> None:
        super().__init__()
        actions.withdraw_posting(
            actor=self.zhao.actor, posting_id=self.need.pk, version=self.need.version, reason="改价"
        )
        self.need = actions.post(
            actor=self.zhao.actor,
            facts=facts("need", organisation_id=self.firm.pk, quantity=200, limit_fen=1990),
        )

    def declare(self, **changes: Any) -> Emergency:
        return actions.declare_emergency(
            actor=self.wang.actor, county=people.county(), facts=unsold(**changes)
        )


@pytest.fixture
def market() -> Unsold:
    return Unsold()


def test_the_fund_places_what_the_market_leaves_and_never_pays_beyond_itself(market: Unsold) -> None:
    assert market.run().match_count == 0
    row = market.declare()
    run = market.run()
    assert thaw(run).context.helps == ((market.offer.pk, row.pk, 300),)  # 90,000 fen over 300 kg
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    match = Match.objects.get(clearing=run)
    help_ = EmergencyHelp.objects.get(match=match)
    assert help_.help_fen * match.quantity <= row.fund_fen
    assert match.price_fen + help_.help_fen >= market.offer.limit_fen
    assert match.reason["help_fen"] == 300
    assert console.unsold_quantity(row) == 300
    assert console.emergency_totals(row)["proposed"] == 200
    page = market.wang.client().get(reverse("exchange:emergency", args=[row.pk])).content.decode()
    assert market.firm.name in page
    posting = market.wang.client().get(reverse("exchange:posting", args=[market.offer.pk]))
    assert "滞销急售" in posting.content.decode()


def test_reach_is_relaxed_for_the_goods_and_for_needs_that_name_no_distance(market: Unsold) -> None:
    near = {"limit_fen": 1800, "quantity": 50, "radius_km": 0}
    actions.post(actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, **near))
    assert market.run().match_count == 0
    market.declare(help_fen=0, fund_fen=0, quantity=1000)
    assert market.run().match_count == 1


def test_who_has_needs_or_searches_of_the_kind_is_told_once(market: Unsold) -> None:
    looking = people.zhao(organisation("找核桃的").pk)
    actions.save_search(actor=looking.actor, name="核桃", criteria=Criteria(text="核桃"))
    other = people.zhao(organisation("找蜂蜜的").pk)
    actions.save_search(actor=other.actor, name="蜜", criteria=Criteria(text="蜂蜜"))
    market.declare()
    told = set(
        Message.objects.filter(reference_kind="exchange.emergency").values_list("recipient_id", flat=True)
    )
    assert told == {looking.user.pk, market.zhao.user.pk}


def test_it_ends_by_itself_and_then_helps_nobody(market: Unsold) -> None:
    row = market.declare(days=0)
    assert actions.end_emergencies(actor=SYSTEM, on=day(0)) == 0
    assert actions.end_emergencies(actor=SYSTEM, on=day(1)) == 1
    row.refresh_from_db()
    assert (row.state, row.ended_reason) == ("ended", "到期自动结束")
    assert market.run().match_count == 0
    with pytest.raises(Conflict):
        actions.end_emergency(actor=market.wang.actor, emergency_id=row.pk, version=row.version, reason="再")
    assert AuditEntry.objects.filter(action="exchange.end_emergency").count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": 0}, "数量"),
        ({"days": -1}, "截止"),
        ({"days": 400}, "180"),
        ({"reason": " "}, "原因"),
        ({"category": "goods.nothing"}, "二者选一"),
        ({"help_fen": 500, "fund_fen": 0}, "不够一个单位"),
        ({"fund_fen": 10**15}, "10 亿"),
        ({"radius_km": -1}, "距离"),
    ],
)
def test_what_means_nothing_is_refused_in_words(market: Unsold, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        market.declare(**changes)
    assert not Emergency.objects.exists()


def test_only_the_county_s_officer_declares_and_only_own_goods(market: Unsold) -> None:
    for actor, error in (
        (market.li.actor, Refused),
        (people.outsider().actor, Hidden),
        (market.zhao.actor, Refused),
    ):
        with pytest.raises(error):
            actions.declare_emergency(actor=actor, county=people.county(), facts=unsold())
    with pytest.raises(Hidden):
        market.declare(category="", posting_id=market.need.pk, quantity=10)
    with pytest.raises(Invalid, match="剩余"):
        market.declare(category="", posting_id=market.offer.pk, quantity=301)
    row = market.declare(category="", posting_id=market.offer.pk)
    with pytest.raises(Conflict):
        market.declare(category="", posting_id=market.offer.pk)
    with pytest.raises(Hidden):
        actions.end_emergency(actor=people.outsider().actor, emergency_id=row.pk, version=1, reason="x")
    assert people.outsider().client().get(reverse("exchange:emergency", args=[row.pk])).status_code == 404


def test_what_a_fund_promised_cannot_be_changed_by_our_own_code(market: Unsold) -> None:
    market.declare()
    run = market.run()
    actions.publish_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1)
    with pytest.raises(ProgrammingError), transaction.atomic():
        EmergencyHelp.objects.update(help_fen=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Emergency.objects.update(state="ended")


def test_an_officer_declares_on_the_page(market: Unsold) -> None:
    client = market.wang.client()
    assert client.get(reverse("exchange:emergency_new")).status_code == 200
    body = {
        "county": people.county().pk,
        "category": WALNUT,
        "quantity": 100,
        "until": day(9).isoformat(),
        "reason": "积压",
        "help": "1",
        "fund": "100",
    }
    response = client.post(reverse("exchange:emergency_new"), body)
    row = Emergency.objects.get()
    assert response["Location"] == reverse("exchange:emergency", args=[row.pk])
    assert (row.help_fen, row.fund_fen) == (100, 10_000)
    assert client.post(reverse("exchange:emergency_new"), body | {"until": "2026-01-01"}).status_code == 422
    assert "核桃" in client.get(reverse("exchange:emergency_list")).content.decode()
    market_page = client.get(reverse("exchange:posting_list") + "?view=market").content.decode()
    assert "滞销急售" in market_page


def test_unsold_goods_are_marked_and_found_alone_in_searches(market: Unsold) -> None:
    other = actions.post(actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, quantity=7))
    row = market.declare(category="", posting_id=market.offer.pk, quantity=300)
    home = home_of(market.zhao.actor)
    for criteria in (Criteria(text="核桃", is_urgent=True), Criteria(category=WALNUT, is_urgent=True)):
        found = find_postings(criteria, home).items if criteria.text else list(browse(criteria))
        assert [one.pk for one in found] == [market.offer.pk]
    buyer = market.zhao.client()
    page = buyer.get(reverse("exchange:search") + "?q=核桃&direction=offer").content.decode()
    assert f'data-posting="{other.pk}"' in page and page.count("滞销急售") == 2  # the mark, and the filter
    only = buyer.get(reverse("exchange:search") + "?q=核桃&is_urgent=on").content.decode()
    assert f'data-posting="{other.pk}"' not in only and f'data-posting="{market.offer.pk}"' in only
    suggested = {one.other.pk: one.is_urgent for one in for_you(market.zhao.actor)}
    assert suggested == {market.offer.pk: True, other.pk: False}
    assert "滞销急售" in buyer.get(reverse("exchange:board")).content.decode()
    kept = Criteria(text="核桃", is_urgent=True)
    assert criteria_of(kept.as_json()) == kept and "is_urgent" not in Criteria(text="核桃").as_json()
    actions.end_emergency(actor=market.wang.actor, emergency_id=row.pk, version=row.version, reason="卖完")
    assert not list(browse(Criteria(category=WALNUT, is_urgent=True)))
