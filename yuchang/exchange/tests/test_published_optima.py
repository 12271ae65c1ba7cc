"""Published small problems with known optima, re-typed as markets: the engine must find each, the checker prove it.

A table of costs becomes a market of one category in one county: every pair earns a bonus of a large price less its
cost (``Ties``), so the most is delivered first, and total gain = deliveries x (price + 1) - cost.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest

from yuchang.exchange.clearing.checker import check
from yuchang.exchange.clearing.engine import clear
from yuchang.exchange.clearing.floor_checker import check_floors
from yuchang.exchange.clearing.floor_engine import clear_with_floors
from yuchang.exchange.clearing.floors import VILLAGE, floors_of
from yuchang.exchange.clearing.flow import Market, best_flow, midpoint_duals
from yuchang.exchange.clearing.problem import BARRED, Problem, Ties
from yuchang.exchange.clearing.side_checker import check_rows
from yuchang.exchange.clearing.side_engine import clear_with_rows
from yuchang.exchange.tests.markets import need, offer, problem
from yuchang.exchange.tests.test_rows import rows_of

PRICE = 100_000
NO_WAY = -1
"""No way between the two."""


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
    Published(
        # Balanced. Coils of steel, dollars a ton; published: total cost 196,200.
        "Fourer, Gay and Kernighan, AMPL, second edition 2003, chapter 3, transp.dat",
        [[39, 14, 11, 14, 16, 82, 8], [27, 9, 12, 9, 26, 95, 17], [24, 14, 17, 13, 28, 99, 20]],
        [1400, 2600, 2900],
        [900, 1200, 600, 400, 1700, 1100, 1000],
        196_200,
    ),
    Published(
        # More supply than demand. Published: total cost 8,600.
        "PuLP documentation, A Transportation Problem (beer distribution)",
        [[2, 4, 5, 2, 1], [3, 1, 3, 2, 3]],
        [1000, 4000],
        [500, 900, 1800, 200, 700],
        8_600,
    ),
    Published(
        "Taha, Operations Research: An Introduction, section 5.3, SunRay Transport",
        [[10, 2, 20, 11], [12, 7, 9, 20], [4, 14, 16, 18]],
        [15, 25, 10],
        [5, 15, 15, 15],
        435,
    ),
    Published(
        "Winston, Operations Research: Applications and Algorithms, section 7.1, Powerco",
        [[8, 6, 10, 9], [9, 12, 13, 7], [14, 9, 16, 5]],
        [35, 50, 40],
        [45, 20, 30, 30],
        1_020,
    ),
    Published(
        "Winston, Operations Research: Applications and Algorithms, section 7.5, Machineco (assignment)",
        [[14, 5, 8, 7], [2, 12, 6, 5], [7, 8, 3, 9], [2, 4, 6, 10]],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
        15,
    ),
    Published(
        # Truckloads of canned peas; published: 152,535 dollars.
        "Hillier and Lieberman, Introduction to Operations Research, section 8.1, P & T Company",
        [[464, 513, 654, 867], [352, 416, 690, 791], [995, 682, 388, 685]],
        [75, 125, 100],
        [80, 65, 70, 85],
        152_535,
    ),
]


def as_market(cost: list[list[int]], supply: list[int], demand: list[int]) -> tuple[Problem, Ties]:
    """Offers, then needs, in the order of the table; what there is no way between is barred."""
    market = problem([*(offer(0, q) for q in supply), *(need(1, q) for q in demand)])
    table = np.array(cost)
    i, j = (index.ravel() for index in np.indices(table.shape))
    bonus = np.where(table.ravel() == NO_WAY, BARRED, PRICE - table.ravel())
    return market, Ties(i, j + len(supply), bonus)


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case.source.split(",")[0] + str(case.optimum))
def test_the_engine_finds_the_published_optimum_and_the_checker_proves_it(case: Published) -> None:
    market, ties = as_market(case.cost, case.supply, case.demand)
    result = clear(market, ties=ties)
    verdict = check(market, result.offer, result.need, result.quantity, result.dual, ties=ties)
    assert verdict.is_accepted, verdict.violations
    delivered = min(sum(case.supply), sum(case.demand))
    assert result.quantity.sum() == delivered
    assert verdict.primal_fen == verdict.dual_fen == delivered * (PRICE + 1) - case.optimum
    fewer = result.quantity.copy()
    fewer[0] -= 1
    assert not check(market, result.offer, result.need, fewer, result.dual, ties=ties).is_accepted


def test_the_water_of_metro_keeps_every_city_s_minimum_at_the_published_cost() -> None:
    """Hillier and Lieberman, section 8.1, Metro Water District: three rivers, four cities, cost 2,460.

    Cities are to get 30, 70, 0 and 10 at least (our floors), want 50, 70, 30 and all that is left (60).
    """
    cost = [[16, 14, 19], [13, 13, 20], [22, 19, 23], [17, 15, NO_WAY]]
    market, ties = as_market(cost, [50, 70, 30, 60], [50, 60, 50])
    groups = [(VILLAGE, -1, floor) for floor in (30, 70, 0, 10)]
    floors = floors_of(market, groups, {owner: owner for owner in range(4)}, unit_fen=[1, 1])
    result = clear_with_floors(market, floors, ties=ties)
    assert check_floors(market, floors, result, ties).is_accepted
    assert result.figures.welfare_fen == 160 * (PRICE + 1) - 2_460
    assert (result.served_fen >= floors.floor_fen).all()


@pytest.mark.parametrize(
    ("value", "weight", "room", "optimum"),
    [
        # Martello and Toth, Knapsack Problems, 1990, example 2.3.
        ([70, 20, 39, 37, 7, 5, 10], [31, 10, 20, 19, 4, 3, 6], 50, 107),
        # Florida State University, data set KNAPSACK_01, P01.
        ([92, 57, 49, 68, 60, 43, 67, 84, 87, 72], [23, 31, 29, 44, 53, 38, 63, 85, 89, 82], 165, 309),
    ],
)
def test_a_budget_is_spent_as_a_published_knapsack_is_packed(
    value: list[int], weight: list[int], room: int, optimum: int
) -> None:
    """Every need of one buyer costs a hundred times its weight and has a single offer, gaining its value."""
    pairs = list(enumerate(zip(value, weight, strict=True)))
    rows = [offer(100 * w - v, category=k) for k, (v, w) in pairs]
    rows += [need(100 * w, category=k, owner=99) for k, (_v, w) in pairs]
    names = tuple(f"item {k}" for k, _pair in pairs)
    market = problem(rows, category_codes=names, transport_fen_100km=np.zeros(len(names), dtype=np.int64))
    budget = rows_of(market, {99: 100 * room})
    result = clear_with_rows(market, budget)
    assert check_rows(market, budget, result).is_accepted
    assert result.figures.welfare_fen == optimum <= result.figures.bound_fen


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
