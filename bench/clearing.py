"""Clearing: exactness and cost against greedy, first come, HiGHS and networkx, on one seeded market.

Sizes keep the density of villages and firms while the country grows: S 1,280 villages and 320 firms,
M ten times that, L a hundred times (480,000 postings), over as many categories as the shipped tree has
leaves, the commonest fourteen times as common as the rarest. Every result is judged by the independent
checker. Run: ``python -m bench.clearing`` (S and M), ``--sizes S M L`` for the nightly growth table;
``--rows`` adds budgets and pairing quotas over 100,000 pairs, with branch and bound beside it on size S;
``--swaps`` short cycles among 3,000 participants.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import networkx
import numpy as np
from django.conf import settings
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from yuchang.core.side_by_side import side_by_side
from yuchang.exchange.catalogue import read_categories
from yuchang.exchange.clearing import engine, side_engine
from yuchang.exchange.clearing.checker import check
from yuchang.exchange.clearing.classes import contract_twins
from yuchang.exchange.clearing.edges import edges_of
from yuchang.exchange.clearing.engine import clear
from yuchang.exchange.clearing.floor_checker import check_floors
from yuchang.exchange.clearing.floor_engine import clear_with_floors
from yuchang.exchange.clearing.floors import VILLAGE, Floors, floors_of, reference_values
from yuchang.exchange.clearing.flow import Market, best_flow, midpoint_duals
from yuchang.exchange.clearing.problem import Problem
from yuchang.exchange.clearing.side_checker import check_rows
from yuchang.exchange.clearing.side_engine import clear_with_rows
from yuchang.exchange.clearing.side_rows import SCALE, SideRows
from yuchang.exchange.clearing.swap_checker import check_swaps
from yuchang.exchange.clearing.swap_engine import clear_swaps
from yuchang.exchange.clearing.swaps import cycles_of
from yuchang.exchange.clearing.terms import part_of

SIZES = {"S": 1, "M": 10, "L": 100}
CATEGORIES = sum(row["is_leaf"] for row in read_categories())
REACH_KM = 135
EACH = 3
ROWS_SCALE = 5
"""Budgets and quotas are tried on 1,600 firms and, with part of the offers, some 100,000 pairs, ..."""
FEW = {"categories": 40, "reach": 65}
"""... in a market of few categories, where firms meet the same sellers again and again."""


def market_of(
    scale: int, seed: int = 2026, *, categories: int = CATEGORIES, reach: int = REACH_KM
) -> Problem:
    """A seeded market: villages offer, firms need, three postings each, by county points and season.

    ``reach`` (km) is how far the nearest-minded fifth deals; others two, three and four times as far.
    """
    random = np.random.default_rng(seed)
    villages, firms, counties = 1280 * scale, 320 * scale, 28 * scale
    n_offers, n_needs = villages * EACH, firms * EACH
    n = n_offers + n_needs
    is_offer = np.arange(n) < n_offers
    side = np.sqrt(scale / 100)
    home = np.concatenate((random.integers(0, counties, villages), random.integers(0, counties, firms)))
    owner = np.concatenate(
        (np.repeat(np.arange(villages), EACH), np.repeat(np.arange(villages, villages + firms), EACH))
    )
    weights = 1 / np.arange(1, categories + 1) ** 0.5
    category = random.choice(categories, n, p=weights / weights.sum())
    level = random.integers(200, 6000, categories)[category]
    spread = random.normal(1.0, 0.15, n) + np.where(is_offer, 0, 0.05)
    start = random.integers(0, 270, n)
    return Problem(
        id=np.arange(1, n + 1),
        is_offer=is_offer,
        owner=owner,
        category=category.astype(np.int64),
        quantity=np.where(is_offer, random.integers(50, 2000, n), random.integers(200, 8000, n)),
        limit=np.maximum(1, level * spread).astype(np.int64),
        start=start,
        end=start + random.integers(20, 180, n),
        county=home[owner].astype(np.int64),
        radius=reach * random.choice([1, 2, 3, 4], n, p=[0.2, 0.4, 0.3, 0.1]),
        certificates=np.zeros(n, dtype=np.int64),
        **_land(random, categories, counties, side),
    )


def _land(random: np.random.Generator, categories: int, counties: int, side: float) -> dict[str, Any]:
    """Kinds and what carrying them costs, and counties strewn over a part of the country."""
    return {
        "category_codes": tuple(f"c{i:03d}" for i in range(categories)),
        "transport_fen_100km": random.integers(2, 12, categories),
        "county_ids": tuple(range(counties)),
        "longitude_e4": (1_000_000 + random.random(counties) * side * 330_000).astype(np.int64),
        "latitude_e4": (280_000 + random.random(counties) * side * 200_000).astype(np.int64),
        "has_point": np.ones(counties, dtype=bool),
    }


def markets_of(problem: Problem) -> list[Market]:
    """The flow problems of all categories, on the engine's own edges."""
    classes = contract_twins(problem)
    return [
        engine.market_of(classes, edges_of(problem, classes, category), category)[0]
        for category in range(len(problem.category_codes))
    ]


def by_flow(market: Market) -> float:
    """Ours: integer minimum-cost flow."""
    return float((best_flow(market) * market.gain).sum())


def by_greedy(market: Market) -> float:
    """The pair with the greatest gain first."""
    return _serve(market, np.argsort(-market.gain, kind="stable"))


def by_first_come(market: Market) -> float:
    """Offers in order of arrival, each taking the best need still open."""
    return _serve(market, np.lexsort((-market.gain, market.offer)))


def _serve(market: Market, order: np.ndarray) -> float:
    supply, demand = market.supply.tolist(), market.demand.tolist()
    total = 0
    for edge in order.tolist():
        i, j = int(market.offer[edge]), int(market.need[edge])
        units = min(supply[i], demand[j])
        if units:
            supply[i] -= units
            demand[j] -= units
            total += units * int(market.gain[edge])
    return float(total)


def by_simplex(market: Market) -> float:
    """The linear programme with the dual simplex of HiGHS."""
    return _linear_programme(market, "highs-ds")


def by_interior_point(market: Market) -> float:
    """The linear programme with the interior point method of HiGHS, with crossover."""
    return _linear_programme(market, "highs-ipm")


def _linear_programme(market: Market, method: str) -> float:
    edges = len(market.offer)
    if not edges:
        return 0.0
    column, ones = np.arange(edges), np.ones(edges)
    by_offer = sparse.csr_matrix((ones, (market.offer, column)), (len(market.supply), edges))
    by_need = sparse.csr_matrix((ones, (market.need, column)), (len(market.demand), edges))
    rows = sparse.vstack([by_offer, by_need]).tocsc()
    bounds = np.concatenate((market.supply, market.demand))
    return -float(linprog(-market.gain, A_ub=rows, b_ub=bounds, method=method).fun)


def by_networkx(market: Market) -> float:
    """Network simplex in Python."""
    if not len(market.offer):
        return 0.0
    graph = networkx.DiGraph()
    total = int(market.supply.sum())
    graph.add_node("source", demand=-total)
    graph.add_node("sink", demand=total)
    graph.add_edge("source", "sink", capacity=total, weight=0)
    for i, units in enumerate(market.supply.tolist()):
        graph.add_edge("source", ("offer", i), capacity=units, weight=0)
    for j, units in enumerate(market.demand.tolist()):
        graph.add_edge(("need", j), "sink", capacity=units, weight=0)
    for i, j, gain in zip(market.offer.tolist(), market.need.tolist(), market.gain.tolist(), strict=True):
        graph.add_edge(("offer", i), ("need", j), weight=-gain)
    return -float(networkx.network_simplex(graph)[0])


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    share: float
    ratio: float
    seconds: float


def compare(markets: list[Market], peers: dict[str, Callable[[Market], float]]) -> list[Row]:
    """The total gain and the processor time of every peer, relative to ours."""
    rows: list[Row] = []
    for name, solve in {"ours: OR-Tools flow": by_flow, **peers}.items():
        started = time.process_time()
        total = sum(solve(market) for market in markets)
        seconds = time.process_time() - started
        best, ours = (rows[0].share, rows[0].seconds) if rows else (total, seconds)
        rows.append(Row(name, total if not rows else total / best, seconds / max(ours, 1e-9), seconds))
    return [Row(rows[0].name, 1.0, 1.0, rows[0].seconds), *rows[1:]]


def whole_run(name: str, problem: Problem) -> bool:
    """Clear, check, say what each step cost. Returns whether the checker accepted."""
    times = {}
    started = time.process_time()
    markets = markets_of(problem)
    times["edges"] = time.process_time() - started
    started = time.process_time()
    flows = [best_flow(market) for market in markets]
    times["flow"] = time.process_time() - started
    started = time.process_time()
    for market, flow in zip(markets, flows, strict=True):
        midpoint_duals(market, flow)
    times["prices"] = time.process_time() - started
    started = time.process_time()
    result = clear(problem)
    times["whole"] = time.process_time() - started
    started = time.process_time()
    verdict = check(problem, result.offer, result.need, result.quantity, result.dual)
    times["checker"] = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parts = "  ".join(f"{step} {seconds:.2f} s" for step, seconds in times.items())
    gap = verdict.dual_fen - verdict.primal_fen
    print(
        f"{name}: {len(problem):,} postings, {result.pairs:,} feasible pairs, {len(result.offer):,} matches"
    )
    print(f"   CPU {parts}   peak {peak:,.0f} MB")
    print(f"   checker: {'accepted' if verdict.is_accepted else 'REJECTED'}, gap {gap} fen")
    again = clear(problem).to_bytes() == result.to_bytes() if name != "L" else True
    said = "not tried at this size" if name == "L" else "yes" if again else "NO"
    print(f"   same bytes again: {said}")
    return verdict.is_accepted and again


def floors_for(problem: Problem, share: int = 10) -> Floors:
    """A floor of a tenth of all it offers, in value, for three in eight villages."""
    random = np.random.default_rng(7)
    villages = np.unique(problem.owner[problem.is_offer])
    poor = villages[random.random(len(villages)) < 0.375]
    value = problem.quantity * reference_values(problem)[problem.category]
    offered = np.bincount(problem.owner[problem.is_offer], value[problem.is_offer])
    groups = [(VILLAGE, -1, int(offered[one]) // share) for one in poor.tolist()]
    return floors_of(problem, groups, {one: k for k, one in enumerate(poor.tolist())})


def floored_run(problem: Problem) -> bool:
    """Clear with floors on every core, check, say what it cost. Returns whether the checker accepted."""
    floors = floors_for(problem)
    started, wall = time.process_time(), time.perf_counter()
    result = clear_with_floors(problem, floors, partial(side_by_side, chunk=1))
    seconds, wall = time.process_time() - started, time.perf_counter() - wall
    verdict, figures = check_floors(problem, floors, result), result.figures
    parts = {
        "cost": figures.cost_fen,
        "subsidy": figures.subsidy_fen,
        "distance to the bound": figures.bound_fen - figures.welfare_fen,
    }
    shares = "  ".join(f"{name} {fen / figures.market_fen:.4%}" for name, fen in parts.items())
    print(f"   floors of {len(floors):,} villages: CPU {seconds:.2f} s, clock {wall:.2f} s; {shares}")
    zero = int((result.served_fen == 0).sum())
    short = sum(reason != "" for reason in result.reason)
    print(
        f"   checker: {'accepted' if verdict.is_accepted else 'REJECTED'}; {short} short, {zero} sell nothing"
    )
    return verdict.is_accepted


@dataclass(frozen=True)
class Growth:
    """One line of the growth table of edge building."""

    name: str
    postings: int
    edges: int
    seconds: float


def growth_table(rows: list[Growth]) -> None:
    """Postings, pairs of twins and processor seconds of edge building, and how each grew at the 10x step."""
    print("edge building at 10x steps")
    print(f"   {'':4}{'postings':>12}{'edges':>13}{'CPU s':>9}{'edges ×':>9}{'CPU ×':>8}{'µs/edge':>9}")
    before: Growth | None = None
    for row in rows:
        grown = [""] * 2
        if before is not None:
            grown = [f"{row.edges / before.edges:.1f}", f"{row.seconds / before.seconds:.1f}"]
        each = 1e6 * row.seconds / max(row.edges, 1)
        print(
            f"   {row.name:4}{row.postings:>12,}{row.edges:>13,}{row.seconds:>9.2f}"
            f"{grown[0]:>9}{grown[1]:>8}{each:>9.2f}"
        )
        before = row


def built(name: str, problem: Problem) -> Growth:
    """Edge building alone, timed."""
    started = time.process_time()
    edges = sum(len(market.offer) for market in markets_of(problem))
    return Growth(name, len(problem), edges, time.process_time() - started)


def rows_for(problem: Problem, budgets: int, quotas: int, seed: int = 11) -> SideRows:
    """Budgets of some firms (3 to 90 percent of what they ask), and quotas at home of others (5 percent)."""
    random = np.random.default_rng(seed)
    needs, unit = ~problem.is_offer, reference_values(problem)
    firms = np.unique(problem.owner[needs])
    budgets, quotas = min(budgets, len(firms)), min(quotas, len(firms))
    asked = np.bincount(problem.owner[needs], (problem.quantity * problem.limit)[needs])
    payers = random.permutation(firms)[:budgets]
    number = np.full(int(problem.owner.max()) + 1, -1, dtype=np.int64)
    number[payers] = np.arange(budgets)
    helpers = random.permutation(firms)[:quotas]
    takes = tuple(np.nonzero(needs & (problem.owner == one))[0] for one in helpers.tolist())
    homes = [problem.county[at[0]] for at in takes]
    gives = tuple(np.nonzero(problem.is_offer & (problem.county == home))[0] for home in homes)
    worth = problem.quantity * unit[problem.category]
    return SideRows(
        (asked[payers] * random.uniform(0.03, 0.9, budgets)).astype(np.int64),
        np.where(needs, number[problem.owner], -1),
        np.array([int(worth[at].sum()) // 20 + 1 for at in takes], dtype=np.int64),
        gives,
        takes,
        unit,
    )


def rows_run(budgets: int, quotas: int) -> bool:
    """Budgets and quotas, checked; what they cost and how near the bound. Returns whether it was accepted."""
    problem = market_of(ROWS_SCALE, **FEW)
    some = np.random.default_rng(3).random(len(problem)) < 0.73
    problem = part_of(problem, some | ~problem.is_offer, problem.quantity)
    rows = rows_for(problem, budgets, quotas)
    started, wall = time.process_time(), time.perf_counter()
    result = clear_with_rows(problem, rows)
    seconds, wall = time.process_time() - started, time.perf_counter() - wall
    started = time.process_time()
    verdict = check_rows(problem, rows, result)
    checking, figures = time.process_time() - started, result.figures
    share = figures.value / figures.bound
    tight = int((result.budget_price > 0).sum())
    short = sum(reason != "" for reason in result.reason)
    print(
        f"rows: {len(problem):,} postings, {verdict.pairs:,} pairs, {len(rows.budget_fen):,} budgets"
        f" ({tight:,} tight), {len(rows.quota_fen):,} quotas ({short} short)"
    )
    print(f"   CPU {seconds:.2f} s, clock {wall:.2f} s; checker {checking:.2f} s")
    cost = figures.cost_fen / figures.market_fen
    print(f"   {share:.5f} of the proven bound; the rows cost {cost:.2%} of the gain")
    print(f"   checker: {'accepted' if verdict.is_accepted else 'REJECTED'}")
    return verdict.is_accepted and share >= 0.995


def rows_peer() -> None:
    """Branch and bound by HiGHS on a small size, in the same units, with a limit of ten seconds."""
    problem = market_of(1)
    rows = rows_for(problem, 124, 18)
    started = time.process_time()
    result = clear_with_rows(problem, rows)
    ours = time.process_time() - started
    cost, table, room = side_engine.programme_of(problem, rows)
    whole = np.append(np.ones(len(cost) - len(rows.quota_fen)), np.zeros(len(rows.quota_fen)))
    started = time.process_time()
    found = milp(
        cost,
        constraints=LinearConstraint(table, -np.inf, room),
        integrality=whole,
        bounds=Bounds(0, np.inf),
        options={"time_limit": 10, "mip_rel_gap": 1e-6},
    )
    seconds = time.process_time() - started
    bound = result.figures.bound / SCALE
    best = "nothing" if found.x is None else f"{-found.fun / bound:.5f}"
    mine = result.figures.value / SCALE / bound
    print(f"   S, {len(cost) - len(rows.quota_fen):,} pairs: ours {mine:.5f} in {ours:.2f} CPU s;")
    print(f"   HiGHS branch and bound {best} of the bound in {seconds:.2f} CPU s ({seconds / ours:.1f} x)")


def barter_of(participants: int, seed: int = 5) -> Problem:
    """A region of 84 counties in which everybody offers one thing of forty and needs another."""
    random = np.random.default_rng(seed)
    kinds, counties, n = FEW["categories"], 84, 2 * participants
    owner, is_offer = np.repeat(np.arange(participants), 2), np.arange(n) % 2 == 0
    gives = random.integers(0, kinds, participants)
    wants = (gives + random.integers(1, kinds, participants)) % kinds
    category = np.where(is_offer, gives[owner], wants[owner])
    level = random.integers(200, 6000, kinds)[category]
    side, start = np.sqrt(counties / 2800), random.integers(0, 270, n)
    home = random.integers(0, counties, participants)
    return Problem(
        id=np.arange(1, n + 1),
        is_offer=is_offer,
        owner=owner,
        category=category,
        quantity=random.integers(50, 2000, n),
        limit=np.maximum(1, level * random.normal(np.where(is_offer, 0.95, 1.05), 0.15)).astype(np.int64),
        start=start,
        end=start + random.integers(60, 365, n),
        county=home[owner],
        radius=np.full(n, 400),
        certificates=np.zeros(n, dtype=np.int64),
        **_land(random, kinds, counties, side),
    )


def swaps_run(participants: int, fund_fen: int = 10_000_000) -> bool:
    """Short cycles with a fund: cost, distance to the bound. Returns whether the checker accepted."""
    problem = barter_of(participants)
    unit = reference_values(problem)
    started = time.process_time()
    cycles = len(cycles_of(problem, unit))
    finding = time.process_time() - started
    started = time.process_time()
    result = clear_swaps(problem, unit, fund_fen)
    seconds = time.process_time() - started
    verdict = check_swaps(problem, unit, fund_fen, result)
    share = result.gain_fen * SCALE / max(1, result.bound)
    print(
        f"swaps: {participants:,} participants, {cycles:,} cycles of two or three, {len(result.turns):,} turn"
    )
    print(f"   CPU {seconds:.2f} s, of which finding cycles {finding:.2f} s; {share:.5f} of the bound")
    print(f"   checker: {'accepted' if verdict.is_accepted else 'REJECTED'}")
    return verdict.is_accepted


def main() -> int:
    """Returns 1 when a result was not certified or not the optimum of the linear programme."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="*", default=["S", "M"], choices=list(SIZES))
    parser.add_argument("--rows", action="store_true", help="budgets and quotas over 100,000 pairs")
    parser.add_argument("--swaps", action="store_true", help="short cycles among 3,000 participants")
    asked = parser.parse_args()
    failed = False
    settings.configure()  # side_by_side asks Django whether a database is open; none is
    growth = []
    for name in asked.sizes:
        problem = market_of(SIZES[name])
        growth.append(built(name, problem))
        failed |= not whole_run(name, problem)
        failed |= not floored_run(problem)
        peers: dict[str, Callable[[Market], float]] = {
            "greedy by gain": by_greedy,
            "first come": by_first_come,
        }
        if name != "L":
            peers["HiGHS interior point"] = by_interior_point
        if name == "S":
            peers["HiGHS dual simplex"] = by_simplex
            peers["networkx simplex"] = by_networkx
        print(f"   {'':22}{'share of optimum':>18}{'CPU / ours':>12}{'CPU s':>9}")
        for row in compare(markets_of(problem), peers):
            print(f"   {row.name:22}{row.share:>18.5f}{row.ratio:>12.1f}{row.seconds:>9.2f}")
            failed |= row.name.startswith(("HiGHS", "networkx")) and abs(row.share - 1) > 1e-6
    if growth:
        growth_table(growth)
    if asked.rows:
        failed |= not rows_run(1250, 188)
        rows_peer()
    if asked.swaps:
        failed |= not swaps_run(3000)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
