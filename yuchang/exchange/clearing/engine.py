"""Clearing: from postings to trades, prices and the figures of a run. Same input, same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from yuchang.exchange.clearing.classes import Classes, contract_twins
from yuchang.exchange.clearing.edges import Edges, edges_of
from yuchang.exchange.clearing.flow import Duals, Market, best_flow, midpoint_duals
from yuchang.exchange.clearing.problem import BARRED, Ints, Problem, Ties, validate
from yuchang.exchange.clearing.result import CategoryFigures, Clearing

Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""How a list is worked through: ``map``, or the same on several cores."""

ENGINE = f"yuchang-clearing/1 ortools/{version('ortools')} scipy/{version('scipy')}"


def clear(problem: Problem, run: Run = map, ties: Ties | None = None) -> Clearing:
    """The trades of greatest total gain, each category on its own, with prices at the midpoint.

    ``run`` says how the categories are worked through: ``map`` one after another, or
    ``core.side_by_side`` on every core; the result is the same. ``ties``: pairs that earn a bonus beside
    their gain (it counts in the duals, not in the figures) or must not trade.

    Raises Unfit for input that no clearing could mean or whose sums would leave 64 bits.
    """
    validate(problem, ties)
    classes = contract_twins(problem, None if ties is None else marks_of_ties(problem, ties))
    return joined(problem, classes, run(partial(_cleared, problem, classes, ties), by_size(problem)))


@dataclass(frozen=True)
class CategoryMarket:
    """One category as a flow problem, and how its rows are numbered outside."""

    category: int
    edges: Edges
    market: Market
    """Gains with what tied pairs earn beside them."""
    offers: Ints
    needs: Ints


@dataclass(frozen=True)
class CategoryResult:
    """What one category came to, by class; trades by posting."""

    offers: Ints
    needs: Ints
    duals: Duals
    trades: Ints
    figures: CategoryFigures


def joined(problem: Problem, classes: Classes, results: Iterable[CategoryResult]) -> Clearing:
    """The categories of one clearing, put together."""
    class_dual, class_ceiling = np.zeros((2, len(classes)), dtype=np.int64)
    trades, figures = [np.zeros((0, 3), dtype=np.int64)], []
    for part in results:
        class_dual[part.offers], class_dual[part.needs] = part.duals.u, part.duals.v
        class_ceiling[part.offers], class_ceiling[part.needs] = part.duals.u_high, part.duals.v_high
        trades.append(part.trades)
        figures.append(part.figures)
    figures.sort(key=lambda one: problem.category_codes.index(one.code))
    offer, need, units = in_order(np.concatenate(trades)).T
    dual, ceiling = class_dual[classes.of], class_ceiling[classes.of]
    return Clearing(offer, need, units, dual, ceiling, tuple(figures))


def in_order(trades: Ints) -> Ints:
    """Rows of (offer, need, units) by offer, then need."""
    return trades[np.lexsort((trades[:, 1], trades[:, 0]))]


def by_size(problem: Problem) -> list[int]:
    """The categories with postings, the largest first, so that cores finish together."""
    categories, sizes = np.unique(problem.category, return_counts=True)
    return [int(c) for c in categories[np.lexsort((categories, -sizes))]]


def marks_of_ties(problem: Problem, ties: Ties) -> Ints:
    """A mark of its own for every posting with a tie (0: none), so that it is nobody's twin."""
    marks = np.zeros(len(problem), dtype=np.int64)
    for column in (ties.offer, ties.need):
        marks[column] = problem.id[column]
    return marks


def category_market(problem: Problem, classes: Classes, ties: Ties | None, category: int) -> CategoryMarket:
    """The pairs of one category that may trade, as a flow problem."""
    edges, bonus = tied_edges(problem, classes, ties, category)
    market, offers, needs = market_of(classes, edges, category)
    return CategoryMarket(category, edges, replace(market, gain=market.gain + bonus), offers, needs)


def clear_category(problem: Problem, classes: Classes, part: CategoryMarket) -> CategoryResult:
    """The best trades of one category and their prices."""
    flow = best_flow(part.market)
    duals = midpoint_duals(part.market, flow)
    dual = np.zeros(len(classes), dtype=np.int64)
    dual[part.offers], dual[part.needs] = duals.u, duals.v
    return CategoryResult(
        part.offers,
        part.needs,
        duals,
        share_among_twins(problem, classes, part.edges, flow),
        category_figures(problem, classes, part.edges, flow, dual, part.category),
    )


def _cleared(problem: Problem, classes: Classes, ties: Ties | None, category: int) -> CategoryResult:
    return clear_category(problem, classes, category_market(problem, classes, ties, category))


def tied_edges(problem: Problem, classes: Classes, ties: Ties | None, category: int) -> tuple[Edges, Ints]:
    """The pairs of a category that may trade, and what each earns beside its gain."""
    edges = edges_of(problem, classes, category)
    if ties is None:
        return edges, np.zeros(len(edges), dtype=np.int64)
    head = classes.members[classes.first[:-1]]
    bonus = ties.of(head[edges.offer], head[edges.need], len(problem))
    free = bonus != BARRED
    return Edges(edges.offer[free], edges.need[free], edges.gain[free]), bonus[free]


def market_of(classes: Classes, edges: Edges, category: int) -> tuple[Market, Ints, Ints]:
    """The classes of a category renumbered from 0, offers and needs apart."""
    rows = np.nonzero(classes.category == category)[0]
    offers, needs = rows[classes.is_offer[rows]], rows[~classes.is_offer[rows]]
    number = np.zeros(len(classes), dtype=np.int64)
    number[offers], number[needs] = np.arange(len(offers)), np.arange(len(needs))
    market = Market(
        classes.quantity[offers],
        classes.quantity[needs],
        number[edges.offer],
        number[edges.need],
        edges.gain,
    )
    return market, offers, needs


def share_among_twins(problem: Problem, classes: Classes, edges: Edges, flow: Ints) -> Ints:
    """Trades of single postings, rows of (offer, need, units): among twins the earlier is served first."""
    used = np.nonzero(flow)[0]
    size = np.diff(classes.first)
    alone = (size[edges.offer[used]] == 1) & (size[edges.need[used]] == 1)
    head, plain = classes.members[classes.first[:-1]], used[alone]
    single = np.column_stack((head[edges.offer[plain]], head[edges.need[plain]], flow[plain]))
    shared = list(_shared(problem, classes, edges, flow, used[~alone]))
    return np.concatenate((single, np.array(shared, dtype=np.int64).reshape(-1, 3)))


def _shared(
    problem: Problem, classes: Classes, edges: Edges, flow: Ints, used: Ints
) -> Iterator[tuple[int, int, int]]:
    """What twins trade. A posting without twins has units for all its edges, so it need not be followed."""
    left = problem.quantity.copy()
    position: dict[int, int] = {}
    for edge in used.tolist():
        a, b, rest = int(edges.offer[edge]), int(edges.need[edge]), int(flow[edge])
        offers, needs = classes.members_of(a), classes.members_of(b)
        while rest:
            i = _next_with_units(offers, left, position, a)
            j = _next_with_units(needs, left, position, b)
            units = min(rest, int(left[i]), int(left[j]))
            left[i] -= units
            left[j] -= units
            rest -= units
            yield i, j, units


def _next_with_units(members: Ints, left: Ints, position: dict[int, int], one: int) -> int:
    at = position.get(one, 0)
    while not left[members[at]]:
        at += 1
    position[one] = at
    return int(members[at])


def category_figures(
    problem: Problem, classes: Classes, edges: Edges, flow: Ints, dual: Ints, category: int
) -> CategoryFigures:
    """The figures of one category; ``dual`` by class."""
    rows = np.nonzero(problem.category == category)[0]
    is_offer = problem.is_offer[rows]
    size = np.diff(classes.first)
    price = classes.limit[edges.offer] + dual[edges.offer]
    return CategoryFigures(
        code=problem.category_codes[category],
        offers=int(is_offer.sum()),
        needs=int((~is_offer).sum()),
        pairs=int((size[edges.offer] * size[edges.need]).sum()),
        offered=int(problem.quantity[rows][is_offer].sum()),
        needed=int(problem.quantity[rows][~is_offer].sum()),
        traded=int(flow.sum()),
        welfare_fen=int((flow * edges.gain).sum()),
        value_fen=int((flow * price).sum()),
    )
