"""Deliveries fulfil an agreement: recorded by one side, judged by the other, never more than agreed."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, connections, transaction
from django.utils.translation import override

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.core.phrases import in_chinese
from yuchang.exchange import actions
from yuchang.exchange.models import Agreement, Delivery, Paper, Posting, Why
from yuchang.exchange.tests.deals import Deal, paper
from yuchang.exchange.tests.world import organisation
from yuchang.exchange.words_deals import BY_ORDER, as_said, own_words
from yuchang.messages.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    return Deal()


def quantities(deal: Deal) -> tuple[int, int, int]:
    """Fulfilled of the agreement, of the offer, and of the need."""
    offer, need = (Posting.objects.get(pk=pk) for pk in (deal.row.offer_id, deal.row.need_id))
    return deal.fresh().fulfilled, offer.fulfilled, need.fulfilled


def test_partial_deliveries_add_up_until_all_is_fulfilled(deal: Deal) -> None:
    first = deal.accept(deal.deliver(120))
    assert (first.state, quantities(deal)) == ("confirmed", (120, 120, 120))
    assert deal.fresh().state == "agreed"
    deal.accept(deal.deliver(80))
    assert (deal.fresh().state, quantities(deal)) == ("fulfilled", (200, 200, 200))
    assert Posting.objects.get(pk=deal.row.need_id).state == "fulfilled"
    assert Posting.objects.get(pk=deal.row.offer_id).state == "open"
    entry = AuditEntry.objects.filter(action="exchange.judge_delivery").latest("id")
    assert (entry.actor_id, entry.object_kind) == (deal.zhao.user.pk, "delivery")
    with pytest.raises(Conflict):
        deal.deliver(1)


def test_what_is_contested_counts_only_as_far_as_it_is_accepted(deal: Deal) -> None:
    with pytest.raises(Invalid):
        deal.accept(deal.deliver(100), 70)
    waiting = Delivery.objects.get()
    found = deal.accept(waiting, 70, "三十公斤受潮")
    assert (found.state, found.accepted, quantities(deal)) == ("contested", 70, (70, 70, 70))
    with pytest.raises(Conflict):
        deal.accept(found)
    deal.accept(deal.deliver(130))
    assert deal.fresh().state == "fulfilled"


def test_each_side_does_its_part_and_strangers_nothing(deal: Deal) -> None:
    with pytest.raises(Hidden):
        deal.deliver(10, actor=deal.zhao.actor)
    for stranger in (
        people.zhao(organisation("别家").pk),
        people.outsider(),
        people.li(people.villages()[5]),
    ):
        with pytest.raises(Hidden):
            deal.deliver(10, actor=stranger.actor)
    row = deal.deliver(10)
    with pytest.raises(Hidden):
        deal.judge(deal.li.actor, row, 10)
    with pytest.raises(Refused):
        deal.deliver(10, actor=people.auditor().actor)
    with pytest.raises(Stale):
        actions.judge_delivery(actor=deal.zhao.actor, delivery_id=row.pk, version=9, accepted=10)
    assert quantities(deal) == (0, 0, 0)


def test_no_more_is_recorded_than_is_still_to_come_and_not_for_tomorrow(deal: Deal) -> None:
    deal.deliver(150)
    for quantity in (51, 0, -1, 10**10):
        with pytest.raises(Invalid):
            deal.deliver(quantity)
    with pytest.raises(Invalid):
        deal.deliver(10, delivered_on=clock.today() + timedelta(days=1))
    with pytest.raises(Invalid):
        deal.deliver(10, delivered_on=clock.today() - timedelta(days=30))
    waiting = Delivery.objects.get()
    with pytest.raises(Hidden):
        actions.withdraw_delivery(actor=deal.zhao.actor, delivery_id=waiting.pk, version=1)
    actions.withdraw_delivery(actor=deal.li.actor, delivery_id=waiting.pk, version=1)
    deal.deliver(200)


def test_papers_and_notices_reach_the_other_side(deal: Deal) -> None:
    row = deal.deliver(100, uploads=[paper()])
    found = Paper.objects.get(about_kind="delivery", about_id=row.pk)
    _row, content = actions.open_paper(deal.zhao.actor, paper_id=found.pk)
    assert content.startswith(b"\x89PNG")
    with pytest.raises(Hidden):
        actions.open_paper(people.zhao(organisation("别家").pk).actor, paper_id=found.pk)
    told = Message.objects.filter(reference_kind="agreement", recipient=deal.zhao.user)
    assert told.filter(title__contains="请确认收货").count() == 1
    with pytest.raises(Invalid):
        deal.deliver(10, uploads=[paper("坏.exe")])
    assert Delivery.objects.count() == 1


def test_whoever_is_told_reads_it_in_the_own_language_whatever_the_writer_s(deal: Deal) -> None:
    with override("en"):
        deal.deliver(100)
    told = Message.objects.get(title__contains="请确认收货", recipient=deal.zhao.user)
    assert told.title.endswith("100 公斤") and told.heading == told.title
    client = deal.zhao.client()
    assert told.title in client.get("/messages/").content.decode()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    for address in ("/messages/", f"/messages/{told.pk}"):
        page = client.get(address).content.decode()
        assert "Please confirm" in page and "walnuts 100 kg" in page.lower(), page[-3000:]
        assert "请确认收货" not in page and "公斤" not in page
    page = client.get(f"/exchange/agreements/{deal.row.pk}").content.decode()
    assert "The signed text is Chinese." in page and "签字的文本" not in page


def test_a_reason_chosen_from_the_list_is_read_in_either_language(deal: Deal) -> None:
    assert as_said("太远") == own_words("太远") == "太远"  # typed, not chosen
    with override("en"):
        assert own_words(in_chinese(Why.DISTANCE.label)) == str(Why.DISTANCE.label) != "太远或运输不便"
        assert own_words(BY_ORDER) != BY_ORDER and own_words("太远") == "太远"


def test_the_database_refuses_sums_that_do_not_fit(deal: Deal) -> None:
    row = deal.accept(deal.deliver(120))
    attacks = (
        lambda: Agreement.objects.filter(pk=deal.row.pk).update(fulfilled=200),
        lambda: Agreement.objects.filter(pk=deal.row.pk).update(fulfilled=201),
        lambda: Agreement.objects.filter(pk=deal.row.pk).update(fulfilled=0),
        lambda: Agreement.objects.filter(pk=deal.row.pk).update(state="fulfilled"),
        lambda: Delivery.objects.filter(pk=row.pk).update(accepted=0),
        lambda: Delivery.objects.filter(pk=row.pk).update(quantity=500),
        lambda: Posting.objects.filter(pk=deal.row.offer_id).update(fulfilled=201),
    )
    for attack in attacks:
        with pytest.raises(IntegrityError), transaction.atomic():
            attack()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db(transaction=True)
def test_two_connections_that_count_at_once_do_not_lose_a_delivery() -> None:
    deal = Deal()
    first, second = deal.deliver(110), deal.deliver(90)
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def overwrite(row: Delivery) -> None:
        """Each counts its own delivery and knows nothing of the other's."""
        try:
            with transaction.atomic():
                Delivery.objects.filter(pk=row.pk).update(
                    state="confirmed",
                    accepted=row.quantity,
                    judged_by_id=deal.zhao.user.pk,
                    judged_at=clock.now(),
                )
                start.wait(30)
                Agreement.objects.filter(pk=deal.row.pk).update(fulfilled=row.quantity)
                numbers = [deal.row.offer_id, deal.row.need_id]
                Posting.objects.filter(pk__in=numbers).update(fulfilled=row.quantity)
            outcomes.append("counted")
        except IntegrityError:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=overwrite, args=(row,)) for row in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["counted", "refused"]
    assert len(set(quantities(deal))) == 1
