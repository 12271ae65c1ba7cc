"""Clearing with floors: the split over categories, exact trades in whole units, and what it all costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from yuchang.exchange.clearing.classes import Classes, contract_twins
from yuchang.exchange.clearing.engine import (
    CategoryMarket,
    CategoryResult,
    Run,
    by_size,
    category_figures,
    category_market,
    clear,
    clear_category,
    in_order,
    joined,
    marks_of_ties,
    share_among_twins,
)
from yuchang.exchange.clearing.floor_account import NO_PAIR, FloorClearing, account
from yuchang.exchange.clearing.floor_market import Groups, best_floored_flow
from yuchang.exchange.clearing.floor_split import Web, attainable, per_fen, split, targets_in_units
from yuchang.exchange.clearing.floors import PRICE_SCALE, Floors, validate_floors
from yuchang.exchange.clearing.flow import Market, midpoint_duals
from yuchang.exchange.clearing.problem import Ints, Problem, Ties, validate
from yuchang.exchange.clearing.result import Clearing


def clear_with_floors(
    problem: Problem, floors: Floors, run: Run = map, ties: Ties | None = None
) -> FloorClearing:
    """The best clearing in which every group sells its floor, or what is attainable of it.

    ``ties``: pairs that earn a bonus beside their gain (then every gain in the figures counts it) or must
    not trade.

    Raises Unfit for postings or floors that no clearing could mean or whose sums would leave 64 bits.
    """
    validate(problem, ties)
    validate_floors(problem, floors)
    classes = contract_twins(problem, _apart(problem, floors, ties))
    head = classes.members[classes.first[:-1]]
    home = floors.home[head]
    parts, market = _before_floors(problem, classes, run, ties)
    web = _web(floors, classes, home, parts, market.dual[head])
    target = attainable(floors, web)
    value = split(floors, web, target)
    if floors.soft_price >= 0:
        target = np.minimum(floors.floor_fen, value.sum(axis=1))
    units = np.zeros((len(floors), len(floors.unit_fen)), dtype=np.int64)
    units[:, : value.shape[1]] = targets_in_units(floors, target, value)
    solved = list(run(partial(_solve, problem, floors, classes, home, units), parts))
    return _joined(problem, floors, classes, market, solved, ties)


def _apart(problem: Problem, floors: Floors, ties: Ties | None) -> Ints:
    """Postings of different groups or with ties of their own are no twins."""
    if ties is None:
        return floors.home
    marks = marks_of_ties(problem, ties)
    return np.where(marks > 0, len(floors) + marks, floors.home)


def _before_floors(
    problem: Problem, classes: Classes, run: Run, ties: Ties | None
) -> tuple[list[CategoryMarket], Clearing]:
    """The categories, and the market without floors; pairs are looked for twice only if twins were parted."""
    plain = contract_twins(problem, None if ties is None else marks_of_ties(problem, ties))
    same = len(plain) == len(classes)
    both = list(run(partial(_opened, problem, classes, ties, same), by_size(problem)))
    parts, results = [part for part, _ in both], [result for _, result in both if result is not None]
    return parts, joined(problem, classes, results) if same else clear(problem, run, ties)


def _opened(
    problem: Problem, classes: Classes, ties: Ties | None, with_result: bool, category: int
) -> tuple[CategoryMarket, CategoryResult | None]:
    part = category_market(problem, classes, ties, category)
    return part, clear_category(problem, classes, part) if with_result else None


def _web(floors: Floors, classes: Classes, home: Ints, parts: list[CategoryMarket], dual: Ints) -> Web:
    """The offers that count for a floor, all categories side by side, in fen of value.

    A need charges its market dual for what it gives up elsewhere, so the other offers can stay out.
    """
    columns: list[tuple[Ints, ...]] = [(np.zeros(0, dtype=np.int64),) * 7]
    offers = needs = 0
    for part in sorted(parts, key=lambda one: one.category):
        unit = int(floors.unit_fen[part.category])
        market = part.market
        keep = home[part.offers] >= 0
        edges = keep[market.offer]
        own = market.gain - dual[part.needs][market.need]
        columns.append(
            (
                home[part.offers][keep],
                np.full(int(keep.sum()), part.category),
                market.supply[keep] * unit,
                market.demand * unit,
                (np.cumsum(keep) - 1)[market.offer[edges]] + offers,
                market.need[edges] + needs,
                per_fen(own[edges], floors.unit_fen[[part.category]]),
            )
        )
        offers, needs = offers + int(keep.sum()), needs + len(part.needs)
    return Web(*(np.concatenate(column).astype(np.int64) for column in zip(*columns, strict=True)))


@dataclass(frozen=True)
class _Solved:
    offers: Ints
    needs: Ints
    ceiling: tuple[Ints, Ints]
    dual: tuple[Ints, Ints]
    best: Ints
    """Of each offer: the most a unit gains beyond its partner's dual."""
    trades: Ints
    cells: list[tuple[int, int, int, int]]
    figures: Any


def _solve(
    problem: Problem, floors: Floors, classes: Classes, home: Ints, units: Ints, part: CategoryMarket
) -> _Solved:
    groups, names = _groups(floors, units[:, part.category], home[part.offers], part.category)
    found = best_floored_flow(part.market, groups)
    bonus = _chain_sums(groups.parent, found.price)[groups.home]
    lifted = Market(
        part.market.supply,
        part.market.demand,
        part.market.offer,
        part.market.need,
        part.market.gain + bonus[part.market.offer],
    )
    duals = midpoint_duals(lifted, found.flow)
    dual = np.zeros(len(classes), dtype=np.int64)
    dual[part.offers], dual[part.needs] = duals.u - bonus, duals.v
    best = np.full(len(part.offers), NO_PAIR)
    np.maximum.at(best, part.market.offer, part.market.gain - duals.v[part.market.need])
    cells = zip(names.tolist(), found.sold.tolist(), found.price.tolist(), strict=True)
    return _Solved(
        part.offers,
        part.needs,
        (duals.u_high, duals.v_high),
        (duals.u, duals.v),
        best,
        share_among_twins(problem, classes, part.edges, found.flow),
        [(g, part.category, n, p) for g, n, p in cells],
        category_figures(problem, classes, part.edges, found.flow, dual, part.category),
    )


def _groups(floors: Floors, least: Ints, home: Ints, category: int) -> tuple[Groups, Ints]:
    """The groups with a floor in one category, renumbered; others are skipped over."""
    anchor = np.full(len(floors) + 1, -1, dtype=np.int64)
    above = np.append(floors.parent, -1)
    for level in np.unique(floors.level)[::-1].tolist():
        rows = np.nonzero(floors.level == level)[0]
        anchor[rows] = np.where(least[rows] > 0, rows, anchor[above[rows]])
    names = np.nonzero(least > 0)[0]
    number = np.full(len(floors) + 1, -1, dtype=np.int64)
    number[names] = np.arange(len(names))
    price = floors.soft_price
    if price >= 0:
        price = price * int(floors.unit_fen[category]) // PRICE_SCALE
    return Groups(number[anchor[floors.parent[names]]], least[names], number[anchor[home]], price), names


def _chain_sums(parent: Ints, price: Ints) -> Ints:
    """Price of a group with its ancestors'; one more entry, 0, for no group (-1)."""
    sums = np.append(np.zeros_like(price), 0)
    for g in range(len(parent)):
        sums[g] = price[g] + sums[parent[g]]
    return sums


def _joined(
    problem: Problem,
    floors: Floors,
    classes: Classes,
    market: Clearing,
    solved: list[_Solved],
    ties: Ties | None,
) -> FloorClearing:
    dual, ceiling = np.zeros((2, len(classes)), dtype=np.int64)
    best = np.full(len(classes), NO_PAIR)
    trades = [np.zeros((0, 3), dtype=np.int64)]
    cells: list[tuple[int, int, int, int]] = []
    for part in solved:
        dual[part.offers], dual[part.needs] = part.dual
        ceiling[part.offers], ceiling[part.needs] = part.ceiling
        best[part.offers] = part.best
        trades.append(part.trades)
        cells += part.cells
    figures = sorted((p.figures for p in solved), key=lambda one: problem.category_codes.index(one.code))
    offer, need, units = in_order(np.concatenate(trades)).T
    cleared = Clearing(offer, need, units, dual[classes.of], ceiling[classes.of], tuple(figures))
    table = np.array(sorted(cells), dtype=np.int64).reshape(-1, 4)
    return FloorClearing(
        market, cleared, table, *account(problem, floors, market, cleared, table, best[classes.of], ties)
    )
