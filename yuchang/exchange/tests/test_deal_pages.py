"""The pages of deals show each reader the own steps, and cost the same however much has happened."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import people
from yuchang.core import clock
from yuchang.exchange import actions
from yuchang.exchange.models import Dispute
from yuchang.exchange.tests.deals import Deal, paper
from yuchang.exchange.tests.world import organisation
from yuchang.messages.models import Message
from yuchang.places.models import keys_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    return Deal()


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.content.decode()[:500]
    return answer.content.decode()


def cost(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        page(client, address)
    return len(seen)


def test_each_side_finds_its_own_steps(deal: Deal) -> None:
    deal.deliver(50)
    address = f"/exchange/agreements/{deal.row.pk}"
    giver, receiver = page(deal.li.client(), address), page(deal.zhao.client(), address)
    assert "登记交付" in giver and "确认收货" not in giver and "撤回登记" in giver
    assert "确认收货" in receiver and "登记交付" not in receiver
    reader = page(people.auditor().client(), address)
    assert "确认收货" not in reader and "提出争议" not in reader and "安排任务" not in reader


def test_the_agreement_costs_the_same_after_many_deliveries_and_tasks(deal: Deal) -> None:
    client, address = deal.li.client(), f"/exchange/agreements/{deal.row.pk}"
    given = {"actor": deal.li.actor, "agreement_id": deal.row.pk, "kind": "visit", "what": "看货"}
    counts = []
    for batch in (1, 4):
        for _n in range(batch):
            deal.accept(deal.deliver(5))
            actions.add_task(**given, due_on=clock.today())
        cost(client, address)
        counts.append(cost(client, address))
    assert counts[0] == counts[1] < 60


def test_the_list_of_disputes_costs_the_same_for_five_and_sixty(deal: Deal) -> None:
    client, counts = deal.officer.client(), []
    values: dict[str, Any] = {"agreement": deal.row, "side": "offer", "statement": "少付", "opened_by_id": 1}
    values |= {"opened_by_name": "李村干", "opened_at": clock.now(), "answer_by": clock.today()}
    values |= {"place": deal.row.place, **keys_of(deal.row.place)}
    for batch in (5, 55):
        Dispute.objects.bulk_create([Dispute(**values) for _n in range(batch)])
        cost(client, "/exchange/disputes")
        counts.append(cost(client, "/exchange/disputes"))
    assert counts[0] == counts[1]


def test_a_dispute_is_opened_answered_and_decided_on_its_page(deal: Deal) -> None:
    giver, receiver, officer = deal.li.client(), deal.zhao.client(), deal.officer.client()
    contested = deal.accept(deal.deliver(100), 60, "受潮")
    form = {"side": "offer", "delivery_id": contested.pk, "statement": "已复称", "papers": paper()}
    assert giver.post(f"/exchange/agreements/{deal.row.pk}/disputes", form).status_code == 302
    row = Dispute.objects.get()
    address = f"/exchange/disputes/{row.pk}"
    assert "送货单.png" in page(receiver, address) and "作出处理" not in page(officer, address)
    answer = {"side": "need", "version": 1, "answer": "仍有受潮"}
    assert receiver.post(f"{address}/answer", answer).status_code == 302
    assert "作出处理" in page(officer, address) and "作出处理" not in page(giver, address)
    decision = {"version": 2, "outcome": "partly", "decision": "复称 90", "ruled_quantity": 101}
    refused = officer.post(f"{address}/decide", decision)
    assert refused.status_code == 422 and "裁定数量须在" in refused.content.decode()
    assert officer.post(f"{address}/decide", decision | {"ruled_quantity": 90}).status_code == 302
    assert deal.fresh().fulfilled == 90
    assert Message.objects.filter(recipient=deal.zhao.user, title__contains="争议已处理").exists()
    page(people.zhao(organisation("别家").pk).client(), address, 404)


def test_reviews_stand_on_the_partner_s_page_without_any_household(deal: Deal) -> None:
    deal.accept(deal.deliver(50))
    form = {"side": "offer", "stars": 5, "text": "付款及时"}
    assert deal.li.client().post(f"/exchange/agreements/{deal.row.pk}/reviews", form).status_code == 302
    client = deal.zhao.client()
    assert f"/exchange/organisations/{deal.market.firm.pk}/standing" in page(
        client, f"/partners/{deal.market.firm.pk}"
    )
    found = page(client, f"/exchange/organisations/{deal.market.firm.pk}/standing")
    assert "付款及时" in found and "李四" not in found and "李村干" not in found
