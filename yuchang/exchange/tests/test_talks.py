"""From a proposal to an agreement: two sides, two people, two yes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests import people
from yuchang.accounts.models import RoleGrant, User
from yuchang.accounts.rules import Role
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions, queries
from yuchang.exchange.models import Agreement, Match, Message, Talk
from yuchang.exchange.tests.world import Market, facts, household, organisation
from yuchang.messages.models import Contact, Delivery
from yuchang.messages.models import Message as Inbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def match(market: Market) -> Match:
    return market.match()


def propose(market: Market, match: Match, side: str = "offer", **changes: Any) -> Agreement:
    match.refresh_from_db()
    given: dict[str, Any] = {
        "actor": market.li.actor if side == "offer" else market.zhao.actor,
        "match_id": match.pk,
        "version": match.version,
        "side": side,
        "quantity": 200,
        "price_fen": match.price_fen,
        "delivery_from": date(2026, 12, 1),
        "delivery_to": date(2026, 12, 31),
    }
    return actions.propose_agreement(**(given | changes))


def test_each_side_answers_for_itself_only(market: Market, match: Match) -> None:
    with pytest.raises(Hidden):
        actions.answer_match(
            actor=market.li.actor, match_id=match.pk, version=1, side="need", answer="accepted"
        )
    stranger = people.zhao(organisation("别家").pk).actor
    with pytest.raises(Hidden):
        actions.answer_match(actor=stranger, match_id=match.pk, version=1, side="need", answer="accepted")
    found = actions.answer_match(
        actor=market.zhao.actor, match_id=match.pk, version=1, side="need", answer="accepted"
    )
    assert (found.state, found.need_answer, found.offer_answer) == ("talking", "accepted", "pending")
    with pytest.raises(Stale):
        actions.answer_match(
            actor=market.li.actor, match_id=match.pk, version=1, side="offer", answer="accepted"
        )


def test_declining_needs_a_reason_and_ends_the_match(market: Market, match: Match) -> None:
    given = {"actor": market.zhao.actor, "match_id": match.pk, "version": 1, "side": "need"}
    with pytest.raises(Invalid):
        actions.answer_match(**given, answer="declined")
    actions.answer_match(**given, answer="declined", reason="太远")
    with pytest.raises(Conflict):
        actions.answer_match(
            actor=market.li.actor, match_id=match.pk, version=2, side="offer", answer="accepted"
        )
    assert Message.objects.get(talk__match=match).text == "太远"


def test_a_counter_names_terms_and_resets_the_other_s_yes(market: Market, match: Match) -> None:
    actions.answer_match(actor=market.li.actor, match_id=match.pk, version=1, side="offer", answer="accepted")
    talk = actions.counter_terms(
        actor=market.zhao.actor,
        match_id=match.pk,
        version=2,
        side="need",
        price_fen=2050,
        quantity=150,
        reason="要自提",
    )
    match.refresh_from_db()
    assert (talk.price_fen, talk.quantity, talk.terms_side) == (2050, 150, "need")
    assert (match.offer_answer, match.need_answer) == ("pending", "accepted")
    with pytest.raises(Invalid):
        actions.counter_terms(
            actor=market.zhao.actor,
            match_id=match.pk,
            version=3,
            side="need",
            price_fen=2050,
            quantity=99999,
            reason="多要",
        )


def test_messages_reach_the_other_side_and_nobody_else(market: Market, match: Match) -> None:
    actions.say(actor=market.li.actor, match_id=match.pk, side="offer", text="核桃已晒干")
    seen = queries.match_for(market.zhao.actor, match.pk)
    assert queries.messages_of(seen).get().text == "核桃已晒干"
    with pytest.raises(Hidden):
        queries.match_for(people.zhao(organisation("别家").pk).actor, match.pk)
    with pytest.raises(Invalid):
        actions.say(actor=market.li.actor, match_id=match.pk, side="offer", text=" ")


def test_an_agreement_needs_both_sides_yes(market: Market, match: Match) -> None:
    agreement = propose(market, match)
    assert agreement.state == "proposed"
    with pytest.raises(Hidden):
        actions.sign_agreement(actor=market.li.actor, agreement_id=agreement.pk, version=1)
    signed = actions.sign_agreement(actor=market.zhao.actor, agreement_id=agreement.pk, version=1)
    match.refresh_from_db()
    assert (signed.state, match.state) == ("agreed", "agreed")
    assert market.fresh(market.offer).agreed_quantity == 200
    assert market.fresh(market.need).state == "matched"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    names = {"exchange.propose_agreement", "exchange.sign_agreement"}
    assert AuditEntry.objects.filter(action__in=names).count() == 2


def test_the_proposer_cannot_answer_for_the_other_even_with_rights_on_both_sides(
    market: Market, match: Match
) -> None:
    RoleGrant.objects.create(
        user=market.li.user,
        role=Role.PARTNER,
        scope_kind="organisation",
        target_id=market.firm.pk,
        valid_from=people.FROM,
    )
    agreement = propose(market, match, actor=market.li.actor)
    with pytest.raises(Refused):
        actions.sign_agreement(actor=market.li.actor, agreement_id=agreement.pk, version=1)
    with pytest.raises(Refused):
        actions.agree_set(actor=market.li.actor, match_ids=[match.pk], side="need")
    now = agreement.created_at
    for change in (
        {"state": "agreed", "agreed_at": now},
        {"need_yes_by_id": market.li.user.pk, "need_yes_at": now, "state": "agreed", "agreed_at": now},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Agreement.objects.filter(pk=agreement.pk).update(**change)


def test_agreed_terms_never_change_and_their_sum_is_kept(market: Market, match: Match) -> None:
    agreement = propose(market, match)
    actions.sign_agreement(actor=market.zhao.actor, agreement_id=agreement.pk, version=1)
    for change in ({"price_fen": 1}, {"quantity": 1}, {"state": "refused", "agreed_at": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Agreement.objects.filter(pk=agreement.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(market.offer).objects.filter(pk=market.offer.pk).update(agreed_quantity=0)
        Agreement.objects.filter(pk=agreement.pk).update(state="fulfilled")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_more_than_is_left_is_refused(market: Market, match: Match) -> None:
    with pytest.raises(Invalid):
        propose(market, match, quantity=201)
    with pytest.raises(Invalid):
        propose(market, match, delivery_to=date(2026, 11, 1))


def test_refusing_before_it_holds_ends_the_match(market: Market, match: Match) -> None:
    agreement = propose(market, match)
    row = actions.refuse_agreement(
        actor=market.zhao.actor, agreement_id=agreement.pk, version=1, reason="账期太短"
    )
    match.refresh_from_db()
    assert (row.state, match.state) == ("refused", "declined")
    assert market.fresh(market.offer).agreed_quantity == 0
    with pytest.raises(Conflict):
        actions.sign_agreement(actor=market.zhao.actor, agreement_id=agreement.pk, version=2)


def test_only_one_agreement_of_a_match_is_live(market: Market, match: Match) -> None:
    propose(market, match)
    with pytest.raises(Conflict):
        propose(market, match, side="need")


def test_a_reviewer_talks_but_does_not_agree(market: Market, match: Match) -> None:
    zhang = people.zhang().actor
    actions.answer_match(actor=zhang, match_id=match.pk, version=1, side="offer", answer="accepted")
    with pytest.raises(Refused):
        propose(market, match, actor=zhang)


def _many(market: Market, count: int) -> list[int]:
    homes = [household(name=f"户{i}") for i in range(count)]
    rows = [facts("offer", household_id=h.pk, quantity=10, limit_fen=1500) for h in homes]
    actions.post_many(actor=market.li.actor, rows=rows)
    actions.post(
        actor=market.zhao.actor, facts=facts("need", organisation_id=market.firm.pk, quantity=10 * count)
    )
    market.match_all()
    return list(Match.objects.order_by("pk").values_list("pk", flat=True))


def test_many_matches_are_answered_and_agreed_set_wise(market: Market) -> None:
    market.match_all = lambda: actions.publish_clearing(  # type: ignore[attr-defined]
        actor=market.wang.actor, clearing_id=market.run().pk, version=1
    )
    ids = _many(market, 12)
    assert actions.answer_matches_set(
        actor=market.li.actor, match_ids=ids, side="offer", answer="accepted"
    ) == len(ids)
    with pytest.raises(Hidden):
        actions.agree_set(actor=people.outsider().actor, match_ids=ids, side="offer")
    assert actions.agree_set(actor=market.li.actor, match_ids=ids, side="offer") == len(ids)
    with pytest.raises(Conflict):
        actions.agree_set(actor=market.li.actor, match_ids=ids, side="offer")
    assert actions.agree_set(actor=market.zhao.actor, match_ids=ids, side="need") == len(ids)
    assert set(Agreement.objects.values_list("state", flat=True)) == {"agreed"}
    assert set(Match.objects.values_list("state", flat=True)) == {"agreed"}
    assert Talk.objects.count() == len(ids)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_answers_of_a_set_reach_each_person_once_in_constant_statements(
    market: Market,
) -> None:
    market.match_all = lambda: actions.publish_clearing(  # type: ignore[attr-defined]
        actor=market.wang.actor, clearing_id=market.run().pk, version=1
    )
    first, *ids = _many(market, 12)
    second, gone = people.zhao(market.firm.pk), people.zhao(market.firm.pk)
    User.objects.filter(pk=gone.user.pk).update(is_active=False)
    heard = Inbox.objects.filter(pk__gt=max(Inbox.objects.values_list("pk", flat=True)))
    actions.answer_matches_set(actor=market.li.actor, match_ids=[first], side="offer", answer="accepted")
    assert set(heard.values_list("recipient", "title", "link")) == {
        (person.user.pk, "对方愿意按撮合建议洽谈", f"/exchange/matches/{first}")
        for person in (market.zhao, second)
    }
    with CaptureQueriesContext(connection) as few:
        actions.answer_matches_set(actor=market.li.actor, match_ids=ids[:2], side="offer", answer="accepted")
    with CaptureQueriesContext(connection) as many:
        actions.answer_matches_set(actor=market.li.actor, match_ids=ids[2:], side="offer", answer="accepted")
    assert len(few) == len(many)
    told = heard.filter(recipient=market.zhao.user).order_by("pk").values_list("title", "link")
    assert list(told)[1:] == [
        ("对方愿意洽谈 2 项撮合建议", "/exchange/"),
        (f"对方愿意洽谈 {len(ids) - 2} 项撮合建议", "/exchange/"),
    ]
    actions.agree_set(actor=market.zhao.actor, match_ids=[first, *ids], side="need")
    assert not Inbox.objects.filter(recipient=market.zhao.user, title__contains="协议").exists()
    told = Inbox.objects.filter(recipient=market.li.user, title__contains="份协议，请签字")
    assert [one.title for one in told] == [f"对方提出了 {len(ids) + 1} 份协议，请签字或说明理由"]


def test_a_notice_of_a_set_waits_for_the_morning(market: Market) -> None:
    """Queued for outside like any other; whoever sends it looks at the person's quiet hours."""
    match = market.match()
    Contact.objects.create(
        user=market.zhao.user, channel="sms", verified_at=clock.now(), sealed=b"x", blind=b"x"
    )
    actions.answer_matches_set(actor=market.li.actor, match_ids=[match.pk], side="offer", answer="accepted")
    told = Inbox.objects.get(recipient=market.zhao.user, title__startswith="对方愿意")
    assert not told.is_urgent and Delivery.objects.get(message=told).state == "waiting"


def test_the_board_shows_own_gain_and_never_the_other_s_limit_or_person(market: Market, match: Match) -> None:
    seen = queries.board(market.zhao.actor, queries.matches_for(market.zhao.actor).first(20))[0]
    assert (seen.side, seen.gain_fen) == ("need", match.need_gain_fen)
    assert "李四" not in seen.partner
    own = queries.board(market.li.actor, queries.matches_for(market.li.actor).first(20))[0]
    assert (own.side, own.gain_fen) == ("offer", match.offer_gain_fen)
    assert "李四" in own.mine
    assert queries.matches_for(people.outsider().actor).first(20) == []
