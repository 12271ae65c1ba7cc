"""Budgets and pairing quotas: no row is broken, the bound is proven, and nothing stated can be changed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.exchange.clearing.floors import reference_values
from yuchang.exchange.clearing.problem import BARRED, Problem, Ties, Unfit
from yuchang.exchange.clearing.side_checker import check_rows
from yuchang.exchange.clearing.side_engine import clear_with_rows
from yuchang.exchange.clearing.side_rows import SCALE, SideClearing, SideRows
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems


def rows_of(
    market: Problem,
    budgets: dict[int, int] | None = None,
    quotas: list[tuple[int, int, int]] | None = None,
    **more: Any,
) -> SideRows:
    """Budgets by owner; quotas as rows of a buying owner, a county and fen."""
    owners = list(budgets or {})
    of = [
        owners.index(o) if o in owners and not s else -1
        for o, s in zip(market.owner, market.is_offer, strict=True)
    ]
    sides = [
        (
            np.nonzero(market.is_offer & (market.county == county))[0],
            np.nonzero(~market.is_offer & (market.owner == owner))[0],
        )
        for owner, county, _fen in quotas or []
    ]
    return SideRows(
        np.array(list((budgets or {}).values()), dtype=np.int64),
        np.array(of, dtype=np.int64),
        np.array([fen for _owner, _county, fen in quotas or []], dtype=np.int64),
        tuple(offers for offers, _needs in sides),
        tuple(needs for _offers, needs in sides),
        **({"unit_fen": reference_values(market)} | more),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Problem, SideRows, Ties | None, Any]:
    market = draw(problems(10))
    budgets = draw(st.dictionaries(st.integers(0, 6), st.integers(0, 60), max_size=4))
    quota = st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(1, 60))
    quotas = draw(st.lists(quota, max_size=3))
    rows = rows_of(market, budgets, quotas, penalty=draw(st.sampled_from([0, SCALE // 3, 2 * SCALE])))
    lots = None
    if draw(st.booleans()):
        lots = np.array([draw(st.integers(1, int(q))) for q in market.quantity], dtype=np.int64)
    offers, needs = np.nonzero(market.is_offer)[0], np.nonzero(~market.is_offer)[0]
    ties = None
    if len(offers) and len(needs):
        bonus = np.array([draw(st.sampled_from([BARRED, 3]))])
        ties = Ties(offers[:1], needs[:1], bonus)
    return market, rows, ties, lots


@calm
@given(cases())
def test_no_row_is_broken_and_the_checker_accepts(case: tuple[Problem, SideRows, Any, Any]) -> None:
    market, rows, ties, lots = case
    result = clear_with_rows(market, rows, ties=ties, lots=lots)
    verdict = check_rows(market, rows, result, ties, lots)
    assert verdict.is_accepted, verdict.violations
    trades = result.cleared
    paid = np.bincount(
        rows.budget_of[trades.need] + 1, trades.quantity * market.limit[trades.need], len(rows.budget_fen) + 1
    )
    assert (paid[1:] <= rows.budget_fen).all()
    assert result.figures.value <= result.figures.bound
    assert clear_with_rows(market, rows, ties=ties, lots=lots).to_bytes() == result.to_bytes()


@calm
@given(cases(), st.sampled_from([-1, 1]))
def test_changing_any_flow_row_dual_or_figure_is_rejected(
    case: tuple[Problem, SideRows, Any, Any], step: int
) -> None:
    market, rows, ties, lots = case
    result = clear_with_rows(market, rows, ties=ties, lots=lots)
    for changed in all_changes(result, step):
        assert not check_rows(market, rows, changed, ties, lots).is_accepted
    for name in ("budget_fen", "quota_fen"):
        for at in range(len(getattr(rows, name))):
            other = getattr(rows, name).copy()
            other[at] += step
            asked = dataclasses.replace(rows, **{name: other})
            price = result.budget_price if name == "budget_fen" else result.quota_price
            if price[at] and other[at] > 0:
                assert not check_rows(market, asked, result, ties, lots).is_accepted


def all_changes(result: SideClearing, step: int) -> list[SideClearing]:
    """The result with one number changed, every number in turn."""
    found = []
    for name in ("dual", "budget_price", "quota_price", "spent_fen", "served_fen"):
        found += [dataclasses.replace(result, **{name: one}) for one in stepped(getattr(result, name), step)]
    for part in ("cleared", "market"):
        for name in ("quantity", "dual"):
            own = getattr(result, part)
            for column in stepped(getattr(own, name), step):
                found.append(
                    dataclasses.replace(result, **{part: dataclasses.replace(own, **{name: column})})
                )
    for name in vars(result.figures):
        figures = dataclasses.replace(result.figures, **{name: getattr(result.figures, name) + step})
        found.append(dataclasses.replace(result, figures=figures))
    for at, reason in enumerate(result.reason):
        other = "supply" if reason != "supply" else ""
        reasons = (*result.reason[:at], other, *result.reason[at + 1 :])
        found.append(dataclasses.replace(result, reason=reasons))
    return found


def stepped(column: Any, step: int) -> list[Any]:
    return [np.where(np.arange(len(column)) == at, column + step, column) for at in range(len(column))]


@pytest.mark.parametrize("seed", range(4))
def test_a_market_of_usual_quantities_comes_within_five_thousandths_of_the_bound(seed: int) -> None:
    random = np.random.default_rng(seed)
    sides = random.random(120) < 0.6
    market = problem(
        [
            {
                "offer": bool(side),
                "owner": int(random.integers(0, 60)) if side else 100 + int(random.integers(0, 12)),
                "category": int(random.integers(0, 2)),
                "quantity": int(random.integers(50, 900)),
                "limit": int(random.integers(900, 2400)) + (0 if side else 500),
                "county": int(random.integers(0, 3)),
            }
            for side in sides
        ]
    )
    budgets = {100 + k: int(random.integers(200_000, 2_000_000)) for k in range(10)}
    quotas = [(100 + k, k % 3, int(random.integers(50_000, 400_000))) for k in range(6)]
    rows = rows_of(market, budgets, quotas)
    result = clear_with_rows(market, rows)
    assert check_rows(market, rows, result).is_accepted
    assert (result.budget_price > 0).any()
    assert result.figures.value >= 0.995 * result.figures.bound > 0


def worked() -> Problem:
    """The table of docs/rules/budgets.md: offers A and C (of the paired county), and firm F's need."""
    return problem(
        [offer(2000, 100), offer(2300, 80, county=1), need(2600, 150, owner=99)],
        transport_fen_100km=np.array([0, 0]),
    )


def test_the_worked_table() -> None:
    market = worked()
    rows = rows_of(market, {99: 260_000}, [(99, 1, 110_000)], unit_fen=np.array([2200, 1]))
    result = clear_with_rows(market, rows)
    assert check_rows(market, rows, result).is_accepted
    assert result.cleared.quantity.tolist() == [50, 50]
    figures = result.figures
    assert (figures.market_fen, figures.welfare_fen, figures.cost_fen) == (75_000, 45_000, 30_000)
    assert figures.missing_fen == 0
    assert (result.budget_price.tolist(), result.quota_price.tolist()) == ([230_769], [136_364])
    assert figures.bound_fen == 45_000
    dear = clear_with_rows(market, dataclasses.replace(rows, penalty=SCALE // 10))
    assert (dear.cleared.quantity.tolist(), dear.reason) == ([100], ("penalty",))
    assert (dear.figures.welfare_fen, dear.figures.missing_fen) == (60_000, 110_000)


@pytest.mark.parametrize(
    ("budgets", "quota", "reason"),
    [
        ({}, (99, 1, 999_999), "supply"),
        ({}, (98, 1, 1_000), "partner"),
        ({99: 26_000}, (99, 1, 110_000), "budget"),
        ({99: 26_000}, (99, 1, 22_001), "whole_units"),
    ],
)
def test_a_quota_that_cannot_be_reached_is_reported_not_forced(
    budgets: dict[int, int], quota: tuple[int, int, int], reason: str
) -> None:
    market = worked()
    rows = rows_of(market, budgets, [quota], unit_fen=np.array([2200, 1]))
    result = clear_with_rows(market, rows)
    assert check_rows(market, rows, result).is_accepted
    assert result.reason == (reason,)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"budget_fen": np.array([-1])}, "budget"),
        ({"budget_fen": np.array([10**13 + 1])}, "budget"),
        ({"budget_of": np.array([0, 0, 0])}, "budget"),
        ({"budget_of": np.array([-1, -1, 7])}, "budget"),
        ({"quota_fen": np.array([0])}, "quota"),
        ({"quota_fen": np.array([2**62])}, "quota"),
        ({"quota_needs": (np.array([0]),)}, "quota"),
        ({"penalty": 11 * SCALE}, "penalty"),
        ({"unit_fen": np.array([0, 1])}, "value"),
    ],
)
def test_rows_that_mean_nothing_are_refused(changes: dict[str, Any], code: str) -> None:
    market = worked()
    rows = rows_of(market, {99: 1000}, [(99, 1, 1000)], unit_fen=np.array([2200, 1]))
    with pytest.raises(Unfit) as caught:
        clear_with_rows(market, dataclasses.replace(rows, **changes))
    assert caught.value.flaws[0].code == code


def test_sums_that_would_leave_64_bits_are_refused() -> None:
    rows = [offer(1, 10**9), need(10**8, 10**9, owner=99)]
    market = problem(rows * 5)
    with pytest.raises(Unfit, match="64 bits"):
        clear_with_rows(market, rows_of(market, {99: 1000}))
