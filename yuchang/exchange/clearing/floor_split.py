"""How a floor in value is split over categories: minimum-cost flows whose unit is a fen of value.

In fen of value all categories flow through one network, source -> county -> village -> household ->
offer -> need -> sink, and floors are arcs of it. What comes out may cut a unit in two; the split is
therefore only a target, and ``floor_market`` finds the exact whole units for it.

What is attainable is a maximum flow. Where it falls short, its minimum cut parts the groups that compete
for too little from those that get their floor in every maximum flow (Ford and Fulkerson 1956); only the
former are weighed against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ortools.graph.python import max_flow

from yuchang.exchange.clearing.floors import PRICE_SCALE, Floors
from yuchang.exchange.clearing.flow import solve
from yuchang.exchange.clearing.problem import INT64_SAFE, Bools, Flaw, Ints, Unfit

TRANCHES = 20
"""The worst served come first in steps of a twentieth of their floor."""
COARSE = 1000
"""A target weighs gains to the thousandth of a fen per fen: finer ones would only cost scaling rounds."""


@dataclass(frozen=True)
class Web:
    """The pairs of all categories whose offer counts for a floor: renumbered, capacities in fen of value."""

    home: Ints
    """The innermost group of each offer; offers that count for none stay out."""
    category: Ints
    """Of each offer."""
    supply: Ints
    demand: Ints
    offer: Ints
    need: Ints
    gain: Ints
    """Millionths of a fen per fen of value, of every pair."""


def attainable(floors: Floors, web: Web) -> Ints:
    """What each group can be given of its floor, households before villages before counties.

    Within a level the worst served (as a share of its floor) comes first, in steps of 1/``TRANCHES``.
    """
    target = np.zeros(len(floors), dtype=np.int64)
    for level in np.unique(floors.level).tolist():
        rows = floors.level == level
        inside = _inside(floors, target)
        owed = np.maximum(target - inside, 0)
        wish = np.where(rows, np.maximum(floors.floor_fen - inside, 0), owed)
        target = np.where(
            rows, np.minimum(floors.floor_fen, inside + _served(floors, web, inside, owed, wish)), target
        )
    return target


def _inside(floors: Floors, target: Ints) -> Ints:
    """What passes through each group at least because the groups below it are given their target."""
    inside = np.zeros(len(floors), dtype=np.int64)
    for level in np.unique(floors.level).tolist():
        at = np.nonzero((floors.level == level) & (floors.parent >= 0))[0]
        np.add.at(inside, floors.parent[at], np.maximum(inside, target)[at])
    return inside


def _served(floors: Floors, web: Web, inside: Ints, owed: Ints, wish: Ints) -> Ints:
    """What each group can be given directly: all of ``owed``, and of the rest of ``wish`` the worst first."""
    net = _network(floors, web, wish)
    short = net.short_side(int(wish.sum()))
    if not short.any():
        return wish
    groups = len(floors)
    rows = np.nonzero(short[:groups])[0]
    marks = floors.floor_fen[:, None] * np.arange(TRANCHES + 1)[None, :] // TRANCHES
    width = np.diff(np.maximum(marks, inside[:, None]), axis=1) * (wish > owed)[:, None]
    at, step = np.nonzero(width[rows])
    into = np.concatenate((rows, rows[at]))
    room = np.concatenate((owed[rows], width[rows][at, step]))
    worth = np.concatenate((np.full(len(rows), TRANCHES + 1), TRANCHES - step))
    given = wish.copy()
    given[rows] = np.bincount(into, net.weighed(short, into, room, worth), groups).astype(np.int64)[rows]
    return given


@dataclass(frozen=True)
class _Network:
    """Source into groups, then group -> group -> offer -> need -> sink; the last two nodes are the ends."""

    tails: Ints
    heads: Ints
    capacity: Ints
    nodes: int

    def short_side(self, wish: int) -> Bools:
        """The nodes that compete for too little: the source's side of the least cut (none if none do)."""
        flow = max_flow.SimpleMaxFlow()
        flow.add_arcs_with_capacity(self.tails.astype(np.int32), self.heads.astype(np.int32), self.capacity)
        if flow.solve(self.nodes - 2, self.nodes - 1) != flow.OPTIMAL:
            raise ArithmeticError("the maximum flow stopped early")
        side = np.zeros(self.nodes, dtype=bool)
        if flow.optimal_flow() < wish:
            side[flow.get_source_side_min_cut()] = True
        return side

    def weighed(self, inner: Bools, into: Ints, room: Ints, worth: Ints) -> Ints:
        """The flow through new arcs into inner groups that is worth most; all other nodes are one sink."""
        source, sink = self.nodes - 2, self.nodes - 1
        kept = inner[self.tails] & (self.tails != source)
        heads = np.where(inner[self.heads[kept]], self.heads[kept], sink)
        total = int(room.sum())
        tails = np.concatenate((np.full(len(into), source), self.tails[kept], [source]))
        cost = np.zeros(len(tails), dtype=np.int64)
        cost[: len(into)] = -worth
        balance = np.zeros(self.nodes, dtype=np.int64)
        balance[source], balance[sink] = total, -total
        capacity = np.concatenate((room, self.capacity[kept], [total]))
        flow = solve(tails, np.concatenate((into, heads, [sink])), capacity, cost, balance)
        return flow[: len(into)]


def _network(floors: Floors, web: Web, wish: Ints) -> _Network:
    groups, offers, needs = len(floors), len(web.supply), len(web.demand)
    first_offer, first_need = groups, groups + offers
    source, sink = first_need + needs, first_need + needs + 1
    below = np.nonzero(floors.parent >= 0)[0]
    wide = np.minimum(web.supply[web.offer], web.demand[web.need])
    parts = [
        (np.full(groups, source), np.arange(groups), wish),
        (floors.parent[below], below, np.full(len(below), int(wish.sum()))),
        (web.home, first_offer + np.arange(offers), web.supply),
        (first_offer + web.offer, first_need + web.need, wide),
        (first_need + np.arange(needs), np.full(needs, sink), web.demand),
    ]
    tails, heads, capacity = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    return _Network(tails, heads, capacity, sink + 1)


def split(floors: Floors, web: Web, target: Ints) -> Ints:
    """The value each group sells of each category (groups x categories) in the best relaxed clearing."""
    value = np.zeros((len(floors), int(web.category.max(initial=-1)) + 1), dtype=np.int64)
    if not len(web.offer):
        return value
    price = max(floors.soft_price, 0) // COARSE
    width = floors.floor_fen if floors.soft_price >= 0 else np.zeros_like(target)
    low = target if floors.soft_price < 0 else np.zeros_like(target)
    sold = _most_gain(floors, web, low, width, price)
    for row in floors.chains(web.home):
        np.add.at(value, (row[row >= 0], web.category[row >= 0]), sold[row >= 0])
    return value


def _most_gain(floors: Floors, web: Web, low: Ints, width: Ints, price: int) -> Ints:
    """What leaves every offer in the flow of most gain in which each group passes at least ``low``.

    The first ``width`` through each group earns ``price`` per fen beside it.
    """
    groups, offers, needs = len(floors), len(web.supply), len(web.demand)
    first_offer, first_need = groups, groups + offers
    source, sink = first_need + needs, first_need + needs + 1
    total = int(web.supply.sum())
    above = np.where(floors.parent < 0, source, floors.parent)
    gain = web.gain // COARSE
    if max(price * 4, int(gain.max(initial=0))) * (sink + 1) >= INT64_SAFE:
        raise Unfit([Flaw("overflow", 0, "the gain per fen of value")])
    wide = np.minimum(web.supply[web.offer], web.demand[web.need])
    priced = np.nonzero(width)[0]
    nothing = np.zeros(groups + offers + needs + 1, dtype=np.int64)
    parts = [
        (web.home, first_offer + np.arange(offers), web.supply, nothing[:offers]),
        (above, np.arange(groups), np.full(groups, total), nothing[:groups]),
        (above[priced], priced, width[priced], np.full(len(priced), -price)),
        (first_offer + web.offer, first_need + web.need, wide, -gain),
        (first_need + np.arange(needs), np.full(needs, sink), web.demand, nothing[:needs]),
        (np.array([source]), np.array([sink]), np.array([total]), nothing[:1]),
    ]
    tails, heads, capacity, cost = (
        np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)
    )
    balance = np.zeros(sink + 1, dtype=np.int64)
    np.add.at(balance, np.arange(groups), low)
    np.subtract.at(balance, above, low)
    balance[source] += total
    balance[sink] -= total
    return solve(tails, heads, capacity, cost, balance)[:offers]


def targets_in_units(floors: Floors, target: Ints, value: Ints) -> Ints:
    """Whole units per group and category that make up the target, divided as the relaxed clearing does.

    Shares are rounded up, then single units are dropped while the rest still makes up the target.
    """
    sums = value.sum(axis=1).tolist()
    units = np.zeros_like(value)
    price = floors.unit_fen.tolist()
    for g in np.nonzero((target > 0) & (value.sum(axis=1) > 0))[0].tolist():
        want = int(target[g])
        cells = np.nonzero(value[g])[0].tolist()
        found = {c: -(-int(value[g, c]) * min(want, sums[g]) // (sums[g] * price[c])) for c in cells}
        spare = sum(n * price[c] for c, n in found.items()) - want
        for c in sorted(cells, key=lambda c: (-price[c], c)):
            if spare >= price[c] and found[c]:
                found[c] -= 1
                spare -= price[c]
        units[g, list(found)] = list(found.values())
    return units


def per_fen(gain: Ints, unit_fen: Ints) -> Ints:
    """Gain per unit as millionths of a fen per fen of value, rounded down."""
    return gain * PRICE_SCALE // unit_fen
