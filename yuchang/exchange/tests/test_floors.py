"""Floors: groups sell what is attainable of their floor at the least cost, and the checker proves it."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp

from yuchang.core.side_by_side import side_by_side
from yuchang.exchange.clearing.checker import feasible_pairs
from yuchang.exchange.clearing.floor_account import FloorClearing, units_sold
from yuchang.exchange.clearing.floor_checker import check_floors
from yuchang.exchange.clearing.floor_engine import clear_with_floors
from yuchang.exchange.clearing.floors import COUNTY, HOUSEHOLD, VILLAGE, Floors, floors_of
from yuchang.exchange.clearing.problem import Problem, Unfit
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems


@st.composite
def floored(draw: st.DrawFn, most: int = 9) -> tuple[Problem, Floors]:
    """A small market; owners 0 to 2 are households of a village, 3 and 4 of another, in one county."""
    market = draw(problems(most))
    money = st.integers(0, 60)
    groups = [(COUNTY, -1, draw(money)), (VILLAGE, 0, draw(money)), (VILLAGE, 0, draw(money))]
    groups += [(HOUSEHOLD, 1 if owner < 3 else 2, draw(money)) for owner in range(5)]
    soft = draw(st.sampled_from([-1, -1, 200_000, 3_000_000]))
    values = [draw(st.integers(1, 7)), draw(st.integers(1, 7))]
    homes = {owner: 3 + owner for owner in range(5)} | {5: 1}
    return market, floors_of(market, groups, homes, unit_fen=values, soft_price=soft)


@calm
@given(floored(most=14))
def test_the_checker_accepts_every_clearing_with_floors(case: tuple[Problem, Floors]) -> None:
    market, floors = case
    result = clear_with_floors(market, floors)
    verdict = check_floors(market, floors, result)
    assert verdict.is_accepted, verdict.violations
    for served, floor, reason in zip(result.served_fen, floors.floor_fen, result.reason, strict=True):
        assert (served >= floor) == (reason == "")


@calm
@given(floored(), st.data())
def test_changing_any_single_flow_dual_or_floor_figure_is_rejected(
    case: tuple[Problem, Floors], data: st.DataObject
) -> None:
    market, floors = case
    result = clear_with_floors(market, floors)
    step = data.draw(st.sampled_from([-2, -1, 1, 2]))
    for changed in _changed(result, step):
        if not _says_as_true(market, floors, result, changed):
            assert not check_floors(market, floors, changed).is_accepted


def _says_as_true(market: Problem, floors: Floors, result: FloorClearing, changed: FloorClearing) -> bool:
    """Whether a floor without a price now stands for another group that sells just as much: a village that
    is all its county sells. Nothing else may be said otherwise."""
    rows = np.flatnonzero((result.cells != changed.cells).any(axis=1))
    if len(rows) != 1 or (result.cells[rows[0], 1:] != changed.cells[rows[0], 1:]).any():
        return False
    group, category, units, price = changed.cells[rows[0]]
    if price or not 0 <= group < len(floors):
        return False
    return bool(units_sold(market, floors, result.cleared)[group, category] == units)


def _changed(result: FloorClearing, step: int) -> list[FloorClearing]:
    found = []
    for part in ("cleared", "market"):
        whole: Any = getattr(result, part)
        for name in ("quantity", "dual"):
            for column in _each(getattr(whole, name), step):
                found.append(
                    dataclasses.replace(result, **{part: dataclasses.replace(whole, **{name: column})})
                )
    for name in ("cells", "served_fen", "price"):
        found += [dataclasses.replace(result, **{name: one}) for one in _each(getattr(result, name), step)]
    for name, value in vars(result.figures).items():
        figures = dataclasses.replace(result.figures, **{name: value + step})
        found.append(dataclasses.replace(result, figures=figures))
    return found


def _each(table: Any, step: int) -> list[Any]:
    found = []
    for at in np.ndindex(table.shape):
        other = table.copy()
        other[at] += step
        found.append(other)
    return found


@calm
@given(floored(most=8))
def test_no_other_clearing_that_serves_as_much_gains_more_than_the_bound(
    case: tuple[Problem, Floors],
) -> None:
    market, floors = case
    if floors.soft_price >= 0:
        floors = dataclasses.replace(floors, soft_price=-1)
    result = clear_with_floors(market, floors)
    best = _best_by_milp(market, floors, np.minimum(floors.floor_fen, result.served_fen))
    assert result.figures.welfare_fen <= best <= result.figures.bound_fen


def _best_by_milp(market: Problem, floors: Floors, least: Any) -> int:
    """The best whole-unit clearing with those values served, by branch and bound."""
    edges = [
        (int(i), int(j), int(gain[x, y]))
        for a, b, gain, fits in feasible_pairs(market)
        for x, i in enumerate(a[:, 0])
        for y, j in enumerate(b[0])
        if fits[x, y]
    ]
    if not edges:
        return 0
    rows = np.zeros((len(market) + len(floors), len(edges)))
    chains = floors.chains(floors.home)
    for column, (i, j, _) in enumerate(edges):
        rows[i, column] = rows[j, column] = 1
        for group in chains[:, i][chains[:, i] >= 0]:
            rows[len(market) + group, column] = floors.unit_fen[market.category[i]]
    low = np.concatenate((np.zeros(len(market)), least))
    high = np.concatenate((market.quantity, np.full(len(floors), np.inf)))
    found = milp([-g for _, _, g in edges], constraints=LinearConstraint(rows, low, high), integrality=1)
    return round(-found.fun)


@calm
@given(floored(most=12))
def test_the_same_floors_give_the_same_bytes_on_any_number_of_cores(case: tuple[Problem, Floors]) -> None:
    market, floors = case
    assert clear_with_floors(market, floors).to_bytes() == clear_with_floors(market, floors).to_bytes()


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_change_nothing(workers: int) -> None:
    market, floors = worked()
    run = functools.partial(side_by_side, chunk=1, workers=workers)
    assert clear_with_floors(market, floors, run).to_bytes() == clear_with_floors(market, floors).to_bytes()


def worked(soft_price: int = -1) -> tuple[Problem, Floors]:
    """The table of docs/rules/floors.md: one buyer of walnuts, a large farm and two poor households."""
    rows = [offer(2000, 100), offer(2300, 40), offer(2400, 40), need(2600, 100)]
    market = problem(rows)
    groups = [(VILLAGE, -1, 50_000), (HOUSEHOLD, 0, 22_000), (HOUSEHOLD, 0, 11_000)]
    return market, floors_of(market, groups, {1: 1, 2: 2}, unit_fen=[2200, 1], soft_price=soft_price)


def test_the_worked_table_of_the_documentation() -> None:
    market, floors = worked()
    result = clear_with_floors(market, floors)
    assert result.market.quantity.tolist() == [100]
    assert result.cleared.quantity.tolist() == [77, 18, 5]
    assert result.served_fen.tolist() == [23 * 2200, 18 * 2200, 5 * 2200]
    figures = result.figures
    assert (figures.market_fen, figures.welfare_fen, figures.cost_fen) == (60_000, 52_600, 7_400)
    assert (figures.subsidy_fen, figures.idle_fen, figures.shortfall_fen) == (3_950, 3_450, 0)
    assert result.cells.tolist() == [[0, 0, 23, 300], [1, 0, 18, 0], [2, 0, 5, 100]]
    assert check_floors(market, floors, result).is_accepted


def test_a_soft_floor_is_given_up_where_it_costs_more_than_its_price() -> None:
    market, floors = worked(soft_price=90_000)
    result = clear_with_floors(market, floors)
    assert result.served_fen.tolist() == [10 * 2200, 10 * 2200, 0]
    assert result.reason == ("price", "", "price")
    assert check_floors(market, floors, result).is_accepted


@pytest.mark.parametrize(
    ("floor", "rows", "reason"),
    [
        (500, [offer(1, 4), need(9, 9)], "supply"),
        (30, [offer(1, 4), need(9, 9, start=20, end=30)], "partner"),
        (30, [offer(1, 4), need(9, 2)], "competition"),
        (39, [offer(1, 4), need(9, 3)], "whole_units"),
        (31, [offer(1, 4), need(9, 9)], ""),
    ],
)
def test_a_floor_that_cannot_be_kept_says_how_much_is_missing_and_why(
    floor: int, rows: list[dict[str, Any]], reason: str
) -> None:
    market = problem(rows)
    floors = floors_of(market, [(HOUSEHOLD, -1, floor)], {0: 0}, unit_fen=[10, 1])
    result = clear_with_floors(market, floors)
    assert result.reason == (reason,)
    assert result.figures.shortfall_fen == max(0, floor - int(result.served_fen[0]))


def test_when_not_all_can_be_served_the_worst_served_come_first() -> None:
    market = problem([offer(1, 100), offer(2, 100), offer(3, 100), need(9, 90)])
    floors = floors_of(market, [(HOUSEHOLD, -1, 60)] * 3, {0: 0, 1: 1, 2: 2}, unit_fen=[1, 1])
    assert clear_with_floors(market, floors).served_fen.tolist() == [30, 30, 30]


def test_floors_count_value_over_categories_and_not_units() -> None:
    rows = [offer(10, 9, owner=0), offer(10, 9, owner=0, category=1), offer(5, 9), offer(5, 9, category=1)]
    market = problem([*rows, need(20, 9), need(11, 9, category=1)])
    floors = floors_of(market, [(HOUSEHOLD, -1, 12)], {0: 0}, unit_fen=[2, 6])
    result = clear_with_floors(market, floors)
    assert result.cells.tolist() == [[0, 1, 2, 5]]
    assert result.figures.cost_fen == 10


@pytest.mark.parametrize(
    ("groups", "more", "code"),
    [
        ([(HOUSEHOLD, 0, 5)], {}, "group"),
        ([(HOUSEHOLD, -1, 5), (VILLAGE, 0, 5)], {}, "group"),
        ([(HOUSEHOLD, -1, -5)], {}, "floor"),
        ([(HOUSEHOLD, -1, 2**60)], {}, "floor"),
        ([(HOUSEHOLD, -1, 5)], {"unit_fen": [0, 1]}, "value"),
        ([(HOUSEHOLD, -1, 5)], {"unit_fen": [1]}, "value"),
        ([(HOUSEHOLD, -1, 5)], {"soft_price": 10**9}, "price"),
    ],
)
def test_floors_that_mean_nothing_are_refused(
    groups: list[tuple[int, int, int]], more: dict[str, Any], code: str
) -> None:
    market = problem([offer(1), need(9)])
    with pytest.raises(Unfit) as caught:
        clear_with_floors(market, floors_of(market, groups, {0: 0}, **more))
    assert caught.value.flaws[0].code == code
