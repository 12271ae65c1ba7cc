"""Sequences of calls: what one machine did is what it and its neighbour read, whatever came before."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests import people
from yuchang.accounts.rules import SYSTEM
from yuchang.api.tests.machines import Machine
from yuchang.core.models import AuditEntry
from yuchang.exchange.actions import sync_categories

EXAMPLES, STEPS = 3, 8
NIGHTLY_EXAMPLES, NIGHTLY_STEPS = 60, 40
_keys = count(1)


class Postings(RuleBasedStateMachine):
    """Post, repeat, read, withdraw with the right version and with another, as owner and as neighbour.

    ``known`` is what must be: number → the posting as the last successful call showed it.
    """

    open_ones, withdrawn = Bundle("open"), Bundle("withdrawn")

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.village = people.villages()[0].pk
        self.own = Machine(people.wang())
        self.neighbour = Machine(people.wang(people.county(people.WEN)))
        self.known: dict[int, dict[str, Any]] = {}
        self.before = AuditEntry.objects.count()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def body(self, quantity: int) -> dict[str, Any]:
        day = {"window_from": "2026-12-01", "window_to": "2027-03-01"}
        facts = {"direction": "offer", "category": "goods.walnut", "quantity": quantity, "limit_fen": 2000}
        return facts | day | {"village_id": self.village}

    def is_there(self, quantity: int) -> bool:
        """Whether the very same posting is open: nobody has one twice."""
        return any(row["quantity"] == quantity and row["state"] == "open" for row in self.known.values())

    @rule(target=open_ones, quantity=st.integers(1, 999))
    def post(self, quantity: int) -> Any:
        reply = self.own.post("/postings", self.body(quantity))
        if self.is_there(quantity):
            assert reply.status_code == 409 and reply.json()["remedy"], reply.content
            return multiple()
        assert reply.status_code == 201, reply.content
        made = reply.json()
        assert made["id"] not in self.known and made["quantity"] == quantity
        self.known[made["id"]] = made
        return made["id"]

    @rule(target=open_ones, quantity=st.integers(1, 999), times=st.integers(2, 3))
    def post_again_with_the_same_key(self, quantity: int, times: int) -> Any:
        key = f"sequence-{next(_keys):08}"
        replies = [self.own.post("/postings", self.body(quantity), key=key) for _n in range(times)]
        if self.is_there(quantity):
            assert {reply.status_code for reply in replies} == {409}
            return multiple()
        assert {reply.status_code for reply in replies} == {201}
        assert len({reply.json()["id"] for reply in replies}) == 1
        assert self.own.post("/postings", self.body(quantity + 1), key=key).status_code in (409, 422)
        made = replies[0].json()
        self.known[made["id"]] = made
        return made["id"]

    @rule(quantity=st.sampled_from([0, -1, 10**15]))
    def post_nonsense(self, quantity: int) -> None:
        reply = self.own.post("/postings", self.body(quantity))
        assert reply.status_code == 422 and reply.json()["message"], reply.content

    @rule(quantity=st.integers(1, 9))
    def post_elsewhere(self, quantity: int) -> None:
        reply = self.neighbour.post("/postings", self.body(quantity))
        assert reply.status_code in (403, 404), reply.content.decode()

    @rule(number=open_ones, off=st.integers(-1, 3).filter(bool))
    def withdraw_with_another_version(self, number: int, off: int) -> None:
        asked = {"version": self.known[number]["version"] + off, "reason": "已卖出"}
        reply = self.own.post(f"/postings/{number}/withdraw", asked)
        assert reply.status_code in (409, 422) and reply.json()["remedy"], reply.content

    @rule(target=withdrawn, number=consumes(open_ones))
    def withdraw(self, number: int) -> Any:
        asked = {"version": self.known[number]["version"], "reason": "已卖出"}
        assert self.neighbour.post(f"/postings/{number}/withdraw", asked).status_code == 404
        reply = self.own.post(f"/postings/{number}/withdraw", asked)
        assert reply.status_code == 200, reply.content
        assert reply.json()["version"] == asked["version"] + 1
        self.known[number] = reply.json()
        return multiple(number)

    @rule(number=withdrawn)
    def withdraw_once_more(self, number: int) -> None:
        asked = {"version": self.known[number]["version"], "reason": "已卖出"}
        assert self.own.post(f"/postings/{number}/withdraw", asked).status_code == 409

    @invariant()
    def what_is_read_is_what_was_done(self) -> None:
        listed = {row["id"]: row for row in self.own.get("/postings", limit=200).json()["items"]}
        assert listed == self.known
        for number, row in list(self.known.items())[-2:]:
            assert self.own.get(f"/postings/{number}").json() == row
            assert self.neighbour.get(f"/postings/{number}").status_code == 404


def _run(examples: int, steps: int) -> None:
    sync_categories(actor=SYSTEM)
    run_state_machine_as_test(
        Postings,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_sequence_of_calls_is_read_as_it_was_written(db: None) -> None:
    _run(EXAMPLES, STEPS)


@pytest.mark.nightly
def test_long_sequences_are_read_as_they_were_written(db: None) -> None:
    _run(NIGHTLY_EXAMPLES, NIGHTLY_STEPS)
