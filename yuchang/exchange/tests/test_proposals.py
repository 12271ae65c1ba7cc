"""A search ends somewhere: a proposal of one's own to the posting found."""

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions, inputs
from yuchang.exchange.actions import Terms
from yuchang.exchange.models import Match, Posting, PostingPhoto
from yuchang.exchange.records import dealings_from_facts, dealings_of
from yuchang.exchange.search import for_you
from yuchang.exchange.tests.world import Market, facts, organisation
from yuchang.files.tests import hostile
from yuchang.messages.models import Message as Notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return Market()


def propose(market: Market, **changes: Any) -> Match:
    terms = Terms(**({"quantity": 100, "price_fen": 2200, "text": "想买一百公斤"} | changes))
    return actions.propose_partner(
        actor=market.zhao.actor, mine_id=market.need.pk, other_id=market.offer.pk, terms=terms
    )


def test_one_side_proposes_and_the_other_answers(market: Market) -> None:
    match = propose(market)
    assert (match.state, match.need_answer, match.offer_answer) == ("proposed", "accepted", "pending")
    assert (match.quantity, match.price_fen, match.clearing_id) == (100, 2200, None)
    assert Notice.objects.filter(recipient=market.li.user).exists()
    assert AuditEntry.objects.filter(action="exchange.propose_partner", object_id=str(match.pk)).exists()
    page = market.li.client().get(reverse("exchange:match", args=[match.pk])).content.decode()
    assert "由对方直接提出" in page and "26" not in page.split("由对方直接提出")[0].split("撮合价")[1][:40]
    match = actions.answer_match(
        actor=market.li.actor, match_id=match.pk, version=match.version, side="offer", answer="accepted"
    )
    assert match.state == "talking"


def test_a_proposal_holds_nothing_until_answered(market: Market) -> None:
    propose(market)
    problem = inputs.load_postings(date(2026, 11, 21), None, [])
    assert sorted(problem.quantity.tolist()) == [200, 300]


def test_who_may_not_propose_gets_nothing(market: Market) -> None:
    stranger = people.zhao(organisation("旁人").pk).actor
    terms = Terms(10, 2200)
    for actor in (stranger, people.outsider().actor):
        with pytest.raises(Hidden):
            actions.propose_partner(
                actor=actor, mine_id=market.need.pk, other_id=market.offer.pk, terms=terms
            )
    Posting.objects.filter(pk=market.offer.pk).update(state="withdrawn")
    with pytest.raises(Hidden):
        propose(market)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 201}, "quantity"),
        ({"price_fen": -1}, "price"),
        ({"price_fen": 2601}, "price"),
    ],
)
def test_terms_beyond_reason_or_the_own_limit_are_refused(
    market: Market, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        propose(market, **changes)
    assert field in {p.field for p in caught.value.problems}


def test_the_others_limit_is_never_told(market: Market) -> None:
    match = propose(market, price_fen=100)
    assert match.offer_gain_fen == 0 and match.reason == {"direct": "need"}


@pytest.mark.parametrize(
    "changes",
    [
        {"certificates": []},
        {"radius_km": 0},
        {"window_to": date(2026, 12, 5), "window_from": date(2026, 12, 1)},
    ],
)
def test_what_stands_between_two_is_said(market: Market, changes: dict[str, Any]) -> None:
    Posting.objects.filter(pk=market.need.pk).update(certificates=["organic"], window_from=date(2026, 12, 10))
    Posting.objects.filter(pk=market.offer.pk).update(**({"certificates": ["organic"]} | changes))
    with pytest.raises(Conflict):
        propose(market)


def test_a_minimum_lot_holds(market: Market) -> None:
    Posting.objects.filter(pk=market.offer.pk).update(min_lot=150)
    with pytest.raises(Invalid):
        propose(market)
    assert propose(market, quantity=150).quantity == 150


def test_nobody_asks_twice_nor_after_a_no(market: Market) -> None:
    match = propose(market)
    with pytest.raises(Conflict):
        propose(market)
    assert not for_you(market.zhao.actor)
    actions.answer_match(
        actor=market.li.actor,
        match_id=match.pk,
        version=match.version,
        side="offer",
        answer="declined",
        reason="不卖",
    )
    with pytest.raises(Conflict):
        propose(market)
    assert not for_you(market.zhao.actor)


def test_recommendations_keep_to_certificates(market: Market) -> None:
    assert [one.other.pk for one in for_you(market.zhao.actor)] == [market.offer.pk]
    Posting.objects.filter(pk=market.need.pk).update(certificates=["organic"])
    assert not for_you(market.zhao.actor) and not for_you(market.li.actor)
    Posting.objects.filter(pk=market.offer.pk).update(certificates=["organic", "green"])
    assert for_you(market.zhao.actor) and for_you(market.li.actor)


def test_the_hit_leads_to_a_proposal_by_way_of_an_own_posting(market: Market) -> None:
    buyer = people.zhao(organisation("新买家").pk)
    client = buyer.client()
    found = client.get(reverse("exchange:search"), {"q": "核桃", "direction": "offer"}).content.decode()
    url = reverse("exchange:propose", args=[market.offer.pk])
    assert url in found
    reply = client.get(url)
    assert reply.status_code == 302 and f"to={market.offer.pk}" in reply["Location"]
    body = {"organisation": buyer.actor.organisation_ids("exchange.post")[0], "direction": "need"}
    body |= {
        "quantity": 80,
        "unit": "公斤",
        "limit": "25",
        "window_from": "2026-12-01",
        "window_to": "2027-02-01",
    }
    reply = client.post(reply["Location"], body)
    assert reply["Location"].startswith(url)
    mine = Posting.objects.latest("pk")
    reply = client.post(url, {"mine": mine.pk, "quantity": 80, "price": "21.5"})
    match = Match.objects.get()
    assert reply["Location"] == reverse("exchange:match", args=[match.pk])
    assert (match.need_id, match.price_fen) == (mine.pk, 2150)


def test_pictures_are_shown_to_the_market_and_only_pictures(market: Market) -> None:
    client = market.li.client()
    url = reverse("exchange:photo_add", args=[market.offer.pk])
    assert (
        client.post(url, {"file": SimpleUploadedFile("核桃.jpg", hostile.jpeg((60, 40)))}).status_code == 302
    )
    photo = PostingPhoto.objects.get()
    shown = people.zhao(organisation("远方").pk).client().get(reverse("exchange:photo", args=[photo.pk]))
    assert shown.status_code == 200 and shown["Content-Type"] == "image/jpeg"
    client.post(url, {"file": SimpleUploadedFile("核桃.jpg", b"MZ not a picture")})
    assert PostingPhoto.objects.count() == 1
    mine = market.zhao.client()
    own = reverse("exchange:photo_add", args=[market.need.pk])
    assert mine.post(own, {"file": SimpleUploadedFile("样.jpg", hostile.jpeg((50, 50)))}).status_code == 302
    assert mine.post(url, {"file": SimpleUploadedFile("样.jpg", hostile.jpeg((50, 50)))}).status_code == 404
    Posting.objects.filter(pk=market.offer.pk).update(state="withdrawn")
    hidden = people.zhao(organisation("又一家").pk).client().get(reverse("exchange:photo", args=[photo.pk]))
    assert hidden.status_code == 404


def test_answers_and_agreements_speak_for_an_organisation(market: Market) -> None:
    match = market.match()
    today = clock.today()
    firm = market.firm.pk
    assert dealings_of([firm], today)[firm].unanswered == 1
    actions.answer_match(
        actor=market.zhao.actor, match_id=match.pk, version=match.version, side="need", answer="accepted"
    )
    match.refresh_from_db()
    agreement = actions.propose_agreement(
        actor=market.zhao.actor,
        match_id=match.pk,
        version=match.version,
        side="need",
        quantity=100,
        price_fen=match.price_fen,
        delivery_from=match.window_from,
        delivery_to=match.window_to,
    )
    actions.sign_agreement(actor=market.li.actor, agreement_id=agreement.pk, version=agreement.version)
    for on in (today, date(2030, 1, 1)):
        found = dealings_of([firm], on)[firm]
        assert found == dealings_from_facts(firm, on)
    assert (found.overdue, found.answered, found.unanswered, found.answer_hours) == (1, 1, 0, 0)
    page = market.li.client().get(reverse("exchange:organisation_record", args=[firm]))
    assert page.status_code == 200


def test_own_proposals_are_no_answers(market: Market) -> None:
    propose(market)
    assert dealings_of([market.firm.pk], clock.today())[market.firm.pk].answered == 0


def test_a_repeat_of_a_search_costs_the_same(market: Market, django_assert_max_num_queries: Any) -> None:
    rows = [facts("offer", household_id=market.home.pk, quantity=n, limit_fen=1500) for n in range(1, 40)]
    actions.post_many(actor=market.li.actor, rows=rows)
    client = market.zhao.client()
    client.get(reverse("exchange:search"), {"q": "核桃"})
    with django_assert_max_num_queries(22):
        client.get(reverse("exchange:search"), {"q": "核桃"})
