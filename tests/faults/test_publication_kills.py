"""A run is published by a process that is killed again and again: nothing is lost, nothing goes out twice.

Killed (SIGKILL) before or after any SQL statement, or at any moment in between; whoever carries the publication
out again ends with exactly what an uninterrupted one would have left.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.faults.test_settlement_kills import count_statements, run_and_kill
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.actions import portions
from yuchang.exchange.models import Clearing, Leftover, Match, Publication, Seen, Unsent
from yuchang.exchange.tests.world import Market, facts, household
from yuchang.messages.models import Message

HOMES = 7


def ask(market: Market) -> Publication:
    """A run that takes back the proposals of the one before, about to be published."""
    run = market.run()
    return actions.ask_publication(actor=market.wang.actor, clearing_id=run.pk, version=1)


def content(row: Publication) -> dict[str, Any]:
    """Everything that a publication left behind, without numbers that differ from run to run."""
    matches = Match.objects.filter(clearing=row.clearing_id)
    terms = matches.values_list("offer", "need", "quantity", "price_fen", "state")
    noted = AuditEntry.objects.filter(action="exchange.publish_clearing", object_kind="match")
    entries = noted.filter(object_id__in=[str(pk) for pk in matches.values_list("pk", flat=True)])
    return {
        "matches": sorted(terms),
        "noted": entries.count(),
        "live": Match.objects.filter(state="proposed").count(),
        "seen": Seen.objects.filter(clearing=row.clearing_id).count(),
        "left": sorted(Leftover.objects.filter(clearing=row.clearing_id).values_list("posting", "code")),
        "unsent": Unsent.objects.count(),
        "state": (Clearing.objects.get(pk=row.clearing_id).state, Publication.objects.get(pk=row.pk).sent),
    }


def told() -> Counter[int]:
    """How many notices of proposals each person has."""
    return Counter(Message.objects.filter(kind="deal").values_list("recipient_id", flat=True))


def check_kills(publications: int, seed: int) -> None:
    chance = random.Random(seed)
    market = Market()
    for k in range(HOMES):
        home = household(name=f"户{k}")
        actions.post(actor=market.li.actor, facts=facts("offer", household_id=home.pk, quantity=20 + k))
    actions.post(actor=market.zhao.actor, facts=facts("need", organisation_id=market.firm.pk, quantity=90))
    calm = ask(market)
    actions.carry_out_publication(calm.pk)
    calm = ask(market)  # the second one has something to take back
    statements = count_statements(partial(actions.carry_out_publication, calm.pk))
    expected, before = content(calm), told()
    assert expected["state"] == ("published", len(expected["matches"]))
    for _n in range(publications):
        row = ask(market)
        run = partial(actions.carry_out_publication, row.pk)
        for _kill in range(3):
            run_and_kill(run, chance.randint(1, statements), chance.random() < 0.5)
        run_and_kill(run, statements * 2, True)  # after the last commit, before the reply
        assert content(row) == expected
        assert told() == before + Counter(dict.fromkeys(before, 1))
        before = told()


@pytest.mark.django_db(transaction=True)
def test_a_publication_killed_at_any_point_ends_as_if_it_had_not_been(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(portions, "PORTION", 2)
    monkeypatch.setattr(portions, "ROWS", 4)
    check_kills(2, seed=1)


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
def test_sixty_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "PORTION", 2)
    monkeypatch.setattr(portions, "ROWS", 4)
    check_kills(20, seed=2)
