"""The best trades of one category: an integer minimum-cost flow, and its dual prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ortools.graph.python import min_cost_flow

from yuchang.exchange.clearing.problem import Ints

UNREACHED = np.int64(2**61)


@dataclass(frozen=True)
class Market:
    """One category, offers and needs numbered from 0: capacities, edges by (offer, need), gains."""

    supply: Ints
    demand: Ints
    offer: Ints
    need: Ints
    gain: Ints


def best_flow(market: Market) -> Ints:
    """Units on every edge that maximise the total gain. Exact; deterministic for the same arrays.

    Network: source -> offer -> need -> sink, and source -> sink for what stays untraded.
    """
    offers, needs, edges = len(market.supply), len(market.demand), len(market.offer)
    if not edges:
        return np.zeros(0, dtype=np.int64)
    source, sink = offers + needs, offers + needs + 1
    total = int(market.supply.sum())
    tails = np.concatenate((np.full(offers, source), market.offer, offers + np.arange(needs), [source]))
    heads = np.concatenate((np.arange(offers), offers + market.need, np.full(needs, sink), [sink]))
    open_width = np.minimum(market.supply[market.offer], market.demand[market.need])
    capacity = np.concatenate((market.supply, open_width, market.demand, [total]))
    cost = np.concatenate((np.zeros(offers), -market.gain, np.zeros(needs + 1))).astype(np.int64)
    balance = np.zeros(sink + 1, dtype=np.int64)
    balance[source], balance[sink] = total, -total
    return solve(tails, heads, capacity, cost, balance)[offers : offers + edges]


def solve(tails: Ints, heads: Ints, capacity: Ints, cost: Ints, balance: Ints) -> Ints:
    """The flow of least cost on every arc. Exact; the same arrays give the same flow."""
    network = min_cost_flow.SimpleMinCostFlow()
    arcs = network.add_arcs_with_capacity_and_unit_cost(
        tails.astype(np.int32), heads.astype(np.int32), capacity, cost
    )
    network.set_nodes_supplies(np.arange(len(balance), dtype=np.int32), balance)
    status = network.solve()
    if status != network.OPTIMAL:
        raise ArithmeticError(f"minimum-cost flow stopped with status {status}")
    return np.asarray(network.flows(arcs), dtype=np.int64)


@dataclass(frozen=True)
class Duals:
    """Gain per unit of offers (u) and needs (v): published, and the most at any optimal prices."""

    u: Ints
    v: Ints
    u_high: Ints
    v_high: Ints


def midpoint_duals(market: Market, flow: Ints) -> Duals:
    """Gain per unit of every offer (u) and need (v) at the midpoint of all optimal prices, in whole fen.

    Half a fen goes to the offer: rounding u up and v down keeps u + v >= gain on every edge and equality
    on traded ones, so the integer prices are as optimal as the midpoint itself. Where the slack of one
    side bounds nothing (capacity of an edge), the edge counts as always open.
    """
    u_high, v_low = _best_for_offers(market, flow)
    swapped = _swap(market)
    order = np.lexsort((market.offer, market.need))
    v_high, u_low = _best_for_offers(swapped, flow[order])
    return Duals(-(-(u_high + u_low) // 2), (v_high + v_low) // 2, u_high, v_high)


def _swap(market: Market) -> Market:
    order = np.lexsort((market.offer, market.need))
    return Market(market.demand, market.supply, market.need[order], market.offer[order], market.gain[order])


def _best_for_offers(market: Market, flow: Ints) -> tuple[Ints, Ints]:
    """The optimal duals that give offers the most: Bellman-Ford from the hub on the residual graph.

    With q = -v: q_j <= u_i - gain on every edge, u_i <= q_j + gain on traded ones, q_j <= 0, and u_i <= 0
    for an offer with units left, q_j >= 0 for a need with units left.
    """
    sold = np.bincount(market.offer, flow, len(market.supply)).astype(np.int64)
    bought = np.bincount(market.need, flow, len(market.demand)).astype(np.int64)
    u = np.where(sold < market.supply, 0, UNREACHED)
    q = np.zeros(len(market.demand), dtype=np.int64)
    if not len(market.offer):
        return u, -q
    by_need = np.lexsort((market.offer, market.need))
    offer, gain = market.offer[by_need], market.gain[by_need]
    needs, starts = np.unique(market.need[by_need], return_index=True)
    traded = np.nonzero(flow)[0]
    t_offer, t_need, t_gain = market.offer[traded], market.need[traded], market.gain[traded]
    sellers, t_starts = np.unique(t_offer, return_index=True)
    for _ in range(len(u) + len(q) + 2):
        before = u
        if len(traded):
            u = u.copy()
            u[sellers] = np.minimum(u[sellers], np.minimum.reduceat(q[t_need] + t_gain, t_starts))
        q_next = q.copy()
        q_next[needs] = np.minimum(q[needs], np.minimum.reduceat(u[offer] - gain, starts))
        if np.array_equal(q_next, q) and np.array_equal(u, before):
            break
        q = q_next
    else:
        raise ArithmeticError("the residual graph has a negative cycle: the flow is not optimal")
    if bool(np.any(q[bought < market.demand] < 0)):
        raise ArithmeticError("a need with units left has a price: the flow is not optimal")
    return u, -q
