"""Swaps in short cycles: value is conserved, the fund is kept to, and the bound is proven."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.exchange.clearing.problem import Problem, Unfit
from yuchang.exchange.clearing.swap_checker import check_swaps
from yuchang.exchange.clearing.swap_engine import clear_swaps
from yuchang.exchange.clearing.swaps import cycles_of
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems

VALUE = np.array([5, 7])


@calm
@given(problems(most=14), st.integers(0, 30))
def test_the_checker_accepts_and_every_participant_is_even(market: Problem, fund: int) -> None:
    result = clear_swaps(market, VALUE, fund)
    verdict = check_swaps(market, VALUE, fund, result)
    assert verdict.is_accepted, verdict.violations
    balances = dict(result.balances)
    assert sum(balances.values()) == 0
    assert sum(-b for b in balances.values() if b < 0) <= result.cash_fen <= fund
    assert clear_swaps(market, VALUE, fund).to_bytes() == result.to_bytes()


@calm
@given(problems(most=12), st.sampled_from([-1, 1, 3]))
def test_changing_any_single_figure_of_a_swap_is_rejected(market: Problem, step: int) -> None:
    result = clear_swaps(market, VALUE, 20)
    changed = [
        dataclasses.replace(result, **{name: getattr(result, name) + step})
        for name in ("gain_fen", "cash_fen", "bound", "fund_dual")
    ]
    for at in range(len(market)):
        dual = result.dual.copy()
        dual[at] += step
        changed.append(dataclasses.replace(result, dual=dual))
    for at, (one, count) in enumerate(result.turns):
        turns = (*result.turns[:at], (one, count + step), *result.turns[at + 1 :])
        changed.append(dataclasses.replace(result, turns=turns))
        changed.append(dataclasses.replace(result, turns=(*result.turns[:at], *result.turns[at + 1 :])))
    for one in changed:
        assert not check_swaps(market, VALUE, 20, one).is_accepted


def barter() -> Problem:
    """Owner 1 gives walnuts for honey, owner 2 honey for walnuts; a kilogram is worth 5 and 7 fen."""
    rows = [offer(4, 9, owner=1), need(9, 3, owner=1, category=1)]
    return problem([*rows, need(8, 9, owner=2), offer(6, 3, owner=2, category=1)])


def test_without_a_fund_only_equal_values_change_hands() -> None:
    assert clear_swaps(barter(), VALUE, 0).turns == ()
    even = clear_swaps(barter(), np.array([6, 6]), 0)
    assert [(one.legs, n) for one, n in even.turns] == [(((0, 2, 1), (3, 1, 1)), 3)]
    assert (even.gain_fen, even.cash_fen, dict(even.balances)) == (21, 0, {1: 0, 2: 0})


def test_a_revolving_fund_lets_unequal_values_change_hands_up_to_its_limit() -> None:
    result = clear_swaps(barter(), VALUE, 5)
    assert [n for _, n in result.turns] == [2]
    assert (result.gain_fen, result.cash_fen) == (14, 4)
    assert dict(result.balances) == {1: -4, 2: 4}


def test_three_who_fit_only_in_a_ring_swap() -> None:
    rows = [offer(4, owner=1), need(9, owner=1, category=1), offer(4, owner=2, category=1)]
    ring = [*rows, need(9, owner=2, category=2), offer(4, owner=3, category=2), need(9, owner=3)]
    names = {"category_codes": ("a", "b", "c"), "transport_fen_100km": np.array([0, 0, 0])}
    market = problem(ring, **names)
    result = clear_swaps(market, np.array([6, 6, 6]))
    assert [(len(one.legs), n) for one, n in result.turns] == [(3, 1)]
    assert len(cycles_of(market, np.array([6, 6, 6]))) == 1


@pytest.mark.parametrize(
    ("values", "fund", "code"),
    [([0, 5], 0, "value"), ([5], 0, "value"), ([5, 7], -1, "fund"), ([5, 7], 2**62, "fund")],
)
def test_values_and_funds_that_mean_nothing_are_refused(values: list[int], fund: int, code: str) -> None:
    with pytest.raises(Unfit) as caught:
        clear_swaps(barter(), np.array(values), fund)
    assert caught.value.flaws[0].code == code


def test_more_cycles_than_can_be_weighed_are_refused() -> None:
    rows = [offer(4, owner=1), need(9, owner=1, category=1), offer(4, owner=2, category=1), need(9, owner=2)]
    with pytest.raises(Unfit, match="too many"):
        clear_swaps(problem(rows * 12), np.array([6, 6]))
