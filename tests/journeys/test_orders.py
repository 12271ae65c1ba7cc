"""A buyer orders on the phone, the county delivers and settles, and the household's book shows the money."""

from __future__ import annotations

import pytest

from tests import people
from tests.journeys.helpers import PHONE, Site, check
from yuchang.core.models import AuditEntry, Instance
from yuchang.ledger.models import Leg
from yuchang.ledger.tests.people_of_the_book import organisation
from yuchang.market.models import Order, Settlement
from yuchang.market.tests.world import World, build

pytestmark = pytest.mark.journey


def simulated_world() -> World:
    """A round on sale in a database that may simulate payment."""
    Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True})
    return build((50, 30, 20))


def test_from_the_order_to_the_households_book(site: Site) -> None:
    world = simulated_world()
    buyer = site.sign_in(world.buyer_person, size=PHONE)
    buyer.goto(f"/market/offers/{world.offer.pk}")
    check(buyer, "offer")
    buyer.fill("input[name=quantity]", "60")
    buyer.click("main .form-end button")
    assert buyer.get_attribute("[data-total]", "data-total") == "192000"
    buyer.click("text=付款(模拟)")
    order = Order.objects.get()
    assert order.state == "paid" and order.total_fen == 192_000
    county = site.sign_in(world.officer)
    base = f"/market/{world.round.pk}"
    county.goto(base)
    county.click("button:has-text('截单')")
    world.harvest(50, 30, 20)
    county.click("button:has-text('配货')")
    county.click("button:has-text('登记发货')")
    buyer.reload()
    buyer.click("button:has-text('确认签收')")
    county.goto(f"{base}/settlement")
    assert county.get_attribute("[data-figure=total]", "data-value") == "192000"
    check(county, "settlement")
    county.click("button:has-text('确认结算')")
    settlement = Settlement.objects.get(order=order)
    assert settlement.households_fen == 60 * 2560 and settlement.paid_fen == 192_000
    check(county, "round")
    cadre = site.sign_in(people.li())
    cadre.goto(f"/ledger/households/{world.growers[0].pk}")
    assert cadre.get_attribute("[data-figure=book-total]", "data-value") == str(30 * 2560)
    assert Leg.objects.filter(household_id=world.growers[0].pk).get().amount_fen == 30 * 2560
    check(cadre, "household-book")
    buyer.reload()
    check(buyer, "order")
    done = set(AuditEntry.objects.values_list("action", flat=True))
    assert {
        "market.place_order",
        "market.confirm_payment",
        "market.deliver_order",
        "market.settle_round",
    } <= done


def test_more_than_is_left_is_refused_in_a_sentence(site: Site) -> None:
    world = simulated_world()
    buyer = site.sign_in(world.buyer_person, size=PHONE)
    buyer.goto(f"/market/offers/{world.offer.pk}")
    buyer.fill("input[name=quantity]", "101")
    buyer.click("main .form-end button")
    assert "100公斤" in buyer.inner_text("main") and "怎么办" in buyer.inner_text("main")
    assert not Order.objects.exists() and world.reload().offer.sold == 0


def test_an_outsider_from_the_next_county_is_refused(site: Site) -> None:
    world = simulated_world()
    order = world.order(5)
    page = site.sign_in(people.outsider())
    for address in (f"/market/{world.round.pk}", f"/market/orders/{order.pk}"):
        page.goto(address)
        assert "没有找到" in page.inner_text("h1")
    rival = site.sign_in(people.zhao(organisation("另一家").pk))
    rival.goto(f"/market/orders/{order.pk}")
    assert "没有找到" in rival.inner_text("h1")
