"""Published small problems with known optima, re-typed as markets: the engine must find each.

Minimum-cost problems become markets by a large price for every delivery: gain = price - cost, so with
the price beyond every cost the most is delivered first, and total gain = deliveries x price - cost.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest

from yuchang.exchange.clearing.checker import check
from yuchang.exchange.clearing.engine import clear
from yuchang.exchange.clearing.flow import Market, best_flow, midpoint_duals
from yuchang.exchange.tests.markets import need, offer, problem

PRICE = 100_000


@dataclass(frozen=True)
class Published:
    """A cost table with what is available and wanted, and the published least cost."""

    source: str
    cost: list[list[int]]
    supply: list[int]
    demand: list[int]
    optimum: int


PUBLISHED = [
    Published(
        # Thousands of miles x 90 dollars a case, in tenths of a dollar; published: 153.675 thousand dollars.
        "Dantzig, Linear Programming and Extensions, 1963, chapter 3.3; GAMS model library trnsport",
        [[2250, 1530, 1620], [2250, 1620, 1260]],
        [350, 600],
        [325, 300, 275],
        1_536_750,
    ),
    Published(
        "SciPy reference, scipy.optimize.linear_sum_assignment, example",
        [[4, 1, 3], [2, 0, 5], [3, 2, 2]],
        [1, 1, 1],
        [1, 1, 1],
        5,
    ),
    Published(
        "Google OR-Tools guide, Solving an Assignment Problem: five workers, four tasks, total cost 265",
        [[90, 80, 75, 70], [35, 85, 55, 65], [125, 95, 90, 95], [45, 110, 95, 115], [50, 100, 90, 100]],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1],
        265,
    ),
    Published(
        "SAS/OR User's Guide, OPTMODEL procedure, A Transportation Problem (Detroit, Pittsburgh)",
        [[30, 20], [40, 10]],
        [200, 100],
        [150, 150],
        6_500,
    ),
]


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case.source.split(",")[0])
def test_the_flow_finds_the_published_optimum(case: Published) -> None:
    cost = np.array(case.cost)
    rows, columns = np.indices(cost.shape)
    market = Market(
        np.array(case.supply), np.array(case.demand), rows.ravel(), columns.ravel(), PRICE - cost.ravel()
    )
    flow = best_flow(market)
    delivered = min(sum(case.supply), sum(case.demand))
    assert flow.sum() == delivered
    assert int(flow @ cost.ravel()) == case.optimum
    duals = midpoint_duals(market, flow)
    assert duals.u @ market.supply + duals.v @ market.demand == delivered * PRICE - case.optimum


@pytest.mark.parametrize("turned", [False, True])
def test_shapleys_and_shubiks_three_houses_are_sold_in_their_core(turned: bool) -> None:
    """L. S. Shapley and M. Shubik, The Assignment Game I, 1971: three houses, optimum 16 thousand dollars.

    Sellers value their houses at 18, 15 and 19; buyers at (23, 26, 20), (22, 24, 21) and (21, 22, 17).
    Published: buyer 1 takes house 2, buyer 2 house 3 and buyer 3 house 1.
    """
    value = np.array([[23, 22, 21], [26, 24, 22], [20, 21, 17]])
    gain = np.maximum(value - np.array([[18], [15], [19]]), 0)
    gain = gain.T if turned else gain
    i, j = np.nonzero(gain)
    market = Market(np.ones(3, dtype=np.int64), np.ones(3, dtype=np.int64), i, j, gain[i, j])
    flow = best_flow(market)
    assert int(flow @ market.gain) == 16
    duals = midpoint_duals(market, flow)
    assert (duals.u[i] + duals.v[j] >= market.gain).all()
    sold = {(int(a), int(b)) for a, b in zip(i[flow > 0], j[flow > 0], strict=True)}
    assert sold == ({(0, 1), (1, 2), (2, 0)} if turned else {(1, 0), (2, 1), (0, 2)})


def test_boehm_bawerks_horse_market_clears_five_horses_between_21_and_21_10() -> None:
    """E. v. Böhm-Bawerk, Positive Theory of Capital, 1889, book IV: eight sellers, ten buyers, one price.

    Five horses are sold at a price between 21 pounds and 21 pounds 10 shillings; in shillings: 420 to 430.
    """
    sellers = [10, 11, 15, 17, 20, 21.5, 25, 26]
    buyers = [30, 28, 26, 24, 22, 21, 20, 18, 17, 15]
    rows = [offer(int(20 * p)) for p in sellers] + [need(int(20 * p)) for p in buyers]
    market = problem(rows)
    result = clear(market)
    assert result.quantity.sum() == 5
    assert result.offer.tolist() == [0, 1, 2, 3, 4]
    assert set(result.prices(market).tolist()) == {425}
    assert check(market, result.offer, result.need, result.quantity, result.dual).is_accepted
    worse = dataclasses.replace(result, dual=result.dual + 1)
    assert not check(market, worse.offer, worse.need, worse.quantity, worse.dual).is_accepted
