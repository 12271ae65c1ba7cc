"""A team carries an agreement: tasks, milestones of both sides, its text on paper, and an early end."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from docx import Document

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions, contracts, queries, queries_deals
from yuchang.exchange.models import Agreement, DealMember, DealTask, Milestone, Paper, Posting
from yuchang.exchange.rules_deals import amount_words
from yuchang.exchange.tests.deals import Deal, paper, proposal
from yuchang.exchange.tests.world import Market, organisation
from yuchang.messages.models import Message

pytestmark = pytest.mark.django_db
SOON = date(2026, 12, 20)


@pytest.fixture
def deal() -> Deal:
    return Deal()


def milestone(deal: Deal, side: str = "offer", **more: object) -> Milestone:
    actor = deal.li.actor if side == "offer" else deal.zhao.actor
    given = {"what": "首批", "due_on": SOON, "quantity": 120} | more
    return actions.propose_milestone(actor=actor, agreement_id=deal.row.pk, side=side, **given)


def test_the_team_comes_from_both_sides_and_the_township(deal: Deal) -> None:
    reviewer = people.zhang()
    found = {one.user_id: one.part for one in queries_deals.candidates(deal.row)}
    assert found[deal.li.user.pk] == "offer"
    assert found[deal.zhao.user.pk] == "need"
    assert found[reviewer.user.pk] == "staff"
    assert deal.outsider.user.pk not in found
    row = actions.add_member(
        actor=deal.zhao.actor, agreement_id=deal.row.pk, user_id=reviewer.user.pk, duty="quality"
    )
    assert (row.part, Message.objects.filter(recipient=reviewer.user).count()) == ("staff", 1)
    for user in (reviewer.user.pk, deal.outsider.user.pk):
        with pytest.raises(Invalid):
            actions.add_member(actor=deal.li.actor, agreement_id=deal.row.pk, user_id=user, duty="lead")
    with pytest.raises(Hidden):
        actions.add_member(
            actor=deal.outsider.actor, agreement_id=deal.row.pk, user_id=deal.li.user.pk, duty="lead"
        )


def test_a_task_asks_its_person_and_is_done_with_a_result_and_papers(deal: Deal) -> None:
    member = actions.add_member(
        actor=deal.li.actor, agreement_id=deal.row.pk, user_id=deal.second_li.user.pk, duty="quality"
    )
    given = {"actor": deal.li.actor, "agreement_id": deal.row.pk, "kind": "sample", "what": "寄两公斤样品"}
    with pytest.raises(Invalid):
        actions.add_task(**given, due_on=clock.today() - timedelta(days=1))
    row = actions.add_task(**given, due_on=SOON, member_id=member.pk)
    asked = Message.objects.get(recipient=deal.second_li.user, kind="task")
    assert (asked.due_on, asked.settled_at) == (SOON, None)
    with pytest.raises(Hidden):
        actions.finish_task(actor=deal.zhao.actor, task_id=row.pk, version=1, side="offer", result="收到")
    done = actions.finish_task(
        actor=deal.zhao.actor, task_id=row.pk, version=1, side="need", result="样品合格", uploads=[paper()]
    )
    asked.refresh_from_db()
    assert done.done_by_id == deal.zhao.user.pk and asked.settled_at is not None
    assert Paper.objects.get(about_kind="task").about_id == row.pk
    with pytest.raises(Conflict):
        actions.drop_task(actor=deal.li.actor, task_id=row.pk, version=2, reason="不用了")
    other = actions.add_task(**given, due_on=SOON, member_id=member.pk)
    actions.end_member(actor=deal.li.actor, member_id=member.pk, version=1)
    assert DealTask.objects.get(pk=other.pk).member_id is None
    assert not DealMember.objects.filter(ended_at=None).exists()


def test_a_milestone_holds_when_the_other_side_agrees(deal: Deal) -> None:
    row = milestone(deal)
    answer = {"milestone_id": row.pk, "version": 1, "agrees": True}
    for actor, side, error in (
        (deal.second_li.actor, "offer", Refused),
        (deal.li.actor, "need", Hidden),
        (deal.outsider.actor, "need", Hidden),
    ):
        with pytest.raises(error):
            actions.answer_milestone(actor=actor, side=side, **answer)
    assert actions.answer_milestone(actor=deal.zhao.actor, side="need", **answer).state == "agreed"
    for bad in ({"quantity": 81}, {"quantity": 0}, {"share_bp": 10}, {"due_on": date(2026, 1, 1)}):
        with pytest.raises(Invalid):
            milestone(deal, **bad)
    with pytest.raises(Invalid):
        milestone(deal, quantity=None, share_bp=10_001)
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.filter(pk=row.pk).update(quantity=10)
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.create(
            agreement=deal.row,
            what="再来",
            due_on=SOON,
            quantity=81,
            proposed_side="offer",
            proposed_by_id=deal.li.user.pk,
            answered_by_id=deal.zhao.user.pk,
            state="agreed",
        )


def test_milestones_stand_met_late_or_ahead(deal: Deal) -> None:
    first, money = milestone(deal), milestone(deal, quantity=None, share_bp=3000, what="定金")
    for row in (first, money):
        actions.answer_milestone(
            actor=deal.zhao.actor, milestone_id=row.pk, version=1, side="need", agrees=True
        )
    assert [step.standing for step in queries_deals.steps_of(deal.fresh())] == ["ahead", "ahead"]
    deal.accept(deal.deliver(120))
    with pytest.raises(Hidden):
        actions.meet_milestone(actor=deal.zhao.actor, milestone_id=money.pk, version=2)
    actions.meet_milestone(actor=deal.li.actor, milestone_id=money.pk, version=2)
    assert [step.standing for step in queries_deals.steps_of(deal.fresh())] == ["met", "met"]


def test_an_agreement_ends_short_with_both_sides_yes_and_the_rest_is_open_again(deal: Deal) -> None:
    deal.accept(deal.deliver(120))
    ask = {"actor": deal.zhao.actor, "agreement_id": deal.row.pk, "side": "need", "reason": "歉收"}
    waiting = deal.deliver(10)
    with pytest.raises(Conflict):
        actions.ask_closing(**ask, version=deal.fresh().version)
    actions.withdraw_delivery(actor=deal.li.actor, delivery_id=waiting.pk, version=1)
    asked = actions.ask_closing(**ask, version=deal.fresh().version)
    answer = {"agreement_id": deal.row.pk, "version": asked.version, "agrees": True}
    with pytest.raises(Refused):
        actions.answer_closing(actor=deal.second_zhao.actor, side="need", **answer)
    found = actions.answer_closing(actor=deal.li.actor, side="offer", **answer)
    assert (found.state, found.fulfilled, found.closed_by_id) == ("closed", 120, deal.li.user.pk)
    need = Posting.objects.get(pk=deal.row.need_id)
    assert (need.state, need.agreed_quantity, need.fulfilled) == ("open", 120, 120)
    assert AuditEntry.objects.filter(action="exchange.answer_closing").exists()
    with pytest.raises(Conflict):
        deal.deliver(10)
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.filter(pk=deal.row.pk).update(state="agreed")


def test_the_other_side_may_also_go_on(deal: Deal) -> None:
    asked = actions.ask_closing(
        actor=deal.li.actor, agreement_id=deal.row.pk, version=2, side="offer", reason="歉收"
    )
    found = actions.answer_closing(
        actor=deal.zhao.actor, agreement_id=deal.row.pk, version=asked.version, side="need", agrees=False
    )
    assert (found.state, found.closing_side, found.closing_by_id) == ("agreed", "", None)


def test_the_contract_says_what_was_agreed_in_word_and_in_pdf(deal: Deal) -> None:
    milestone(deal)
    row = queries.agreement_for(deal.zhao.actor, deal.row.pk)
    text = contracts.contract_of(deal.zhao.actor, row, is_simulated=True)
    assert (text.mark, text.parties[0][1][:2]) == ("模拟数据，不具法律效力", "李四")
    assert "肆仟陆佰元整" in text.clauses[0][1]
    afar = contracts.contract_of(deal.outsider.actor, row, is_simulated=True)
    assert "李四" not in str(afar.parties)
    word = contracts.as_word(text)
    assert word == contracts.as_word(text)
    written = "\n".join(p.text for p in Document(io.BytesIO(word)).paragraphs)
    assert "购销协议" in written and "陇上商会" in written and "争议" in written
    assert contracts.as_pdf(text).startswith(b"%PDF")
    for form, start in (("docx", b"PK"), ("pdf", b"%PDF")):
        answer = deal.zhao.client().get(f"/exchange/agreements/{deal.row.pk}/contract.{form}")
        assert answer.content.startswith(start)
    assert deal.outsider.client().get("/exchange/agreements/0/contract.pdf").status_code == 404


def test_before_it_holds_the_contract_is_a_draft_without_the_household_s_name() -> None:
    market = Market()
    row = actions.propose_agreement(
        actor=market.li.actor,
        match_id=proposal(market).pk,
        version=1,
        side="offer",
        quantity=100,
        price_fen=2300,
        delivery_from=SOON,
        delivery_to=SOON,
    )
    found = queries.agreement_for(market.zhao.actor, row.pk)
    text = contracts.contract_of(market.zhao.actor, found, is_simulated=False)
    assert text.mark == "草稿，双方签字后生效" and "李四" not in str(text.parties)
    signed = actions.sign_with_scan(actor=market.zhao.actor, agreement_id=row.pk, version=1, scan=paper())
    assert (signed.state, Paper.objects.get().about_kind) == ("agreed", "scan")


def test_talk_attachments_are_read_by_both_sides_only() -> None:
    market = Market()
    match = proposal(market)
    line = actions.say(
        actor=market.li.actor, match_id=match.pk, side="offer", text="看照片", uploads=[paper("核桃.png")]
    )
    found = Paper.objects.get(about_kind="message", about_id=line.pk)
    page = market.zhao.client().get(f"/exchange/matches/{match.pk}").content.decode()
    assert "核桃.png" in page
    address = f"/exchange/papers/{found.pk}"
    assert market.zhao.client().get(address).content.startswith(b"\x89PNG")
    assert people.zhao(organisation("别家").pk).client().get(address).status_code == 404


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (105, "壹元零伍分"),
        (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
        (10_700_053, "壹拾万零柒仟元伍角叁分"),
        (10**10, "壹亿元整"),
    ],
)
def test_amounts_in_capital_numerals(fen: int, words: str) -> None:
    assert amount_words(fen) == words
