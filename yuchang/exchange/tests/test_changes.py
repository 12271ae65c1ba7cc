"""What would place a posting: every change named is tried, and the clearing gains by it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from yuchang.exchange.clearing.changes import changes
from yuchang.exchange.clearing.engine import clear
from yuchang.exchange.clearing.problem import Problem
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems


@calm
@given(problems(most=12))
def test_every_change_named_places_the_posting(market: Problem) -> None:
    result = clear(market)
    for change in changes(market, result):
        again = clear(change.applied(market))
        assert again.welfare_fen > result.welfare_fen
        assert ((again.offer == change.posting) | (again.need == change.posting)).any()


@pytest.mark.parametrize(
    ("rows", "kind", "amount"),
    [
        ([offer(953), need(950)], "price", 10),
        ([offer(5), offer(3), need(90, quantity=1)], "price", 10),
        ([offer(1, start=0, end=3), need(9, start=10, end=12)], "later", 7),
        ([offer(1, start=20, end=23), need(9, start=10, end=12)], "earlier", 8),
        ([offer(1, radius=50), need(90, county=1)], "radius", 94),
    ],
)
def test_the_least_change_of_each_kind_is_named(rows: list[dict[str, Any]], kind: str, amount: int) -> None:
    rows = [{**row, "limit": row["limit"] + (100 if kind == "price" else 0)} for row in rows]
    market = problem(rows)
    found = [c for c in changes(market, clear(market)) if c.posting == 0]
    assert [(c.kind, c.amount) for c in found] == [(kind, amount)]


def test_where_no_single_change_helps_none_is_named() -> None:
    market = problem([offer(1, start=0, end=3, radius=10), need(9, start=10, end=12, county=1)])
    assert changes(market, clear(market)) == []
