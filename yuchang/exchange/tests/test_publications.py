"""A run is published by a task: asked once, decided at one moment, sent out in portions, told once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Refused
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.actions import portions, publications
from yuchang.exchange.clearing.terms import Parameters
from yuchang.exchange.models import Clearing, Leftover, Match, Posting, Publication, Seen, Unsent
from yuchang.exchange.queries_console import LEFT_ALONE
from yuchang.exchange.tests.world import Market, facts, household
from yuchang.messages.models import Message

pytestmark = pytest.mark.django_db
PROGRESS = "exchange:publication_progress"


class Killed(BaseException):
    """What a killed process is to the code it runs."""


def several(count: int) -> tuple[Market, Clearing]:
    """A market whose run proposes to ``count`` households to sell to one firm."""
    market = Market()
    for k in range(count - 1):
        home = household(name=f"户{k}")
        actions.post(actor=market.li.actor, facts=facts("offer", household_id=home.pk, quantity=100 + k))
    much = facts("need", organisation_id=market.firm.pk, quantity=5000)
    actions.post(actor=market.zhao.actor, facts=much)
    run = market.run()
    assert run.match_count >= count
    return market, run


def ask(market: Market, run: Clearing) -> Publication:
    return actions.ask_publication(actor=market.wang.actor, clearing_id=run.pk, version=run.version)


def carry_on_until(
    monkeypatch: pytest.MonkeyPatch, row: Publication, *, portion: int = 2, sent: int = 1
) -> None:
    """Carry a publication out in small portions by a process that dies after some of them."""
    left = sent
    whole = publications.send_portion

    def dies(*args: Any) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        whole(*args)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(portions, "PORTION", portion)
        patched.setattr(publications, "send_portion", dies)
        actions.carry_out_publication(row.pk)
    row.refresh_from_db()


def test_an_officer_asks_waits_and_reads_the_outcome_and_both_sides_are_told_once() -> None:
    market, run = several(3)
    wang, page = market.wang.client(), reverse("exchange:clearing", args=[run.pk])
    publish = reverse("exchange:clearing_publish", args=[run.pk])
    assert wang.post(publish, {"version": 1}).status_code == 302
    row = Publication.objects.get()
    progress = reverse(PROGRESS, args=[row.pk])
    waiting = wang.get(page).content.decode()
    assert progress in waiting
    assert "排队中" in waiting
    assert publish not in waiting
    assert wang.get(progress).status_code == 200
    assert not Match.objects.exists()
    assert "正在发布" in wang.post(publish, {"version": 1}).content.decode()
    assert Publication.objects.count() == 1
    for _twice in range(2):
        actions.carry_out_publication(row.pk)
    assert wang.get(progress).headers["HX-Refresh"] == "true"
    done = wang.get(page).content.decode()
    assert f"已发出 {run.match_count} 条撮合建议" in done
    assert market.wang.user.display_name in done
    run.refresh_from_db()
    assert (run.state, run.published_by_id) == ("published", market.wang.user.pk)
    assert Match.objects.filter(clearing=run, state="proposed").count() == run.match_count
    told = Message.objects.filter(kind="deal")
    assert sorted(told.values_list("recipient_id", flat=True)) == sorted(
        [market.li.user.pk, market.zhao.user.pk]
    )
    assert {f"有 {run.match_count} 项新的撮合建议等您答复"} == set(told.values_list("title", flat=True))
    said = AuditEntry.objects.filter(object_kind="clearing", object_id=str(run.pk)).order_by("id")
    assert list(said.values_list("action", flat=True))[1:] == [
        "exchange.ask_publication",
        "exchange.decide_publication",
        "exchange.publish_clearing",
    ]


def test_nobody_out_of_reach_asks_or_watches() -> None:
    market, run = several(2)
    publish = reverse("exchange:clearing_publish", args=[run.pk])
    assert people.outsider().client().post(publish, {"version": 1}).status_code == 404
    for person in (market.li, market.zhao, people.auditor()):
        assert person.client().post(publish, {"version": 1}).status_code == 403
        with pytest.raises(Refused):
            actions.ask_publication(actor=person.actor, clearing_id=run.pk, version=1)
    with pytest.raises(Hidden):
        actions.ask_publication(actor=people.outsider().actor, clearing_id=run.pk, version=1)
    row = ask(market, run)
    assert people.outsider().client().get(reverse(PROGRESS, args=[row.pk])).status_code == 404
    assert people.auditor().client().get(reverse(PROGRESS, args=[row.pk])).status_code == 200


def test_a_worker_that_dies_between_portions_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, run = several(7)
    row = ask(market, run)
    carry_on_until(monkeypatch, row, sent=2)
    assert (row.state, row.stage, row.sent, row.total) == ("running", "send", 4, run.match_count)
    assert (
        Match.objects.filter(clearing=run).count() == 4
    )  # both sides see these, before the run is published
    assert Unsent.objects.count() == run.match_count - 4
    assert not Message.objects.filter(kind="deal").exists()
    run.refresh_from_db()
    assert run.state == "computed"
    page = market.wang.client().get(reverse("exchange:clearing", args=[run.pk])).content.decode()
    assert f"已发出 4 / {run.match_count} 条" in page
    seen, left = Seen.objects.count(), Leftover.objects.count()
    carry_on_until(monkeypatch, row, sent=1)
    assert row.sent == 6
    actions.carry_out_publication(row.pk)
    row.refresh_from_db()
    assert (row.state, row.sent, row.percent) == ("done", run.match_count, 100)
    assert (Seen.objects.count(), Leftover.objects.count()) == (seen, left)
    assert Match.objects.filter(clearing=run).count() == run.match_count
    noted = AuditEntry.objects.filter(action="exchange.publish_clearing", object_kind="match")
    assert noted.count() == noted.values("object_id").distinct().count() == run.match_count
    with pytest.raises(IntegrityError, match="is over"), transaction.atomic():
        Publication.objects.filter(pk=row.pk).update(sent=0)
    with pytest.raises(DatabaseError), transaction.atomic():
        row.delete()


def test_a_posting_withdrawn_while_its_run_goes_out_gets_no_proposal_and_the_others_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, run = several(5)
    row = ask(market, run)
    carry_on_until(monkeypatch, row)
    sent = Match.objects.values_list("offer_id", flat=True)
    offer = Posting.objects.get(pk=Unsent.objects.exclude(offer_id__in=sent).order_by("-id")[0].offer_id)
    gone = Unsent.objects.filter(offer_id=offer.pk).count()
    actions.withdraw_posting(actor=market.li.actor, posting_id=offer.pk, version=offer.version, reason="已卖")
    assert not Unsent.objects.filter(offer_id=offer.pk).exists()
    actions.carry_out_publication(row.pk)
    row.refresh_from_db()
    assert (row.state, row.sent, row.total) == ("done", run.match_count - gone, run.match_count)
    assert not Match.objects.filter(offer=offer).exists()
    assert Match.objects.filter(state="proposed").count() == run.match_count - gone


def test_a_run_on_its_way_out_is_neither_discarded_nor_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    market, run = several(3)
    rival = actions.add_scenario(
        actor=market.wang.actor, draft_id=run.pk, name="另一方案", asked=Parameters(lot_fen=1)
    )
    actions.compute_scenario(rival.pk)
    rival.refresh_from_db()
    row = ask(market, run)
    wang = market.wang.actor
    with pytest.raises(Conflict, match="不能作废"):
        actions.discard_clearing(actor=wang, clearing_id=run.pk, version=1, reason="不要了")
    with pytest.raises(Conflict, match="只能发布一个方案"):
        actions.ask_publication(actor=wang, clearing_id=rival.run_id, version=1)
    with pytest.raises(Conflict, match="已发布"):
        actions.add_scenario(actor=wang, draft_id=run.pk, name="三", asked=Parameters(has_budgets=True))
    with pytest.raises(IntegrityError), transaction.atomic():
        Publication.objects.create(
            clearing_id=rival.run_id, draft=run, asked_by_id=1, asked_by_name="甲", asked_at=clock.now()
        )
    compare = market.wang.client().get(reverse("exchange:compare", args=[run.pk])).content.decode()
    assert reverse(PROGRESS, args=[row.pk]) in compare
    assert "发布这个方案" not in compare
    carry_on_until(monkeypatch, row, portion=1)
    for state, why in (("discarded", "is decided"), ("published", "have not reached")):
        with pytest.raises(IntegrityError, match=why), transaction.atomic():
            Clearing.objects.filter(pk=run.pk).update(state=state, published_at=None)
    with pytest.raises(DatabaseError), transaction.atomic():
        Unsent.objects.update(quantity=1)


def test_a_failed_publication_says_why_and_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    market, run = several(3)
    row = ask(market, run)

    def down(*_args: Any) -> None:
        raise DatabaseError("disk full")

    with monkeypatch.context() as patched, pytest.raises(DatabaseError):
        patched.setattr(publications, "_check_unchanged", down)
        actions.carry_out_publication(row.pk)
    page, wang = reverse("exchange:clearing", args=[run.pk]), market.wang.client()
    said = wang.get(page).content.decode()
    assert "未能发布" in said
    assert "数据库未能写入" in said
    assert "发布给双方" in said
    assert not Match.objects.exists()
    assert ask(market, run).pk == row.pk
    carry_on_until(monkeypatch, row)
    with monkeypatch.context() as patched, pytest.raises(DatabaseError):
        patched.setattr(publications, "send_portion", down)
        actions.carry_out_publication(row.pk)
    said = wang.get(page).content.decode()
    assert f"已发出 2 / {run.match_count} 条" in said
    assert "接着发布" in said
    actions.carry_out_publication(row.pk)  # a task left over does not go on with what failed
    assert Match.objects.count() == 2
    again = ask(market, run)
    actions.carry_out_publication(again.pk)
    assert Match.objects.count() == run.match_count
    assert Message.objects.filter(kind="deal").count() == 2


def test_a_changed_posting_stops_it_before_anything_is_sent() -> None:
    market, run = several(3)
    row = ask(market, run)
    actions.withdraw_posting(actor=market.li.actor, posting_id=market.offer.pk, version=1, reason="已卖")
    actions.carry_out_publication(row.pk)
    row.refresh_from_db()
    assert (row.state, row.decided_at, row.total) == ("failed", None, 0)
    assert "1 条信息已变动" in row.message
    assert not (Match.objects.exists() or Unsent.objects.exists() or Seen.objects.exists())
    actions.discard_clearing(actor=market.wang.actor, clearing_id=run.pk, version=1, reason="重来")


def test_a_publication_whose_task_is_lost_may_be_asked_for_again() -> None:
    market, run = several(2)
    row = ask(market, run)
    with pytest.raises(Conflict, match="正在发布"):
        ask(market, run)
    Publication.objects.update(updated_at=timezone.now() - LEFT_ALONE)
    page = market.wang.client().get(reverse("exchange:clearing", args=[run.pk])).content.decode()
    assert "发布给双方" in page
    assert ask(market, run).pk == row.pk


def test_a_later_run_replaces_what_an_earlier_one_has_sent_and_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, first = several(5)
    second = market.run()
    row = ask(market, first)
    carry_on_until(monkeypatch, row)
    actions.publish_clearing(actor=market.wang.actor, clearing_id=second.pk, version=1)
    assert not Unsent.objects.exists()
    assert set(Match.objects.filter(clearing=first).values_list("state", flat=True)) == {"superseded"}
    actions.carry_out_publication(row.pk)
    row.refresh_from_db()
    assert (row.state, row.sent) == ("done", 2)
    assert Match.objects.filter(clearing=second, state="proposed").count() == second.match_count
    assert Match.objects.filter(clearing=first, state="proposed").count() == 0


def test_an_older_decision_leaves_a_newer_one_s_proposals(monkeypatch: pytest.MonkeyPatch) -> None:
    market, first = several(3)
    second = market.run()
    row = ask(market, first)

    def dies(*_args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(publications, "write_seen", dies)
        actions.carry_out_publication(row.pk)
    actions.publish_clearing(actor=market.wang.actor, clearing_id=second.pk, version=1)
    actions.carry_out_publication(row.pk)
    assert Match.objects.filter(clearing=second, state="proposed").count() == second.match_count
    assert not Match.objects.filter(clearing=first).exists()
