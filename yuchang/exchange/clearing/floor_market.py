"""One category under floors in whole units: the best trades and what a unit of each floor costs.

Exact: with the number of units each group must sell given, floors are arcs of an integer network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yuchang.exchange.clearing.flow import UNREACHED, Market, solve
from yuchang.exchange.clearing.problem import INT64_SAFE, Flaw, Ints, Unfit

SMALL_BONUS = 4
"""What a unit that serves a floor earns at first, in greatest gains: seldom is a rearrangement dearer."""


@dataclass(frozen=True)
class Groups:
    """The groups with a floor in this category: parents before children, each offer's group (-1: none)."""

    parent: Ints
    least: Ints
    """Units to be sold."""
    home: Ints
    price: int
    """What a unit short costs (soft floors), or -1: more than any gain."""


@dataclass(frozen=True)
class FlooredFlow:
    """Units on every edge, units through every group, and the price of every group's floor per unit."""

    flow: Ints
    sold: Ints
    price: Ints


def best_floored_flow(market: Market, groups: Groups) -> FlooredFlow:
    """The trades that serve most floor units and then gain most (or weigh both, when floors are soft).

    A bonus of a few gains is tried first: it keeps the numbers small, and when every floor is served no
    larger one could serve more. Raises Unfit (``overflow``) when the numbers would leave 64 bits.
    """
    top = int(market.gain.max(initial=0))
    most = groups.price if groups.price >= 0 else top * _nodes(market, groups) + 1
    if most * 4 * _nodes(market, groups) >= INT64_SAFE:
        raise Unfit([Flaw("overflow", 0, "the price of the floors")])
    modest = SMALL_BONUS * top + 1
    if groups.price < 0 and modest < most:
        found = _flow(market, groups, modest)
        if bool((found.sold >= groups.least).all()):
            return found
    return _flow(market, groups, most)


def _nodes(market: Market, groups: Groups) -> int:
    return len(groups.parent) + len(market.supply) + len(market.demand) + 2


def _flow(market: Market, groups: Groups, bonus: int) -> FlooredFlow:
    """The trades that gain most when a unit that serves a floor earns ``bonus`` beside its gain."""
    offers, needs, edges = len(market.supply), len(market.demand), len(market.offer)
    first_offer = len(groups.parent)
    first_need = first_offer + offers
    source, sink = first_need + needs, first_need + needs + 1
    total = int(market.supply.sum())
    above = np.where(groups.parent < 0, source, groups.parent)
    at = np.arange(first_offer)
    nothing = np.zeros(offers + needs + 1 + first_offer, dtype=np.int64)
    parts = [
        (above, at, groups.least, np.full(first_offer, -bonus)),
        (first_offer + market.offer, first_need + market.need, _width(market), -market.gain),
        (above, at, np.full(first_offer, total), nothing[:first_offer]),
        (
            np.where(groups.home < 0, source, groups.home),
            first_offer + np.arange(offers),
            market.supply,
            nothing[:offers],
        ),
        (first_need + np.arange(needs), np.full(needs, sink), market.demand, nothing[:needs]),
        (np.array([source]), np.array([sink]), np.array([total]), nothing[:1]),
    ]
    tails, heads, capacity, cost = (
        np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)
    )
    balance = np.zeros(sink + 1, dtype=np.int64)
    balance[source], balance[sink] = total, -total
    flow = solve(tails, heads, capacity, cost, balance) if edges else np.zeros(len(cost), dtype=np.int64)
    inner = first_offer + edges
    sold = flow[:first_offer] + flow[inner : inner + first_offer]
    on_edges = flow[first_offer:inner]
    return FlooredFlow(on_edges, sold, floor_prices(market, groups, on_edges, sold))


def _width(market: Market) -> Ints:
    return np.minimum(market.supply[market.offer], market.demand[market.need])


def floor_prices(market: Market, groups: Groups, flow: Ints, sold: Ints) -> Ints:
    """The least subsidy per unit of every group's floor that supports these trades, in fen.

    Bellman-Ford on the residual graph: potentials w = u - subsidy of an offer, q = -v of a need and
    z = -subsidy of a group (its own and its ancestors'), as great as the trades allow.
    """
    inner = len(groups.parent)
    home = np.where(groups.home < 0, inner, groups.home)
    above = np.where(groups.parent < 0, inner, groups.parent)
    out = np.bincount(market.offer, flow, len(market.supply)).astype(np.int64)
    spare = np.nonzero(out < market.supply)[0]
    traded = np.nonzero(flow)[0]
    cap = groups.price if groups.price >= 0 else UNREACHED
    short, slack = sold < groups.least, sold > groups.least
    w = np.full(len(market.supply), UNREACHED)
    q = np.zeros(len(market.demand), dtype=np.int64)
    z = np.zeros(inner + 1, dtype=np.int64)
    for _ in range(2 * (len(w) + len(q) + len(z)) + 4):
        before = (w.copy(), q.copy(), z.copy())
        down = z[above] - np.where(short & (groups.price >= 0), cap, 0)
        z[:inner] = np.minimum(z[:inner], down)
        w[spare] = np.minimum(w[spare], z[home[spare]])
        np.minimum.at(w, market.offer[traded], q[market.need[traded]] + market.gain[traded])
        np.minimum.at(q, market.need, w[market.offer] - market.gain)
        np.minimum.at(z, home, w)
        np.minimum.at(z, above, z[:inner] + np.where(slack, 0, cap))
        if all(np.array_equal(a, b) for a, b in zip(before, (w, q, z), strict=True)):
            break
    else:
        raise ArithmeticError("the residual graph has a negative cycle: the flow is not optimal")
    if z[inner]:
        raise ArithmeticError("a group without a floor has a price: the flow is not optimal")
    return z[above] - z[:inner]
