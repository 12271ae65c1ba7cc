"""What was declined is not proposed again: the pair stays apart, or a price is learned."""

from __future__ import annotations

from typing import Any

import pytest

from tests import people
from yuchang.core.errors import Hidden, Invalid
from yuchang.exchange import actions
from yuchang.exchange.learning import learned_limits
from yuchang.exchange.models import Leftover, Match, Message
from yuchang.exchange.surroundings import load_inputs
from yuchang.exchange.tests.deals import proposal
from yuchang.exchange.tests.world import Market, facts
from yuchang.messages.models import Message as Inbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return Market()


def decline(market: Market, match: Match, side: str, **why: Any) -> Match:
    actor = market.li.actor if side == "offer" else market.zhao.actor
    return actions.answer_match(
        actor=actor, match_id=match.pk, version=match.version, side=side, answer="declined", **why
    )


def test_a_code_is_reason_enough_and_an_unknown_one_is_refused(market: Market) -> None:
    match = proposal(market)
    with pytest.raises(Invalid):
        decline(market, match, "need", code="mood")
    with pytest.raises(Invalid):
        decline(market, match, "need")
    decline(market, match, "need", code="quality")
    line = Message.objects.get()
    assert (line.code, line.text) == ("quality", "品质或证件不合")
    assert Inbox.objects.filter(recipient=market.li.user, title__contains="谢绝").exists()


def test_a_declined_pair_is_not_proposed_again(market: Market) -> None:
    first = market.match()
    decline(market, first, "need", code="partner")
    run = market.run()
    assert run.match_count == 0


def test_a_declined_price_is_learned_and_the_next_one_is_better(market: Market) -> None:
    first = market.match()
    price = first.price_fen
    decline(market, first, "offer", code="price")
    assert learned_limits([market.offer.pk, market.need.pk]) == {market.offer.pk: price + 10}
    second = market.match()
    assert second.price_fen >= price + 10
    assert second.offer_gain_fen == second.price_fen - 2000


def test_a_corrected_limit_takes_the_place_of_what_was_learned(market: Market) -> None:
    decline(market, market.match(), "need", code="price")
    need = market.fresh(market.need)
    learned = learned_limits([need.pk])
    assert learned[need.pk] < need.limit_fen
    page = market.zhao.client().get(f"/exchange/postings/{need.pk}").content.decode()
    assert "您曾因价格谢绝过建议" in page
    actions.correct_posting(
        actor=market.zhao.actor,
        posting_id=need.pk,
        version=need.version,
        facts=facts("need", organisation_id=market.firm.pk, quantity=200, limit_fen=2590),
    )
    assert learned_limits([need.pk]) == {}


def test_one_s_own_counter_teaches_nothing(market: Market) -> None:
    match = proposal(market)
    actions.counter_terms(
        actor=market.zhao.actor,
        match_id=match.pk,
        version=1,
        side="need",
        price_fen=2100,
        quantity=100,
        code="price",
    )
    match.refresh_from_db()
    decline(market, match, "need", code="price")
    assert learned_limits([market.need.pk]) == {}
    inputs = load_inputs(market.run().on, people.county().pk, [])
    assert inputs.context.barred == ()


def test_a_posting_left_over_is_told_every_single_change_that_would_place_it(market: Market) -> None:
    dear = actions.post(
        actor=market.li.actor, facts=facts("offer", household_id=market.home.pk, limit_fen=5000)
    )
    market.match_any()
    row = Leftover.objects.get(posting=dear)
    assert row.details["changes"]["price"] % 10 == 0
    page = market.li.client().get(f"/exchange/postings/{dear.pk}").content.decode()
    assert "以下任一改变都能成交" in page and "低" in page


def test_a_reader_names_another_partner_and_is_told_why_not(market: Market) -> None:
    other = actions.post(
        actor=market.zhao.actor,
        facts=facts("need", organisation_id=market.firm.pk, quantity=50, limit_fen=2010),
    )
    match = market.match_any()
    client = market.li.client()
    page = client.get(f"/exchange/matches/{match.pk}/why").content.decode()
    assert "陇上商会" in page and "县城之间" in page
    answer = client.get(f"/exchange/matches/{match.pk}/why", {"other": other.pk}).content.decode()
    assert 'id="comparison"' in answer and "20.10" not in answer
    stranger = people.outsider().actor
    with pytest.raises(Hidden):
        actions.say(actor=stranger, match_id=match.pk, side="offer", text="?")
