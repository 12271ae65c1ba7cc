"""Clearing within budgets and pairing quotas: a linear programme, rounded, and duals that prove the bound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from yuchang.exchange.clearing.classes import Classes, contract_twins
from yuchang.exchange.clearing.edges import Edges
from yuchang.exchange.clearing.engine import (
    Run,
    by_size,
    category_figures,
    clear,
    in_order,
    market_of,
    marks_of_ties,
    share_among_twins,
    tied_edges,
)
from yuchang.exchange.clearing.flow import Duals, best_flow, midpoint_duals
from yuchang.exchange.clearing.problem import INT64_SAFE, Bools, Flaw, Ints, Problem, Ties, Unfit, validate
from yuchang.exchange.clearing.result import Clearing
from yuchang.exchange.clearing.side_rows import (
    BUDGET_PRICE_MAX,
    SCALE,
    Reach,
    SideClearing,
    SideRows,
    account,
    may_fill,
    validate_rows,
)

EDGES_MAX = 400_000
"""More pairs than this are refused: the linear programme has no components to split into."""
EXACT_MAX = 1_000
"""Up to so many pairs branch and bound is tried as well, for so many nodes (not seconds: same bytes)."""
NODES_MAX = 500
FINE = 1_000
"""The duals of postings are found in thousandths of a fen."""


@dataclass(frozen=True)
class _Pairs:
    """All pairs that may trade, by class. ``own``: the gain; ``gain``: with what ties add.

    ``quotas``: the reference value of one unit, by quota (rows) and pair.
    """

    offer: Ints
    need: Ints
    own: Ints
    gain: Ints
    price: Ints
    budget: Ints
    quotas: sparse.csr_matrix
    of_pair: sparse.csr_matrix
    """The same by pair (rows) and quota."""

    def __len__(self) -> int:
        return len(self.offer)


def clear_with_rows(
    problem: Problem, rows: SideRows, run: Run = map, ties: Ties | None = None, lots: Ints | None = None
) -> SideClearing:
    """The best clearing found within all budgets, quotas first, with a proven bound.

    1. The linear programme over all categories (HiGHS interior point with crossover, three to five times as
       fast here as its simplex); a quota may stay short at the penalty.
    2. Its prices of budgets and quotas in whole millionths; at those prices each category is a market again,
       whose integer duals (midpoint) make the bound sound.
    3. Units rounded down, what is below a lot dropped, then refilled: quotas first, then by gain.

    ``lots``: the least each posting takes. Same input, same bytes. Raises Unfit.
    """
    validate(problem, ties)
    validate_rows(problem, rows)
    market = clear(problem, run, ties)
    classes = contract_twins(problem, _apart(problem, rows, ties, lots))
    pairs = _pairs(problem, rows, classes, ties, lots)
    wanted, budget_price, quota_price = _relaxed(rows, classes, pairs)
    dual, ceiling = _duals(problem, run, classes, pairs, budget_price, quota_price)
    units = _whole(problem, rows, classes, pairs, lots, wanted, budget_price, quota_price)
    cleared = _cleared(problem, classes, pairs, units, dual // SCALE, -(-ceiling // SCALE))
    duals = (dual[classes.of], budget_price, quota_price)
    spent, served, reason, figures = account(
        problem, rows, market, cleared, duals, _reach(rows, classes, pairs), ties
    )
    return SideClearing(market, cleared, *duals, spent, served, reason, figures)


def programme_of(problem: Problem, rows: SideRows) -> tuple[np.ndarray, sparse.csc_matrix, Ints]:
    """The linear programme of a market with rows, for peers: costs, rows, room; pairs first, then quotas."""
    classes = contract_twins(problem, _apart(problem, rows, None, None))
    return _programme(rows, classes, _pairs(problem, rows, classes, None, None))


def _apart(problem: Problem, rows: SideRows, ties: Ties | None, lots: Ints | None) -> Ints:
    """A mark for every posting: those with other rows or ties are no twins, nor any where there are lots."""
    marks = np.zeros(len(problem), dtype=np.int64) if ties is None else marks_of_ties(problem, ties)
    if lots is not None:
        has_lots = np.zeros(len(problem.category_codes), dtype=bool)
        has_lots[problem.category[lots > 1]] = True
        marks = np.where(has_lots[problem.category], problem.id, marks)
    quotas: dict[int, list[int]] = {}
    for quota, sides in enumerate(zip(rows.quota_offers, rows.quota_needs, strict=True)):
        for one in np.unique(np.concatenate(sides)).tolist():
            quotas.setdefault(one, []).append(quota)
    names: dict[tuple[int, ...], int] = {}
    signs = np.zeros(len(problem), dtype=np.int64)
    for one, own in quotas.items():
        signs[one] = names.setdefault(tuple(own), len(names) + 1)
    _rows, mark = np.unique(np.stack([marks, rows.budget_of, signs]), axis=1, return_inverse=True)
    return np.asarray(mark, dtype=np.int64)


def _pairs(
    problem: Problem, rows: SideRows, classes: Classes, ties: Ties | None, lots: Ints | None
) -> _Pairs:
    head = classes.members[classes.first[:-1]]
    columns: list[tuple[Ints, ...]] = [(np.zeros(0, dtype=np.int64),) * 4]
    found = 0
    for category in sorted(by_size(problem)):
        edges, bonus = tied_edges(problem, classes, ties, category)
        fits = may_fill(problem, rows, lots, head[edges.offer], head[edges.need])
        columns.append((edges.offer[fits], edges.need[fits], edges.gain[fits], bonus[fits]))
        found += int(fits.sum())
        if found > EDGES_MAX:
            raise Unfit([Flaw("too many rows", 0, str(EDGES_MAX))])
    offer, need, own, bonus = (np.concatenate(column) for column in zip(*columns, strict=True))
    value = rows.unit_fen[problem.category[head[offer]]]
    quotas = _quota_matrix(problem, rows, head[offer], head[need], value)
    return _Pairs(
        offer,
        need,
        own,
        own + bonus,
        problem.limit[head[need]],
        rows.budget_of[head[need]],
        quotas,
        quotas.T.tocsr(),
    )


def _quota_matrix(
    problem: Problem, rows: SideRows, offer: Ints, need: Ints, value: Ints
) -> sparse.csr_matrix:
    at = [np.zeros(0, dtype=np.int64)]
    for quota in range(len(rows.quota_fen)):
        offers, needs = rows.members(quota, len(problem))
        at.append(np.nonzero(offers[offer] & needs[need])[0])
    first = np.cumsum([len(one) for one in at])
    column = np.concatenate(at)
    return sparse.csr_matrix((value[column], column, first), (len(rows.quota_fen), len(offer)))


def _relaxed(rows: SideRows, classes: Classes, pairs: _Pairs) -> tuple[Ints, Ints, Ints]:
    """Units of the linear programme rounded down, and the prices of budgets and quotas in millionths."""
    nothing = np.zeros(len(pairs), dtype=np.int64)
    if not len(pairs):
        return nothing, np.zeros(len(rows.budget_fen), dtype=np.int64), nothing_missing(rows)
    cost, table, room = _programme(rows, classes, pairs)
    for method in ("highs-ipm", "highs-ds"):
        found = linprog(cost, A_ub=table, b_ub=room, method=method)
        if found.status == 0:
            break
    else:
        raise Unfit([Flaw("unsolved", 0, f"status {found.status}")])
    at = len(classes) + len(rows.budget_fen)
    price = np.rint(np.maximum(-found.ineqlin.marginals[len(classes) :], 0) * SCALE).astype(np.int64)
    budget_price = np.where(rows.budget_fen > 0, np.minimum(price[: at - len(classes)], BUDGET_PRICE_MAX), 0)
    wanted = np.floor(found.x[: len(pairs)] + 1e-6).astype(np.int64)
    return wanted, budget_price, np.minimum(price[at - len(classes) :], rows.penalty)


def nothing_missing(rows: SideRows) -> Ints:
    """No pair at all: what is missing of a quota costs the penalty, so the bound is met exactly."""
    return np.full(len(rows.quota_fen), rows.penalty, dtype=np.int64)


def _programme(rows: SideRows, classes: Classes, pairs: _Pairs) -> tuple[np.ndarray, sparse.csc_matrix, Ints]:
    """Costs, rows and room: postings, budgets, quotas; the last columns are what quotas miss."""
    size, quotas = len(pairs), len(rows.quota_fen)
    column, ones = np.arange(size), np.ones(size)
    paid = np.nonzero(pairs.budget >= 0)[0]
    budgets = (len(rows.budget_fen), size)
    blocks = [
        sparse.csr_matrix((ones, (pairs.offer, column)), (len(classes), size))
        + sparse.csr_matrix((ones, (pairs.need, column)), (len(classes), size)),
        sparse.csr_matrix((pairs.price[paid].astype(float), (pairs.budget[paid], paid)), budgets),
        -pairs.quotas.astype(float),
    ]
    short = sparse.vstack(
        [sparse.csr_matrix((len(classes) + budgets[0], quotas)), -sparse.identity(quotas, format="csr")]
    )
    cost = np.concatenate((-pairs.gain.astype(float), np.full(quotas, rows.penalty / SCALE)))
    room = np.concatenate((classes.quantity, rows.budget_fen, -rows.quota_fen))
    return cost, sparse.hstack([sparse.vstack(blocks), short]).tocsc(), room


def _duals(
    problem: Problem, run: Run, classes: Classes, pairs: _Pairs, budget_price: Ints, quota_price: Ints
) -> tuple[Ints, Ints]:
    """Gain per unit of every class at these prices, in millionths: midpoint, and the most."""
    fine = -(-_charged(pairs, budget_price, quota_price) // FINE)
    useful = np.nonzero(fine > 0)[0]
    category = classes.category[pairs.offer[useful]]
    parts = [
        (int(c), Edges(pairs.offer[at], pairs.need[at], fine[at]))
        for c in np.unique(category)
        for at in (useful[category == c],)
    ]
    dual, ceiling = np.zeros((2, len(classes)), dtype=np.int64)
    for offers, needs, found in run(partial(_category_duals, classes), parts):
        dual[offers], dual[needs] = found.u * FINE, found.v * FINE
        ceiling[offers], ceiling[needs] = found.u_high * FINE, found.v_high * FINE
    return dual, ceiling


def _charged(pairs: _Pairs, budget_price: Ints, quota_price: Ints) -> Ints:
    """The gain of every pair less its budget's price plus its quotas', in millionths."""
    paid = np.append(budget_price, 0)[pairs.budget] * pairs.price
    found: Ints = pairs.gain * SCALE - paid + pairs.quotas.T @ quota_price
    return found


def _category_duals(classes: Classes, part: tuple[int, Edges]) -> tuple[Ints, Ints, Duals]:
    category, edges = part
    market, offers, needs = market_of(classes, edges, category)
    return offers, needs, midpoint_duals(market, best_flow(market))


@dataclass
class _Room:
    """What is left of every class and budget, what every quota misses, and the units taken so far."""

    pairs: _Pairs
    lot: list[int]
    left: list[int]
    cash: list[int]
    missing: list[int]
    units: list[int]

    def take(self, pair: int, most: int) -> None:
        """Add up to ``most`` units to a pair; none when its lot would not be filled."""
        i, j, price = int(self.pairs.offer[pair]), int(self.pairs.need[pair]), int(self.pairs.price[pair])
        budget = int(self.pairs.budget[pair])
        room = min(self.left[i], self.left[j], self.cash[budget] // price)
        least = max(0, self.lot[pair] - self.units[pair])
        units = min(room, max(most, least))
        if units <= 0 or units < least:
            return
        self.units[pair] += units
        self.left[i] -= units
        self.left[j] -= units
        self.cash[budget] -= units * price if budget >= 0 else 0
        quotas = self.pairs.of_pair
        for at in range(quotas.indptr[pair], quotas.indptr[pair + 1]):
            self.missing[quotas.indices[at]] -= units * int(quotas.data[at])


def _whole(
    problem: Problem,
    rows: SideRows,
    classes: Classes,
    pairs: _Pairs,
    lots: Ints | None,
    wanted: Ints,
    budget_price: Ints,
    quota_price: Ints,
) -> Ints:
    """Whole units within all rows: the best of a few roundings."""
    head = classes.members[classes.first[:-1]]
    lot = np.ones(len(pairs), dtype=np.int64)
    if lots is not None:
        lot = np.maximum(lots[head[pairs.offer]], lots[head[pairs.need]])
    starts = [wanted]
    if lots is None and 0 < len(pairs) <= EXACT_MAX:
        starts += _by_branching(rows, classes, pairs)
    orders = [
        np.argsort(-gain, kind="stable") for gain in (pairs.gain, _charged(pairs, budget_price, quota_price))
    ]
    found = [_filled(rows, classes, pairs, lot, start, order) for start in starts for order in orders]
    return max(found, key=lambda one: _worth(rows, pairs, one))


def _by_branching(rows: SideRows, classes: Classes, pairs: _Pairs) -> Iterable[Ints]:
    """The whole units that branch and bound finds, if it finds any."""
    cost, table, room = _programme(rows, classes, pairs)
    is_whole = np.append(np.ones(len(pairs)), np.zeros(len(rows.quota_fen)))
    limits = LinearConstraint(table, -np.inf, room)
    options = {"mip_rel_gap": 0, "node_limit": NODES_MAX}
    found = milp(cost, constraints=limits, integrality=is_whole, bounds=Bounds(0, np.inf), options=options)
    if found.x is not None:
        yield np.rint(found.x[: len(pairs)]).astype(np.int64)


def _filled(rows: SideRows, classes: Classes, pairs: _Pairs, lot: Ints, start: Ints, order: Ints) -> Ints:
    """The start as far as it fits and fills its lots, then quotas that miss something, then the rest."""
    cash = [*rows.budget_fen.tolist(), INT64_SAFE]
    left, missing = classes.quantity.tolist(), rows.quota_fen.tolist()
    room = _Room(pairs, lot.tolist(), left, cash, missing, [0] * len(pairs))
    for pair in order[start[order] >= lot[order]].tolist():
        room.take(pair, int(start[pair]))
    quotas = pairs.of_pair
    for pair in order[np.diff(quotas.indptr)[order] > 0].tolist():
        for at in range(quotas.indptr[pair], quotas.indptr[pair + 1]):
            if (short := room.missing[quotas.indices[at]]) > 0:
                room.take(pair, -(-short // int(quotas.data[at])))
    open_pair = (np.array(room.left)[pairs.offer] > 0) & (np.array(room.left)[pairs.need] > 0)
    for pair in order[open_pair[order]].tolist():
        room.take(pair, INT64_SAFE)
    return np.array(room.units, dtype=np.int64)


def _worth(rows: SideRows, pairs: _Pairs, units: Ints) -> int:
    """The gain less the penalty on what quotas miss, in millionths (exact)."""
    gain: int = sum(n * g for n, g in zip(units.tolist(), pairs.gain.tolist(), strict=True))
    missing = np.maximum(rows.quota_fen - pairs.quotas @ units, 0)
    return gain * SCALE - rows.penalty * int(missing.sum())


def _cleared(
    problem: Problem, classes: Classes, pairs: _Pairs, units: Ints, dual: Ints, ceiling: Ints
) -> Clearing:
    """The trades between postings, with duals in whole fen and the figures of every category."""
    edges = Edges(pairs.offer, pairs.need, pairs.own)
    offer, need, quantity = in_order(share_among_twins(problem, classes, edges, units)).T
    category = classes.category[pairs.offer]
    figures = []
    for c in sorted(by_size(problem)):
        at = np.nonzero(category == c)[0]
        own = Edges(pairs.offer[at], pairs.need[at], pairs.own[at])
        figures.append(category_figures(problem, classes, own, units[at], dual, c))
    return Clearing(offer, need, quantity, dual[classes.of], ceiling[classes.of], tuple(figures))


def _reach(rows: SideRows, classes: Classes, pairs: _Pairs) -> Reach:
    """Which postings of every quota fit somebody of its other side."""
    offers: list[Bools] = []
    needs: list[Bools] = []
    for quota, (own_offers, own_needs) in enumerate(zip(rows.quota_offers, rows.quota_needs, strict=True)):
        at = pairs.quotas.indices[pairs.quotas.indptr[quota] : pairs.quotas.indptr[quota + 1]]
        for found, side, own in ((offers, pairs.offer, own_offers), (needs, pairs.need, own_needs)):
            fits = np.zeros(len(classes), dtype=bool)
            fits[side[at]] = True
            found.append(fits[classes.of[own]])
    return Reach(tuple(offers), tuple(needs))
