"""A round is filled, delivered and settled by a process that is killed again and again.

Killed (SIGKILL) before or after any SQL statement, at any moment in between, and after the last commit before
the reply: whoever runs it again ends with exactly what an uninterrupted run would have left.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from yuchang.accounts.rules import Actor
from yuchang.ledger.models import Leg
from yuchang.market.actions.goods import deliver_rounds, dispatch_rounds, fulfil_rounds
from yuchang.market.actions.settlements import settle_rounds
from yuchang.market.models import Allocation, Order, Round, Settlement
from yuchang.market.tests.processes import fork
from yuchang.market.tests.world import World, build


def finish(actor: Actor, round_id: int) -> None:
    """Everything from the closed round to the settled one; steps done before are not done again."""
    fulfil_rounds(actor=actor, round_ids=[round_id])
    if Round.objects.get(pk=round_id).state == Round.State.FULFILLED:
        dispatch_rounds(actor=actor, round_ids=[round_id])
        deliver_rounds(actor=actor, round_ids=[round_id])
        settle_rounds(actor=actor, round_ids=[round_id])


def sold_out_round() -> World:
    """Seven growers, nine paid orders of three sizes, and a harvest that is not enough."""
    world = build((37, 29, 23, 19, 13, 11, 7))
    for number in range(9):
        world.pay(world.order((21, 13, 8)[number % 3]))
    world.close()
    world.harvest(37, 20, 23, 19, 5, 11, 7)
    return world


def content(world: World) -> str:
    """Everything that the round left behind, without numbers that differ from run to run, hashed."""
    orders = list(Order.objects.filter(round=world.round).order_by("id"))
    order_of = {order.pk: i for i, order in enumerate(orders)}
    grower_of = {household.pk: i for i, household in enumerate(world.growers)}
    legs = Leg.objects.filter(transaction__source="market.order")
    legs = legs.filter(transaction__source_id__in=[str(pk) for pk in order_of])
    found: dict[str, Any] = {
        "round": Round.objects.get(pk=world.round.pk).state,
        "orders": [
            (o.state, o.total_fen, [line.fulfilled for line in o.lines.order_by("id")]) for o in orders
        ],
        "lots": sorted((grower_of[lot.household_id], lot.sold) for lot in world.offer.lots.all()),
        "allocations": sorted(
            (order_of[a.line.order_id], grower_of[a.household_id], a.quantity)
            for a in Allocation.objects.filter(line__order__in=orders).select_related("line")
        ),
        "settlements": [
            (order_of[s.order_id], s.paid_fen, s.refunded_fen, s.households_fen, s.residual_fen)
            for s in Settlement.objects.filter(order__in=orders).order_by("order_id")
        ],
        "legs": sorted(
            (
                order_of[int(leg.transaction.source_id)],
                leg.transaction.kind,
                leg.account.kind,
                grower_of.get(leg.household_id or 0, -1),
                leg.amount_fen,
                leg.way,
            )
            for leg in legs.select_related("transaction", "account")
        ),
    }
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(statement: int, after: bool) -> Callable[..., Any]:
    """A wrapper of every SQL statement that kills the process before or after the n-th."""
    count = 0

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        count += 1
        if count == statement and not after:
            die()
        result = execute(sql, params, many, context)
        if count == statement and after:
            die()
        return result

    return wrapper


def count_statements(call: Callable[[], Any]) -> int:
    """How many statements an uninterrupted run takes."""
    count = 0

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        count += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        call()
    return count


def run_and_kill(call: Callable[[], Any], statement: int, after: bool, delay: float | None = None) -> None:
    """One run in a process of its own that does not live to reply."""

    def child() -> str:
        with connection.execute_wrapper(killed_at(statement, after)):
            call()
        die()
        return "survived"

    running = fork(child)
    running.go()
    if delay is not None:
        time.sleep(delay)
        os.kill(running.pid, signal.SIGKILL)
    assert running.wait() is None


def check_kills(kills: int, seed: int) -> None:
    chance = random.Random(seed)
    calm = sold_out_round()
    statements = count_statements(partial(finish, calm.wang, calm.round.pk))
    expected = content(calm)
    assert calm.reload().round.state == "settled"
    done = 0
    while done < kills:
        world = sold_out_round()
        run = partial(finish, world.wang, world.round.pk)
        while done < kills and Round.objects.get(pk=world.round.pk).state != Round.State.SETTLED:
            at_any_moment = chance.random() < 0.3
            delay = chance.uniform(0.0, 0.25) if at_any_moment else None
            run_and_kill(run, chance.randint(1, statements), chance.random() < 0.5, delay)
            done += 1
        run_and_kill(run, statements * 2, True)  # after the last commit, before the reply
        run()
        assert content(world) == expected


@pytest.mark.django_db(transaction=True)
def test_a_settlement_killed_at_any_point_ends_as_if_it_had_not_been() -> None:
    check_kills(6, seed=1)


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
def test_fifty_kills() -> None:
    check_kills(50, seed=2)
