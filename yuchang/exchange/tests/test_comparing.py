"""Why not that partner: every answer follows from the run's prices and tells nobody's limit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from yuchang.exchange.clearing.engine import clear
from yuchang.exchange.clearing.problem import Problem
from yuchang.exchange.comparing import View, compare, others
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems


def view_of(market: Problem, barred: set[Any]) -> View:
    result = clear(market)
    pairs = zip(market.id[result.offer].tolist(), market.id[result.need].tolist(), strict=True)
    return View(market, result.dual, set(pairs), barred)


def verdict(market: Problem, offer_id: int, need_id: int, barred: set[Any] | None = None) -> tuple[str, Any]:
    found = compare(view_of(market, barred or set()), offer_id, need_id)
    return found.code, found.figures


@pytest.mark.parametrize(
    ("rows", "code", "figures"),
    [
        ([offer(5), need(9), need(7)], "better", {"short_fen": 10, "transport_fen": 0}),
        ([offer(5), need(9), need(9)], "equal", {"transport_fen": 0}),
        ([offer(5), need(9), need(4)], "price", {"short_fen": 10, "transport_fen": 0}),
        ([offer(5), need(9), need(7, start=12, end=20)], "window", {"days": 3}),
        ([offer(5, radius=0), need(9), need(7, county=1)], "distance", {"km": 94}),
        ([offer(5, owner=1), need(9), need(7, owner=1)], "opposite", {}),
        ([offer(5), need(9), need(7, category=1)], "opposite", {}),
        ([offer(5, certificates=2), need(9), need(7, certificates=3)], "certificate", {"lacks": 1}),
        ([offer(5), need(9), offer(7)], "opposite", {}),
    ],
)
def test_one_reason_for_every_pair(rows: list[Any], code: str, figures: dict[str, int]) -> None:
    assert verdict(problem(rows), 1, 3) == (code, figures)


def test_the_chosen_the_barred_the_absent_and_the_far_county() -> None:
    market = problem([offer(5), need(9), need(7)])
    assert verdict(market, 1, 2)[0] == "matched"
    assert verdict(market, 1, 3, {(1, 3)})[0] == "barred"
    assert verdict(market, 1, 99)[0] == "absent"
    away = problem([offer(5, county=1), need(9), need(7, county=2)], focus=0)
    assert verdict(away, 1, 3)[0] == "area"


@calm
@given(problems())
def test_no_pair_of_any_market_is_left_without_a_true_reason(market: Problem) -> None:
    view = view_of(market, set())
    for i in market.id[market.is_offer].tolist():
        for j in market.id[~market.is_offer].tolist():
            found = compare(view, i, j)
            assert (found.code == "matched") == ((i, j) in view.trades)
            if found.code in ("better", "price"):
                assert found.figures["short_fen"] % 10 == 0 < found.figures["short_fen"]


def test_others_come_nearest_first_without_one_s_own() -> None:
    rows = [offer(5, owner=9), need(9, county=1), need(9), need(9, owner=9), need(9, category=1)]
    assert others(problem(rows), 1) == [(3, 0), (2, 94)]
    assert others(problem(rows), 99) == []
