"""The pages of the market: what people do through them, who is refused, and what they cost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests import people
from yuchang.core.models import AuditEntry, Instance
from yuchang.ledger.tests.people_of_the_book import households, organisation
from yuchang.market.actions.rounds import open_round
from yuchang.market.models import Commitment, Lot, Offer, Order, Round
from yuchang.market.tests.test_agreements import from_household
from yuchang.market.tests.world import World, build, terms


def text(response: Any, status: int = 200) -> str:
    page = response.content.decode()
    assert response.status_code == status, page[-3000:]
    return page


def test_an_officer_opens_a_round_and_sells_through_the_pages(db: None) -> None:
    browser = people.wang().client()
    coop = organisation("合作社", "cooperative")
    assert "成县" in text(browser.get("/market/new"))
    now = timezone.localtime()
    terms = {
        "title": "核桃团",
        "sales_from": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        "sales_to": (now + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M"),
        "deliver_on": (now + timedelta(days=20)).strftime("%Y-%m-%d"),
        "promise": "按时发货",
        "shortfall_rule": "first_come",
        "way": "direct",
    }
    assert "不能早于截单" in text(browser.post("/market/new", terms | {"deliver_on": "2020-01-01"}), 422)
    browser.post("/market/new", terms)
    row = Round.objects.get()
    goods = {
        "version": row.version, "title": "核桃", "category": "goods.walnut", "price": "32.00", "grower": "30.00",
        "coop_part": "1.50", "coop": coop.pk,
    }  # fmt: skip
    assert "超过了单价" in text(browser.post(f"/market/{row.pk}/goods", goods | {"grower": "31.00"}), 422)
    browser.post(f"/market/{row.pk}/goods", goods)
    offer = row.offers.get()
    assert (offer.price_fen, offer.grower_fen, offer.coop_fen, offer.residual_fen) == (3200, 3000, 150, 50)
    grower = households(1)[0]
    cadre = people.li().client()
    cadre.post(f"/market/offers/{offer.pk}/commitments", {"number": grower.number, "quantity": 30})
    assert Commitment.objects.get().quantity == 30
    browser.post(f"/market/{row.pk}/sales/start", {"version": row.version})
    page = text(browser.get(f"/market/{row.pk}"))
    assert 'data-committed="30"' in page and "截单" in page and "按付款先后发货" in page
    assert AuditEntry.objects.filter(action="market.start_sales").count() == 1


def test_a_buyer_orders_pays_and_receives_on_the_phone(db: None) -> None:
    world = build()
    Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True})
    browser = world.buyer_person.client()
    page = text(browser.get(f"/market/offers/{world.offer.pk}"))
    assert "测**" in page and "测试户1" not in page and "80.0%" in page and 'data-left="100"' in page
    key = re.search(r'name="key" value="(\w+)"', page)
    assert key
    form = {"quantity": 12, "key": key.group(1)}
    for _twice in range(2):
        assert browser.post(f"/market/offers/{world.offer.pk}/buy", form).status_code == 302
    order = Order.objects.get()
    assert "付款(模拟)" in text(browser.get(f"/market/orders/{order.pk}"))
    browser.post(f"/market/orders/{order.pk}/pay")
    county = world.officer.client()
    run_to_the_end(world, county)
    order.refresh_from_db()
    assert order.state == "settled"
    page = text(browser.get(f"/market/orders/{order.pk}"))
    assert f'data-value="{12 * 2560}"' in page and "测**" in page and "测试户1" not in page
    assert "查看分录" not in page and "查看分录" in text(county.get(f"/market/orders/{order.pk}"))


def run_to_the_end(world: World, county: Any) -> None:
    """Close, record the harvest, fill, send, deliver, settle: each through its page."""
    base = f"/market/{world.round.pk}"

    def step(path: str) -> None:
        text(county.post(f"{base}/{path}", {"version": world.reload().round.version}), 302)

    step("sales/close")
    cadre = people.li().client()
    for grower in world.growers:
        lot = {"number": grower.number, "harvested": 50, "lost": 0}
        text(cadre.post(f"/market/offers/{world.offer.pk}/lots", lot), 302)
    assert Lot.objects.count() == 3
    for path in ("delivery/fulfil", "delivery/dispatch", "delivery/deliver"):
        step(path)
    preview = text(county.get(f"{base}/settlement"))
    assert f'data-figure="total" data-value="{12 * 3200}"' in preview
    step("settlement")
    assert world.reload().round.state == "settled"


def test_sold_out_and_bad_quantities_are_said_on_the_page(db: None) -> None:
    world = build((5,))
    browser = world.buyer_person.client()
    address = f"/market/offers/{world.offer.pk}/buy"
    assert "5公斤" in text(browser.post(address, {"quantity": 6, "key": "k" * 16}), 409)
    for quantity in ("0", "-1", "abc", "", "99999999999999"):
        text(browser.post(address, {"quantity": quantity, "key": "k" * 16}), 422)
    assert world.reload().offer.sold == 0


def test_an_officer_records_a_transfer_of_the_right_amount(db: None) -> None:
    world = build()
    order = world.order(10)
    browser = world.officer.client()
    address = f"/market/orders/{order.pk}/transfer"
    assert "不符" in text(browser.post(address, {"amount": "319.99", "reference": "B-1"}), 422)
    text(browser.post(address, {"amount": "320.00", "reference": "B-1"}), 302)
    order.refresh_from_db()
    assert order.state == "paid"


def test_strangers_are_refused_everywhere(db: None) -> None:
    world = build()
    order = world.order(10)
    rival = people.zhao(organisation("另一家").pk).client()
    outsider = people.outsider().client()
    pages = {
        f"/market/{world.round.pk}": 404,
        f"/market/{world.round.pk}/settlement": 404,
        f"/market/orders/{order.pk}": 404,
        f"/market/offers/{world.offer.pk}/growers": 404,
        f"/market/offers/{world.offer.pk}": 403,
    }
    for page, status in pages.items():
        text(outsider.get(page), status)
    for page in (f"/market/{world.round.pk}", f"/market/orders/{order.pk}"):
        text(rival.get(page), 404)
    for page in ("pay", "cancel", "receive"):
        text(rival.post(f"/market/orders/{order.pk}/{page}", {"version": 1}), 404)
        text(outsider.post(f"/market/orders/{order.pk}/{page}", {"version": 1}), 403)
    for step in ("sales/close", "delivery/fulfil"):
        text(outsider.post(f"/market/{world.round.pk}/{step}", {"version": 2}), 404)
        text(people.li().client().post(f"/market/{world.round.pk}/{step}", {"version": 2}), 403)
    text(world.officer.client().post(f"/market/{world.round.pk}/delivery/nonsense", {"version": 2}), 404)
    order.refresh_from_db()
    assert order.state == "held" and world.reload().round.state == "open"


def test_a_cadre_sees_only_the_own_villages_growers(db: None) -> None:
    world = build()
    far = people.li(people.villages()[-1]).client()
    near = people.li().client()
    for page in (f"/market/{world.round.pk}", f"/market/offers/{world.offer.pk}/growers"):
        assert "测试户1" in text(near.get(page))
        assert "测试户1" not in text(far.get(page))


def test_an_agreement_becomes_an_order_on_its_page(db: None) -> None:
    made, _grower, buyer = from_household()
    browser, way = people.zhao(buyer.pk).client(), f'href="/market/agreements/{made.pk}"'
    text(people.outsider().client().get(f"/market/agreements/{made.pk}"), 404)
    assert way in text(browser.get(f"/exchange/agreements/{made.pk}"))
    assert way in text(people.wang().client().get(f"/exchange/agreements/{made.pk}"))
    assert way not in text(people.auditor().client().get(f"/exchange/agreements/{made.pk}"))
    assert "核桃" in text(browser.get(f"/market/agreements/{made.pk}"))
    assert "不是" in text(browser.post(f"/market/agreements/{made.pk}", {"growers": "户 多少 呢"}), 422)
    text(browser.post(f"/market/agreements/{made.pk}", {"growers": ""}), 302)
    assert Order.objects.get().total_fen == 40 * 2500


def another_round_like(world: World) -> None:
    """A copy of the round with a copy of its offer, without people."""
    row, offer = Round.objects.get(pk=world.round.pk), Offer.objects.get(pk=world.offer.pk)
    row.pk = offer.pk = None
    row.save()
    offer.round, offer.committed, offer.cap, offer.sold = row, 0, 0, 0
    offer.save()


@pytest.mark.parametrize("page", ["round_list", "order_list", "round", "growers"])
def test_the_lists_cost_the_same_for_many_rows(
    db: None, page: str, django_assert_max_num_queries: Any, django_assert_num_queries: Any
) -> None:
    world = build((50,) * 5)
    for number in range(5):
        world.order(1, key=f"few-{number:05d}")
    address = {
        "round_list": "/market/",
        "order_list": "/market/orders/",
        "round": f"/market/{world.round.pk}",
        "growers": f"/market/offers/{world.offer.pk}/growers",
    }[page]
    browser = world.officer.client()
    browser.get(address)
    with django_assert_max_num_queries(22) as few:
        text(browser.get(address))
    more = build((50,) * 60) if page != "round_list" else world
    for number in range(60):
        if page == "round_list":
            another_round_like(world)
        else:
            more.order(1, key=f"many-{number:05d}")
    if page in ("round", "growers"):
        address = address.replace(str(world.round.pk), str(more.round.pk))
        address = f"/market/{more.round.pk}" if page == "round" else f"/market/offers/{more.offer.pk}/growers"
    with django_assert_num_queries(len(few.captured_queries)):
        assert 'rel="next"' in text(browser.get(address))


def test_a_co_op_runs_its_own_round_and_sees_its_orders(db: None) -> None:
    coop = organisation("合作社", "cooperative")
    boss = people.zhao(coop.pk)
    browser = boss.client()
    text(browser.get("/market/new"))
    row = open_round(actor=boss.actor, place=people.county(), terms=terms(), organisation_id=coop.pk)
    assert f'href="/market/{row.pk}"' in text(browser.get("/market/"))
    assert "添加商品" in text(browser.get(f"/market/{row.pk}"))
    other = build()
    assert f'href="/market/{other.round.pk}"' not in text(browser.get("/market/"))
    text(browser.get(f"/market/{other.round.pk}"), 404)
    firm = people.zhao(organisation("公司").pk).client()
    text(firm.get("/market/new"), 403)
    assert f'href="/market/offers/{other.offer.pk}"' in text(firm.get("/market/"))


def test_an_auditor_of_the_nation_reads_every_round_and_order(db: None) -> None:
    world = build()
    order = world.order(10)
    browser = people.auditor().client()
    assert "成县核桃预售" in text(browser.get("/market/"))
    assert "测试户1" in text(browser.get(f"/market/{world.round.pk}"))
    text(browser.get(f"/market/orders/{order.pk}"))
    text(browser.post(f"/market/{world.round.pk}/sales/close", {"version": 2}), 403)
