"""Whom a run concerns is found without loops, however many proposals it sent a moment ago."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from tests import people
from yuchang.exchange.actions import telling
from yuchang.exchange.actions.telling import Words


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's steps, the first before those it is made of."""
    yield plan
    for part in plan.get("Plans", []):
        yield from steps(part)


@pytest.mark.django_db
def test_the_postings_of_a_large_run_are_read_once_even_if_the_planner_takes_it_for_empty() -> None:
    given = telling._given(people.wang().actor, Words("一", "%s"), "", "/%s/", "/", "run-1")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {telling._RUN_NOTICES}", [*given, 1])
        plan = cursor.fetchone()[0][0]["Plan"]
    sides = next(step for step in steps(plan) if step.get("Subplan Name") == "CTE sides")
    assert "exchange_posting" in {step.get("Relation Name") for step in steps(sides)}
    assert "Nested Loop" not in {step["Node Type"] for step in steps(sides)}
