"""Both sides carry an agreement: a milestone, two deliveries, one confirmed and one contested; strangers see nothing."""

from __future__ import annotations

import pytest

from tests import people
from tests.journeys.helpers import Site, check
from yuchang.core.models import AuditEntry
from yuchang.exchange.models import Delivery, Milestone, Paper, Posting
from yuchang.exchange.tests.deals import Deal
from yuchang.exchange.tests.world import organisation
from yuchang.files.tests import hostile
from yuchang.workbench.tests.test_own_deals import owner

pytestmark = pytest.mark.journey


def test_two_deliveries_one_confirmed_one_contested(site: Site, transactional_db: None) -> None:
    deal = Deal()
    address = f"/exchange/agreements/{deal.row.pk}"

    giver = site.sign_in(deal.li)
    giver.goto(address)
    giver.click("summary:has-text('提出节点')")
    giver.fill("#milestone_what", "首批")
    giver.fill("#milestone_due_on", "2026-12-20")
    giver.fill("#milestone_quantity", "120")
    giver.click("#milestones .form-end button")
    giver.wait_for_selector("#milestones >> text=待对方同意")

    receiver = site.sign_in(deal.zhao)
    receiver.goto(address)
    receiver.click("button:has-text('同意节点')")
    receiver.wait_for_selector("#milestones >> text=未到期")
    assert Milestone.objects.get().state == "agreed"

    for quantity in ("120", "80"):
        giver.goto(address)
        giver.click("summary:has-text('登记交付')")
        giver.fill("#delivery_quantity", quantity)
        giver.set_input_files(
            "#delivery_papers", [{"name": "送货单.png", "mimeType": "image/png", "buffer": hostile.png()}]
        )
        giver.click("#deliveries .form-end button")
        giver.wait_for_selector(f"#deliveries >> text={quantity} 公斤")
    check(giver, "deal")

    first, second = Delivery.objects.order_by("id")
    receiver.goto(address)
    receiver.click(f"[data-delivery='{first.pk}'] .form-end button")
    receiver.wait_for_selector("#deliveries >> text=已确认 120 / 200")
    receiver.wait_for_selector("#milestones >> text=已达成")
    receiver.fill(f"#judge{second.pk}_accepted", "50")
    receiver.fill(f"#judge{second.pk}_reason", "三十公斤受潮")
    receiver.click(f"[data-delivery='{second.pk}'] .form-end button")
    receiver.wait_for_selector("#deliveries >> text=有异议")
    check(receiver, "deal-contested")

    grower = site.sign_in(owner(deal.market.home.pk))
    grower.set_viewport_size({"width": 390, "height": 844})
    grower.goto("/mine")
    grower.wait_for_selector("text=已收货 170 公斤")
    check(grower, "own-deals")

    stranger = site.sign_in(people.zhao(organisation("别家").pk))
    for path in (address, f"{address}/contract.pdf", f"/exchange/papers/{Paper.objects.all()[0].pk}"):
        answer = stranger.request.get(path)
        assert answer.status == 404

    first, second = Delivery.objects.order_by("id")
    assert (first.state, first.accepted) == ("confirmed", 120)
    assert (second.state, second.accepted, second.reason) == ("contested", 50, "三十公斤受潮")
    assert (deal.fresh().fulfilled, deal.fresh().state) == (170, "agreed")
    assert Posting.objects.get(pk=deal.row.offer_id).fulfilled == 170
    judged = AuditEntry.objects.filter(action="exchange.judge_delivery", object_kind="delivery")
    assert {entry.actor_id for entry in judged} == {deal.zhao.user.pk}
    assert AuditEntry.objects.filter(action="exchange.record_delivery", object_kind="delivery").count() == 2
