"""Minimum lots: no trade is smaller than either side takes, and what that may cost is bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.exchange.clearing.checker import check
from yuchang.exchange.clearing.lots import clear_with_lots
from yuchang.exchange.clearing.problem import Problem, Unfit
from yuchang.exchange.tests.markets import calm, need, offer, problem, problems


@calm
@given(problems(most=12), st.integers(1, 4))
def test_no_trade_is_below_a_lot_and_the_rest_is_certified(market: Problem, most: int) -> None:
    lots = 1 + market.id % most
    result = clear_with_lots(market, lots)
    trades = result.cleared
    assert (trades.quantity >= np.maximum(lots[trades.offer], lots[trades.need])).all()
    assert trades.welfare_fen <= result.bound_fen
    verdict = check(market, trades.offer, trades.need, trades.quantity, trades.dual, ties=result.ties)
    assert verdict.is_accepted, verdict.violations
    assert clear_with_lots(market, lots).cleared.to_bytes() == trades.to_bytes()


def test_a_lot_is_filled_by_the_next_best_partner() -> None:
    market = problem([offer(1, 3), offer(2, 9), need(9, 6)])
    assert clear_with_lots(market, np.array([1, 1, 1])).cleared.quantity.tolist() == [3, 3]
    result = clear_with_lots(market, np.array([1, 1, 5]))
    assert (result.cleared.offer.tolist(), result.cleared.quantity.tolist()) == ([1], [6])
    assert (result.cleared.welfare_fen, result.bound_fen) == (42, 45)


def test_a_lot_below_one_unit_is_refused() -> None:
    with pytest.raises(Unfit, match="lot"):
        clear_with_lots(problem([offer(1)]), np.array([0]))
