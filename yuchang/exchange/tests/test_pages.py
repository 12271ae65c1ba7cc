"""The pages lead from a posting to an agreement, show each side its own, and cost the same however long."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.exchange import actions
from yuchang.exchange.models import Agreement, Clearing, Match, Posting, Publication, Replay
from yuchang.exchange.tests.world import WALNUT, Market, facts, household, organisation, resource

pytestmark = pytest.mark.django_db


@pytest.fixture
def market() -> Market:
    return Market()


def form(**changes: Any) -> dict[str, Any]:
    given = {"direction": "offer", "quantity": 100, "limit": "20.50"}
    given |= {"window_from": "2026-12-01", "window_to": "2027-02-01"}
    return given | changes


def text(client: Client, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(f"exchange:{name}", args=args), query)
    assert answer.status_code == 200, answer.content.decode()[:500]
    return answer.content.decode()


def test_a_cadre_posts_category_first() -> None:
    home, client = household(), people.li().client()
    assert "马铃薯" in text(client, "choose_category", q="洋芋")
    assert "公斤" in text(client, "posting_new", "goods.potato")
    address = reverse("exchange:posting_new", args=["goods.potato"])
    answer = client.post(address, form(household_number=home.number))
    row = Posting.objects.get()
    assert answer.status_code == 302
    assert (row.household_id, row.limit_fen, row.category_id) == (home.pk, 2050, "goods.potato")
    assert "20.50" in text(client, "posting", row.pk)


def test_a_form_with_faults_says_so_beside_the_fields() -> None:
    client = people.li().client()
    address = reverse("exchange:posting_new", args=[WALNUT])
    away = household(people.villages(people.WEN)[0])
    for bad in (
        form(window_to="2026-01-01", window_from="2025-12-01"),
        form(quantity=0),
        form(limit="-1"),
        form(household_number=away.number),
        form(window_to="2026-11-30"),
    ):
        answer = client.post(address, bad)
        assert answer.status_code == 422
        assert "field-error" in answer.content.decode()
    assert not Posting.objects.exists()


def test_the_form_asks_only_what_the_category_needs() -> None:
    client = people.li().client()
    assert "radius_km" in text(client, "posting_new", WALNUT)
    assert "radius_km" not in text(client, "posting_new", "training.farming")


def test_the_number_of_partners_is_counted_while_filling_in(market: Market) -> None:
    query = {"direction": "offer", "window_from": "2026-12-01", "window_to": "2026-12-31"}
    assert "1" in text(market.li.client(), "partner_count", WALNUT, **query)
    assert "填写方向" in text(market.li.client(), "partner_count", WALNUT)
    more = facts("need", organisation_id=market.firm.pk, quantity=30)
    actions.post(actor=market.zhao.actor, facts=more)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("yuchang.exchange.queries.COUNTED", 1)
        assert "1 条以上" in text(market.li.client(), "partner_count", WALNUT, **query)


def test_a_resource_becomes_a_posting_in_one_step() -> None:
    home = household()
    walnuts = resource(home, quantity=300)
    li = people.li().client()
    address = reverse("exchange:post_resource", args=[walnuts.pk])
    assert "300" in li.get(address).content.decode()
    given = {"limit": "19", "window_from": "2026-12-01", "window_to": "2027-03-01"}
    assert people.outsider().client().post(address, given).status_code == 404
    assert li.post(address, given).status_code == 302
    row = Posting.objects.get()
    assert (row.quantity, row.resource_id, row.limit_fen) == (300, walnuts.pk, 1900)
    assert li.post(address, given).status_code == 409


def test_unposted_resources_wait_on_the_first_page_of_posting_for_their_own_people_only() -> None:
    walnuts = resource(household())
    step = reverse("exchange:post_resource", args=[walnuts.pk])
    assert step in text(people.li().client(), "choose_category")
    assert step not in text(people.li(people.villages()[1]).client(), "choose_category")
    given = {"limit": "19", "window_from": "2026-12-01", "window_to": "2027-03-01"}
    people.li().client().post(step, given)
    assert step not in text(people.li().client(), "choose_category")


def test_a_resource_in_another_unit_is_refused_with_a_way_out() -> None:
    odd = resource(household())
    type(odd).objects.filter(pk=odd.pk).update(unit="筐")
    answer = people.li().client().get(reverse("exchange:post_resource", args=[odd.pk]))
    assert answer.status_code == 409
    assert "单位" in answer.content.decode()


def test_the_whole_way_from_run_to_signature(market: Market) -> None:
    wang, li, zhao = market.wang.client(), market.li.client(), market.zhao.client()
    answer = wang.post(reverse("exchange:clearing_run"), {"county": people.county().pk, "category": ""})
    run = Clearing.objects.get()
    assert answer.status_code == 302
    page = text(wang, "clearing", run.pk)
    assert "已由独立程序检验通过" in page
    assert run.result_hash in page
    wang.post(reverse("exchange:clearing_check", args=[run.pk]))
    actions.compute_replay(Replay.objects.get().pk)
    assert "逐字节一致" in text(wang, "clearing", run.pk)
    assert wang.post(reverse("exchange:clearing_publish", args=[run.pk]), {"version": 1}).status_code == 302
    actions.carry_out_publication(Publication.objects.get().pk)
    assert "只成一部分" in text(wang, "leftover_list", run.pk)
    match = Match.objects.get()
    yes = {"version": 1, "side": "need", "answer": "accepted"}
    assert zhao.post(reverse("exchange:match_answer", args=[match.pk]), yes).status_code == 302
    say = {"side": "offer", "text": "核桃已晒干"}
    assert li.post(reverse("exchange:match_say", args=[match.pk]), say).status_code == 302
    assert "核桃已晒干" in text(zhao, "match", match.pk)
    counter = {"version": 2, "side": "need", "price": "20.10", "quantity": 150, "reason": "自提"}
    assert zhao.post(reverse("exchange:match_counter", args=[match.pk]), counter).status_code == 302
    terms = {"version": 3, "side": "offer", "price": "20.10", "quantity": 150}
    terms |= {"delivery_from": "2026-12-05", "delivery_to": "2026-12-20"}
    assert li.post(reverse("exchange:match_agree", args=[match.pk]), terms).status_code == 302
    agreement = Agreement.objects.get()
    assert "同意并签字" not in text(li, "agreement", agreement.pk)
    assert "同意并签字" in text(zhao, "agreement", agreement.pk)
    sign = reverse("exchange:agreement_sign", args=[agreement.pk])
    assert people.outsider().client().post(sign, {"version": 1}).status_code == 404
    assert li.post(sign, {"version": 1}).status_code == 404
    assert zhao.post(sign, {"version": 1}).status_code == 302
    agreement.refresh_from_db()
    assert agreement.state == "agreed"
    assert "已生效" in text(li, "agreement_list")


def test_each_side_sees_its_own_limit_and_never_the_other_s(market: Market) -> None:
    offer_limit, need_limit = "23.45", "31.27"
    Posting.objects.filter(pk=market.offer.pk).update(limit_fen=2345)
    Posting.objects.filter(pk=market.need.pk).update(limit_fen=3127)
    match = market.match()
    for name, args in (("board", ()), ("match", (match.pk,)), ("posting_list", ())):
        assert need_limit not in text(market.li.client(), name, *args)
        assert offer_limit not in text(market.zhao.client(), name, *args) or name == "match"
    assert offer_limit in text(market.li.client(), "posting_list")
    assert need_limit in text(market.zhao.client(), "posting_list")
    shown = text(market.zhao.client(), "posting_list", view="market")
    assert "李四" not in shown
    assert market.zhao.client().get(reverse("exchange:posting", args=[market.offer.pk])).status_code == 404


def test_the_next_county_s_officer_and_another_partner_see_nothing(market: Market) -> None:
    match = market.match()
    other = people.zhao(organisation("别家").pk)
    for stranger in (
        people.person("宕昌员", people.Role.COUNTY_OFFICER, place=people.county("620522000000")),
        other,
    ):
        client = stranger.client()
        assert client.get(reverse("exchange:match", args=[match.pk])).status_code == 404
        answer = {"version": 1, "side": "offer", "answer": "accepted"}
        assert client.post(reverse("exchange:match_answer", args=[match.pk]), answer).status_code == 404
        assert "没有撮合建议" in text(client, "board")


def test_an_answer_without_side_or_reason_is_refused_in_words(market: Market) -> None:
    match = market.match()
    address = reverse("exchange:match_answer", args=[match.pk])
    assert market.li.client().post(address, {"version": 1, "answer": "accepted"}).status_code == 422
    no = {"version": 1, "side": "offer", "answer": "declined"}
    assert market.li.client().post(address, no).status_code == 422
    assert market.li.client().post(address, {**no, "reason": "量少", "version": 9}).status_code == 409


def test_a_posting_is_edited_and_withdrawn_on_its_page(market: Market) -> None:
    li = market.li.client()
    edit = reverse("exchange:posting_edit", args=[market.offer.pk])
    assert "20.00" in li.get(edit).content.decode()
    assert li.post(edit, form(version=1, quantity=250)).status_code == 302
    assert market.fresh(market.offer).quantity == 250
    withdraw = reverse("exchange:posting_withdraw", args=[market.offer.pk])
    assert market.zhao.client().post(withdraw, {"version": 2, "reason": "x"}).status_code == 404
    assert li.post(withdraw, {"version": 2, "reason": "已自销"}).status_code == 302


def test_lists_cost_the_same_for_five_and_sixty(market: Market) -> None:
    homes = [household(name=f"户{i}") for i in range(60)]
    client = market.wang.client()
    counts: dict[str, list[int]] = {}
    for batch in (homes[:5], homes[5:]):
        rows = [facts("offer", household_id=h.pk, quantity=2, limit_fen=1000) for h in batch]
        actions.post_many(actor=market.wang.actor, rows=rows)
        actions.post(
            actor=market.zhao.actor,
            facts=facts("need", organisation_id=market.firm.pk, quantity=150 + len(batch)),
        )
        match = market.match_any()
        actions.answer_match(
            actor=market.wang.actor, match_id=match.pk, version=1, side="offer", answer="accepted"
        )
        actions.agree_set(actor=market.wang.actor, match_ids=[match.pk], side="offer")
        for name, query in (
            ("board", {}),
            ("posting_list", {}),
            ("posting_list", {"view": "market"}),
            ("agreement_list", {}),
            ("clearing_list", {}),
        ):
            text(client, name, **query)
            with CaptureQueriesContext(
                connection,
            ) as seen:
                text(client, name, **query)
            counts.setdefault(f"{name}{query}", []).append(len(seen))
    assert all(first == second for first, second in counts.values()), counts
