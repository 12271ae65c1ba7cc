"""Ties: partners of the last clearing stay together for a bonus, declined pairs stay apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.exchange.clearing.checker import Certificate, check
from yuchang.exchange.clearing.engine import clear
from yuchang.exchange.clearing.problem import PRICE_MAX_FEN, Problem, Ties, Unfit, ties_of
from yuchang.exchange.clearing.result import Clearing
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems

PAIRS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), max_size=6)


def judge(market: Problem, result: Clearing, ties: Ties) -> Certificate:
    return check(market, result.offer, result.need, result.quantity, result.dual, ties=ties)


@calm
@given(problems(most=12), PAIRS, PAIRS, st.integers(0, 6))
def test_clearings_with_ties_are_certified_and_cost_no_more_than_the_bonus(
    market: Problem, kept: list[tuple[int, int]], barred: list[tuple[int, int]], bonus: int
) -> None:
    ties = ties_of(market, kept, bonus, barred)
    result = clear(market, ties=ties)
    verdict = judge(market, result, ties)
    assert verdict.is_accepted, verdict.violations
    pairs = {(int(market.id[i]), int(market.id[j])) for i, j in zip(result.offer, result.need, strict=True)}
    assert not pairs & set(barred)
    free = clear(market, ties=ties_of(market, [], 0, barred))
    assert 0 <= free.welfare_fen - result.welfare_fen <= bonus * int(result.quantity.sum())
    prices = result.prices(market)
    assert (prices >= market.limit[result.offer]).all()
    assert (prices <= market.limit[result.need]).all()


def test_last_partners_stay_together_unless_another_gains_more_than_the_bonus() -> None:
    market = problem([offer(5), offer(4), need(9)])
    assert clear(market).offer.tolist() == [1]
    assert clear(market, ties=ties_of(market, [(1, 3)], 1)).welfare_fen in (4, 5)
    assert clear(market, ties=ties_of(market, [(1, 3)], 2)).offer.tolist() == [0]


def test_the_checker_refuses_a_barred_pair_and_a_bonus_that_was_not_given() -> None:
    market = problem([offer(5), offer(4), need(9)])
    kept = ties_of(market, [(1, 3)], 2)
    assert not judge(market, clear(market), kept).is_accepted
    assert not judge(market, clear(market, ties=kept), ties_of(market, [], 0)).is_accepted
    assert not judge(market, clear(market), ties_of(market, [], 0, [(2, 3)])).is_accepted


@pytest.mark.parametrize("bonus", [-1, PRICE_MAX_FEN + 1, 2**63, 2**200])
def test_an_absurd_bonus_is_refused(bonus: int) -> None:
    with pytest.raises(ValueError, match="bonus"):
        ties_of(problem([offer(1), need(2)]), [(1, 2)], bonus)


def test_a_bonus_whose_sums_would_leave_64_bits_is_refused() -> None:
    market = problem([offer(1, 10**9), *[need(9, 10**9)] * 50])
    with pytest.raises(Unfit, match="overflow"):
        clear(market, ties=ties_of(market, [(1, 2)], PRICE_MAX_FEN))
