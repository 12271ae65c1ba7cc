"""The clearing finds the best voluntary trades, at prices nobody would leave, and proves it."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.core.side_by_side import side_by_side
from yuchang.exchange.clearing import explain
from yuchang.exchange.clearing.checker import Certificate, check
from yuchang.exchange.clearing.engine import clear
from yuchang.exchange.clearing.problem import Problem, Unfit, from_bytes
from yuchang.exchange.clearing.result import Clearing, result_from_bytes
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems


def judge(market: Problem, result: Clearing, **changes: Any) -> Certificate:
    columns = {name: getattr(result, name) for name in ("offer", "need", "quantity", "dual")}
    return check(market, **(columns | changes))


def best_by_networkx(market: Problem) -> int:
    """The greatest total gain, by another solver on edges found one by one."""
    graph = networkx.DiGraph()
    sides = [np.nonzero(market.is_offer)[0].tolist(), np.nonzero(~market.is_offer)[0].tolist()]
    for i in sides[0]:
        graph.add_edge("source", i, capacity=int(market.quantity[i]), weight=0)
    for j in sides[1]:
        graph.add_edge(j, "sink", capacity=int(market.quantity[j]), weight=0)
    total = int(market.quantity[market.is_offer].sum())
    graph.add_edge("source", "sink", capacity=total, weight=0)
    graph.add_node("source", demand=-total)
    graph.add_node("sink", demand=total)
    for i in sides[0]:
        for j in sides[1]:
            gain = _gain(market, i, j)
            if gain > 0:
                graph.add_edge(i, j, weight=-gain)
    return -int(networkx.min_cost_flow_cost(graph)) if total else 0


def _gain(market: Problem, i: int, j: int) -> int:
    km = int(market.distances_km(np.array(market.county[i]), np.array(market.county[j])))
    near = all(market.radius[k] == -1 or km <= market.radius[k] for k in (i, j))
    in_time = market.start[i] <= market.end[j] and market.start[j] <= market.end[i]
    in_focus = market.focus < 0 or market.focus in (market.county[i], market.county[j])
    if market.category[i] != market.category[j] or market.owner[i] == market.owner[j]:
        return 0
    certified = not market.certificates[j] & ~market.certificates[i]
    if not (near and in_time and in_focus and certified):
        return 0
    carriage = -(-km * int(market.transport_fen_100km[market.category[i]]) // 100)
    return int(market.limit[j] - market.limit[i] - carriage)


@calm
@given(problems())
def test_the_total_gain_is_the_greatest_that_another_solver_finds(market: Problem) -> None:
    assert clear(market).welfare_fen == best_by_networkx(market)


@calm
@given(problems(most=30))
def test_the_independent_checker_accepts_every_clearing(market: Problem) -> None:
    result = clear(market)
    certificate = judge(market, result)
    assert certificate.is_accepted, certificate.violations
    assert certificate.primal_fen == certificate.dual_fen == result.welfare_fen
    assert certificate.pairs == result.pairs


@calm
@given(problems(most=12), st.data())
def test_changing_any_single_flow_or_dual_is_rejected(market: Problem, data: st.DataObject) -> None:
    result = clear(market)
    step = data.draw(st.sampled_from([-2, -1, 1, 2]))
    for name in ("quantity", "dual"):
        column = getattr(result, name)
        for at in range(len(column)):
            changed = column.copy()
            changed[at] += step
            assert not judge(market, result, **{name: changed}).is_accepted


@calm
@given(problems(most=12))
def test_dropping_any_trade_or_turning_it_round_is_rejected(market: Problem) -> None:
    result = clear(market)
    for at in range(len(result.offer)):
        kept = np.arange(len(result.offer)) != at
        fewer = {name: getattr(result, name)[kept] for name in ("offer", "need", "quantity")}
        assert not judge(market, result, **fewer).is_accepted
    if len(result.offer):
        assert not judge(market, result, offer=result.need, need=result.offer).is_accepted


@calm
@given(problems(most=20))
def test_everybody_trades_at_a_price_within_his_limit(market: Problem) -> None:
    result = clear(market)
    prices = result.prices(market)
    km = market.distances_km(market.county[result.offer], market.county[result.need])
    paid = prices + market.transport_fen(market.category[result.offer], km)
    assert (prices >= market.limit[result.offer]).all()
    assert (paid <= market.limit[result.need]).all()
    assert (paid == market.limit[result.need] - result.dual[result.need]).all()


@calm
@given(problems(most=20))
def test_the_same_input_gives_the_same_bytes_after_storing(market: Problem) -> None:
    stored = market.to_bytes()
    assert from_bytes(stored).to_bytes() == stored
    answer = clear(market).to_bytes()
    assert clear(from_bytes(stored)).to_bytes() == answer
    assert result_from_bytes(answer).to_bytes() == answer


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_changes_nothing(workers: int) -> None:
    rows = [one for c in (0, 1) for one in (offer(5 + c, 3, category=c), need(9, 2, category=c), need(9, 2))]
    market = problem(rows)
    run = functools.partial(side_by_side, chunk=1, workers=workers)
    assert clear(market, run).to_bytes() == clear(market).to_bytes()


@calm
@given(problems(most=14))
def test_the_price_step_named_would_win_a_unit(market: Problem) -> None:
    result = clear(market)
    for reason in explain.leftover_reasons(market, result):
        step = reason.figures.get("step_fen", 0)
        if not step:
            continue
        limit = market.limit.copy()
        limit[reason.posting] += -step if market.is_offer[reason.posting] else step
        again = clear(dataclasses.replace(market, limit=limit))
        assert ((again.offer == reason.posting) | (again.need == reason.posting)).any()


@calm
@given(problems(most=20))
def test_every_unit_left_over_has_a_reason_and_every_trade_too(market: Problem) -> None:
    result = clear(market)
    reasons = {r.posting: r for r in explain.leftover_reasons(market, result)}
    assert len(explain.match_reasons(market, result)) == len(result.offer)
    traded = np.zeros(len(market), dtype=np.int64)
    np.add.at(traded, np.concatenate((result.offer, result.need)), np.tile(result.quantity, 2))
    for i in range(len(market)):
        if market.focus in (-1, market.county[i]):
            assert (i in reasons) == (traded[i] < market.quantity[i])


def test_one_seller_and_one_buyer_meet_in_the_middle() -> None:
    market = problem([offer(1000, 100), need(1600, 60)])
    result = clear(market)
    assert result.quantity.tolist() == [60]
    # The seller keeps 40 units, so its price is its own limit: no other price supports an optimum.
    assert result.prices(market).tolist() == [1000]
    assert result.dual.tolist() == [0, 600]


def test_half_a_fen_goes_to_the_seller() -> None:
    market = problem([offer(10), need(13)])
    result = clear(market)
    assert result.dual.tolist() == [2, 1]
    assert result.prices(market).tolist() == [12]


def test_the_worked_table_of_the_documentation() -> None:
    market = problem([offer(2000, 300), offer(2200, 200), need(2600, 250), need(2300, 150), need(2100, 400)])
    result = clear(market)
    assert result.quantity.sum() == 400
    assert result.welfare_fen == 175_000
    assert set(result.prices(market).tolist()) == {2200}
    assert result.dual.tolist() == [200, 0, 400, 100, 0]
    assert judge(market, result).is_accepted
    left = {r.posting: r for r in explain.leftover_reasons(market, result)}
    assert (left[4].code, left[4].figures) == ("outcompeted", {"partners": 1, "step_fen": 110})
    assert (left[1].code, left[1].figures) == ("partly", {"traded": 100, "partners": 2})


def test_postings_of_one_owner_never_trade_with_each_other() -> None:
    result = clear(problem([offer(1, owner=7), need(9, owner=7)]))
    assert not len(result.offer)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([offer(1)], "nobody"),
        ([offer(1, owner=5), need(9, owner=5)], "nobody"),
        ([offer(1, start=0, end=3), need(9, start=10, end=12)], "window"),
        ([offer(1, radius=50), need(9, county=1)], "distance"),
        ([offer(9), need(9)], "price"),
        ([offer(5), offer(3), need(9, quantity=1)], "outcompeted"),
        ([offer(3, quantity=4), need(9, quantity=1)], "partly"),
    ],
)
def test_the_reason_names_the_first_condition_that_fails(rows: list[dict[str, Any]], code: str) -> None:
    market = problem(rows)
    reasons = explain.leftover_reasons(market, clear(market))
    assert next(r for r in reasons if r.posting == 0).code == code


def test_the_window_reason_says_how_many_days_apart() -> None:
    market = problem([offer(1, start=0, end=3), need(9, start=10, end=12)])
    assert explain.leftover_reasons(market, clear(market))[0].figures["days"] == 7


def test_the_price_step_is_rounded_up_so_that_it_tells_no_limit() -> None:
    market = problem([offer(953), need(950)])
    first = explain.leftover_reasons(market, clear(market))[0]
    assert (first.code, first.figures["step_fen"]) == ("price", 10)


def test_a_county_without_a_point_trades_only_at_home() -> None:
    rows = [offer(1), need(90), need(99, county=1)]
    market = problem(rows, has_point=np.array([True, False, True]))
    assert clear(market).need.tolist() == [1]


def test_with_a_focus_only_pairs_touching_the_county_trade() -> None:
    rows = [offer(1, county=1), need(99, county=1), offer(1, county=0, owner=9)]
    assert clear(problem(rows, focus=0)).offer.tolist() == [2]


def test_ten_thousand_identical_postings_cost_no_more_than_one() -> None:
    rows = [offer(5)] * 10_000 + [need(9)] * 10_000
    market = problem(rows)
    result = clear(market)
    assert (len(result.offer), result.welfare_fen, result.pairs) == (10_000, 40_000, 10**8)
    assert result.offer.tolist() == list(range(10_000))


def test_nothing_clears_to_nothing() -> None:
    market = problem([])
    result = clear(market)
    assert result.welfare_fen == 0
    assert judge(market, result).is_accepted


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([offer(1, quantity=0)], "quantity"),
        ([offer(1, quantity=-5)], "quantity"),
        ([offer(1, quantity=10**9 + 1)], "quantity"),
        ([offer(-1)], "limit"),
        ([need(10**8 + 1)], "limit"),
        ([offer(1, start=5, end=4)], "window"),
        ([offer(1, radius=-2)], "radius"),
        ([offer(1, category=2)], "category"),
        ([offer(1, county=3)], "county"),
        ([need(10**8, quantity=10**9)] * 50, "overflow"),
    ],
)
def test_absurd_input_is_refused_with_its_code(rows: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(Unfit) as caught:
        clear(problem(rows))
    assert caught.value.flaws[0].code == code


def test_doubled_or_unordered_ids_are_refused() -> None:
    with pytest.raises(Unfit, match="order"):
        clear(problem([offer(1), need(2)], id=np.array([2, 2])))


def test_the_checker_refuses_fractions_and_numbers_beyond_64_bits() -> None:
    market = problem([offer(1), need(3)])
    result = clear(market)
    assert not judge(market, result, dual=[0.5, 1.5]).is_accepted
    assert not judge(market, result, quantity=[2**70]).is_accepted
    assert not judge(market, result, quantity=[2**62]).is_accepted
    assert not judge(market, result, need=[5]).is_accepted
    assert not judge(market, result, dual=[2]).is_accepted


def test_the_checker_imports_no_solver() -> None:
    import ast
    from pathlib import Path

    from yuchang.exchange.clearing import checker

    tree = ast.parse(Path(checker.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    allowed = {"__future__", "collections.abc", "dataclasses", "typing", "numpy"}
    assert imported - allowed == {"yuchang.exchange.clearing.problem"}
    problem_source = Path(checker.__file__).with_name("problem.py").read_text(encoding="utf-8")
    assert "ortools" not in problem_source
    assert "yuchang" not in problem_source
