"""Publications beside each other and beside those who withdraw, each on a connection of its own, interleaved."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, YuchangError
from yuchang.exchange import actions
from yuchang.exchange.actions import portions
from yuchang.exchange.budgets import budgets_free
from yuchang.exchange.clearing.terms import Parameters
from yuchang.exchange.models import Clearing, Match, Posting, Publication, Unsent
from yuchang.exchange.tests.test_budget_pages import Rich
from yuchang.exchange.tests.world import Market, facts, household
from yuchang.messages.models import Message

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = """
    SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE NOT l.granted AND a.datname = current_database()
"""


class Course(threading.Thread):
    """A call on a connection of its own, which may stop after the first statement that holds ``stop_after``."""

    def __init__(self, call: Callable[[], Any], stop_after: str = "") -> None:
        super().__init__(daemon=True)
        self.call, self.stop_after = call, stop_after
        self.stopped, self.go_on = threading.Event(), threading.Event()
        self.refused: YuchangError | None = None
        self.start()
        if stop_after:
            assert self.stopped.wait(20)

    def run(self) -> None:
        try:
            with connection.execute_wrapper(self._statement):
                self.call()
        except YuchangError as error:
            self.refused = error
        finally:
            connection.close()

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if self.stop_after and self.stop_after in sql and not self.stopped.is_set():
            self.stopped.set()
            assert self.go_on.wait(20)
        return result

    def end(self) -> YuchangError | None:
        """Let it go on to its end; what refused it."""
        self.go_on.set()
        self.join(30)
        assert not self.is_alive()
        return self.refused


def somebody_waits() -> bool:
    """Whether a connection comes to wait for another's lock, asked again and again for a while."""
    for _again in range(5_000):
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            if cursor.fetchone() != (0,):
                return True
    return False


class TwoCounties(Rich):
    """成县 sells walnuts, 秦安县 honey, to the firm of 文县, which can pay for either and not for both."""

    def __init__(self) -> None:
        super().__init__()
        self.qin = people.county("620522000000")
        self.other_wang = people.wang(self.qin)
        home = household(people.villages(self.qin.code)[0], "秦安户")
        honey = {"category": "goods.honey", "quantity": 200}
        actions.post(actor=self.zhao.actor, facts=facts("need", organisation_id=self.firm.pk, **honey))
        actions.post(
            actor=people.li(home.place).actor,
            facts=facts("offer", household_id=home.pk, limit_fen=2000, **honey),
        )

    def honey_run(self) -> Clearing:
        draft = actions.run_clearing(actor=self.other_wang.actor, on=clock.today(), county=self.qin)
        asked = Parameters(has_budgets=True)
        row = actions.add_scenario(actor=self.other_wang.actor, draft_id=draft.pk, name="预算", asked=asked)
        actions.compute_scenario(row.pk)
        return Clearing.objects.get(draft=draft)


def test_two_counties_publishing_at_once_do_not_count_one_budget_twice() -> None:
    market = TwoCounties()
    walnuts, honey = market.scenario_run(Parameters(has_budgets=True)), market.honey_run()
    pay = {walnuts.pk: market.wang.actor, honey.pk: market.other_wang.actor}

    def publish(run: Clearing) -> Callable[[], Any]:
        return lambda: actions.publish_clearing(actor=pay[run.pk], clearing_id=run.pk, version=1)

    first = Course(
        publish(walnuts), "FROM exchange_budget b"
    )  # it has locked the budget and read what is left
    second = Course(publish(honey))
    assert somebody_waits()
    assert first.end() is None
    refused = second.end()
    assert isinstance(refused, Conflict)
    assert "预算剩得" in str(refused)
    assert budgets_free([market.firm.pk], clock.today()) == {market.firm.pk: 0}
    assert set(Match.objects.values_list("clearing_id", flat=True)) == {walnuts.pk}
    assert Publication.objects.get(clearing=honey).state == "failed"
    assert not Unsent.objects.exists()


def test_a_budget_is_held_by_what_is_decided_and_not_sent_yet_and_set_after_it() -> None:
    market = TwoCounties()
    walnuts, honey = market.scenario_run(Parameters(has_budgets=True)), market.honey_run()
    row = actions.ask_publication(actor=market.wang.actor, clearing_id=walnuts.pk, version=1)
    sending = Course(lambda: actions.carry_out_publication(row.pk), "INSERT INTO exchange_match")
    assert Unsent.objects.count() == walnuts.match_count > 0  # its portion is not committed
    assert budgets_free([market.firm.pk], clock.today()) == {market.firm.pk: 0}
    with pytest.raises(Conflict, match="预算剩得"):
        actions.publish_clearing(actor=market.other_wang.actor, clearing_id=honey.pk, version=1)
    assert sending.end() is None
    setting = Course(lambda: market.pay(520_000, version=1), 'UPDATE "exchange_budget"')
    deciding = Course(
        lambda: actions.publish_clearing(actor=market.other_wang.actor, clearing_id=honey.pk, version=1)
    )
    assert somebody_waits()  # for the budget that is being set
    assert setting.end() is None
    assert deciding.end() is None
    assert set(Match.objects.values_list("clearing_id", flat=True)) == {walnuts.pk, honey.pk}


def _two_offers() -> tuple[Market, Publication]:
    market = Market()
    home = household(name="户二")
    actions.post(
        actor=market.li.actor, facts=facts("offer", household_id=home.pk, quantity=90, limit_fen=1900)
    )
    run = market.run()
    assert run.match_count == 2
    return market, actions.ask_publication(actor=market.wang.actor, clearing_id=run.pk, version=1)


def test_who_withdraws_a_posting_while_its_proposal_goes_out_takes_the_proposal_back() -> None:
    market, row = _two_offers()
    sending = Course(lambda: actions.carry_out_publication(row.pk), "INSERT INTO exchange_match")

    def withdraw() -> None:
        actions.withdraw_posting(actor=market.li.actor, posting_id=market.offer.pk, version=1, reason="已卖")

    withdrawing = Course(withdraw)
    assert somebody_waits()
    assert sending.end() is None
    assert withdrawing.end() is None
    assert Match.objects.get(offer=market.offer).state == "superseded"
    assert Match.objects.exclude(offer=market.offer).get().state == "proposed"
    row.refresh_from_db()
    assert (row.state, row.sent) == ("done", 2)


def test_a_posting_being_withdrawn_is_waited_for_and_its_proposal_does_not_go_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, row = _two_offers()
    sending = Course(lambda: actions.carry_out_publication(row.pk), "DELETE FROM exchange_unsent x")
    withdrawing = Course(
        lambda: actions.withdraw_posting(
            actor=market.li.actor, posting_id=market.offer.pk, version=1, reason="已卖"
        ),
        "DELETE FROM exchange_unsent WHERE offer_id",
    )
    sending.go_on.set()
    assert somebody_waits()
    assert withdrawing.end() is None
    assert sending.end() is None
    assert not Match.objects.filter(offer=market.offer).exists()
    assert Match.objects.get().state == "proposed"
    assert Posting.objects.get(pk=market.offer.pk).state == "withdrawn"
    row.refresh_from_db()
    assert (row.state, row.sent, row.total) == ("done", 1, 2)


def test_two_workers_on_one_publication_send_and_tell_once(monkeypatch: pytest.MonkeyPatch) -> None:
    market, row = _two_offers()
    monkeypatch.setattr(portions, "PORTION", 1)
    one = Course(lambda: actions.carry_out_publication(row.pk), "INSERT INTO exchange_match")
    other = Course(lambda: actions.carry_out_publication(row.pk))
    assert somebody_waits()
    assert one.end() is None
    assert other.end() is None
    row.refresh_from_db()
    assert (row.state, row.sent) == ("done", 2)
    assert Match.objects.count() == 2
    told = Message.objects.filter(kind="deal").values_list("recipient_id", flat=True)
    assert sorted(told) == sorted([market.li.user.pk, market.zhao.user.pk])
