"""How a floor in value is split over categories: minimum-cost flows whose unit is a fen of value.

In fen of value all categories flow through one network, source -> county -> village -> household ->
offer -> need -> sink, and floors are arcs of it. What comes out may cut a unit in two; the split is
therefore only a target, and ``floor_market`` finds the exact whole units for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ortools.graph.python import min_cost_flow

from yuchang.exchange.clearing.floors import PRICE_SCALE, Floors
from yuchang.exchange.clearing.problem import INT64_SAFE, Flaw, Ints, Unfit

TRANCHES = 20
"""The worst served come first in steps of a twentieth of their floor."""


@dataclass(frozen=True)
class Web:
    """Every feasible pair of all categories: offers and needs renumbered, capacities in fen of value."""

    home: Ints
    category: Ints
    """Of each offer."""
    supply: Ints
    demand: Ints
    offer: Ints
    need: Ints
    gain: Ints
    """Millionths of a fen per fen of value, of every pair."""


@dataclass(frozen=True)
class _Tranche:
    """Parallel arcs into every group: how wide and what a fen through each is worth."""

    width: Ints
    worth: Ints


def attainable(floors: Floors, web: Web) -> Ints:
    """What each group can be given of its floor, households before villages before counties.

    Within a level the worst served (as a share of its floor) comes first, in steps of 1/``TRANCHES``.
    """
    target = np.zeros(len(floors), dtype=np.int64)
    for level in np.unique(floors.level).tolist():
        rows = floors.level == level
        marks = floors.floor_fen[:, None] * np.arange(TRANCHES + 1)[None, :] // TRANCHES
        width = np.where(rows[:, None], np.diff(marks, axis=1), 0)
        worth = np.broadcast_to(np.arange(TRANCHES, 0, -1), width.shape)
        flow = _through(floors, web, target, _Tranche(width, worth), with_gain=False)[0]
        target = np.where(rows, np.minimum(floors.floor_fen, flow), target)
    return target


def split(floors: Floors, web: Web, target: Ints) -> Ints:
    """The value each group sells of each category (groups x categories) in the best relaxed clearing."""
    price = np.full((len(floors), 1), max(floors.soft_price, 0))
    width = (floors.floor_fen if floors.soft_price >= 0 else target * 0)[:, None]
    low = target if floors.soft_price < 0 else target * 0
    sold = _through(floors, web, low, _Tranche(width, price), with_gain=True)[1]
    value = np.zeros((len(floors), int(web.category.max(initial=-1)) + 1), dtype=np.int64)
    for row in floors.chains(web.home):
        np.add.at(value, (row[row >= 0], web.category[row >= 0]), sold[row >= 0])
    return value


def _through(floors: Floors, web: Web, low: Ints, tranche: _Tranche, *, with_gain: bool) -> tuple[Ints, Ints]:
    """The flow through every group and out of every offer. ``low`` is what a group must at least pass."""
    groups, offers, needs = len(floors), len(web.supply), len(web.demand)
    if not len(web.offer):
        return np.zeros(groups, dtype=np.int64), np.zeros(offers, dtype=np.int64)
    first_offer, first_need = groups, groups + offers
    source, sink = first_need + needs, first_need + needs + 1
    total = int(web.supply.sum())
    above = np.where(floors.parent < 0, source, floors.parent)
    tail = np.where(web.home < 0, source, web.home)
    at, step = np.nonzero(tranche.width)
    worth = tranche.worth[at, step].astype(np.int64)
    gain = web.gain if with_gain else np.zeros_like(web.gain)
    top = int(max(worth.max(initial=0) * 4, gain.max(initial=0)))
    if top * (sink + 1) >= INT64_SAFE:
        raise Unfit([Flaw("overflow", 0, "the gain per fen of value")])
    wide = np.minimum(web.supply[web.offer], web.demand[web.need])
    parts = [
        (above, np.arange(groups), np.full(groups, total), np.zeros(groups, dtype=np.int64)),
        (above[at], at, tranche.width[at, step], -worth),
        (tail, first_offer + np.arange(offers), web.supply, np.zeros(offers, dtype=np.int64)),
        (first_offer + web.offer, first_need + web.need, wide, -gain),
        (first_need + np.arange(needs), np.full(needs, sink), web.demand, np.zeros(needs, dtype=np.int64)),
        (np.array([source]), np.array([sink]), np.array([total]), np.zeros(1, dtype=np.int64)),
    ]
    tails, heads, capacity, cost = (
        np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)
    )
    balance = np.zeros(sink + 1, dtype=np.int64)
    np.add.at(balance, np.arange(groups), low)
    np.subtract.at(balance, above, low)
    balance[source] += total
    balance[sink] -= total
    flow = solve(tails, heads, capacity, cost, balance)
    through = low + flow[:groups]
    np.add.at(through, at, flow[groups : groups + len(at)])
    begin = groups + len(at)
    return through, flow[begin : begin + offers]


def solve(tails: Ints, heads: Ints, capacity: Ints, cost: Ints, balance: Ints) -> Ints:
    """The flow of least cost. Exact; the same arrays give the same flow."""
    network = min_cost_flow.SimpleMinCostFlow()
    arcs = network.add_arcs_with_capacity_and_unit_cost(
        tails.astype(np.int32), heads.astype(np.int32), capacity, cost
    )
    network.set_nodes_supplies(np.arange(len(balance), dtype=np.int32), balance)
    status = network.solve()
    if status != network.OPTIMAL:
        raise ArithmeticError(f"minimum-cost flow stopped with status {status}")
    return np.asarray(network.flows(arcs), dtype=np.int64)


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
