"""What a clearing with floors is, and what its figures mean. Pure; no solver: the checker counts again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yuchang.exchange.clearing.floors import PRICE_SCALE, Floors
from yuchang.exchange.clearing.problem import Ints, Problem, Ties, Trades, canonical_bytes
from yuchang.exchange.clearing.result import Clearing

NO_PAIR = np.int64(-(2**61))
"""The best gain of an offer that fits nobody."""


@dataclass(frozen=True)
class FloorFigures:
    """What the floors came to. All in fen.

    ``cost_fen`` = ``market_fen`` - ``welfare_fen`` = ``subsidy_fen`` (paid at unchanged market prices, it
    makes every trade voluntary) + ``idle_fen`` (the market value of what now stays unsold or unmet).
    ``bound_fen``: no clearing whatever that gives the groups as much value (however divided over the
    categories) gains more; for soft floors, gains less the price of what is short.
    """

    market_fen: int
    welfare_fen: int
    cost_fen: int
    subsidy_fen: int
    idle_fen: int
    shortfall_fen: int
    bound_fen: int


@dataclass(frozen=True)
class FloorClearing:
    """The result: the trades under floors, the market without them, and every floor's price and reason.

    ``cells``: rows of group, category, units sold, price per unit in fen; where the price is not 0 the
    trades are the best of all that sell at least as many. ``price``: of each
    group, millionths of a fen of subsidy per fen of value. ``reason``: why a group stays short, else "".
    """

    market: Clearing
    cleared: Clearing
    cells: Ints
    served_fen: Ints
    price: Ints
    reason: tuple[str, ...]
    figures: FloorFigures

    def to_bytes(self) -> bytes:
        """The canonical text of this result."""
        table: dict[str, Any] = {
            "market": self.market.to_bytes().decode(),
            "cleared": self.cleared.to_bytes().decode(),
            "cells": self.cells.tolist(),
            "served": self.served_fen.tolist(),
            "price": self.price.tolist(),
            "reason": list(self.reason),
            "figures": asdict(self.figures),
        }
        return canonical_bytes(table)


def account(
    problem: Problem,
    floors: Floors,
    market: Clearing,
    cleared: Clearing,
    cells: Ints,
    best: Ints,
    ties: Ties | None = None,
) -> tuple[Ints, Ints, tuple[str, ...], FloorFigures]:
    """Value served, price per fen, reason per group, and the figures. ``best``: see ``value_bound``."""
    served = served_values(problem, floors, cleared)
    price = prices_per_fen(floors, cells)
    bound = value_bound(problem, floors, cleared, best, served, price)
    reasons = shortfall_reasons(problem, floors, served, best)
    return served, price, reasons, floor_figures(problem, floors, market, cleared, served, bound, ties)


def served_values(problem: Problem, floors: Floors, cleared: Trades) -> Ints:
    """The value every group sells, its subgroups included, in fen."""
    worth = cleared.quantity * floors.unit_fen[problem.category[cleared.offer]]
    return _per_group(floors, floors.home[cleared.offer], worth)


def _per_group(floors: Floors, home: Ints, amount: Ints) -> Ints:
    found = np.zeros(len(floors), dtype=np.int64)
    for row in floors.chains(home):
        np.add.at(found, row[row >= 0], amount[row >= 0])
    return found


def units_sold(problem: Problem, floors: Floors, cleared: Trades) -> Ints:
    """Units by group and category."""
    found = np.zeros((len(floors), len(floors.unit_fen)), dtype=np.int64)
    category = problem.category[cleared.offer]
    for row in floors.chains(floors.home[cleared.offer]):
        np.add.at(found, (row[row >= 0], category[row >= 0]), cleared.quantity[row >= 0])
    return found


def prices_per_fen(floors: Floors, cells: Ints) -> Ints:
    """The price of each group's floor per fen of value, taken where the group sells most, rounded down."""
    found = np.zeros(len(floors), dtype=np.int64)
    most: dict[int, int] = {}
    for group, category, units, price in cells.tolist():
        unit = int(floors.unit_fen[category])
        if units * unit > most.get(group, -1):
            most[group] = units * unit
            found[group] = min(price * PRICE_SCALE // unit, 2**61)
    return found if floors.soft_price < 0 else np.minimum(found, floors.soft_price)


def value_bound(
    problem: Problem, floors: Floors, cleared: Clearing, best: Ints, served: Ints, price: Ints
) -> int:
    """The most that any clearing could gain that serves the groups as much, by weak duality, in fen.

    ``best`` of an offer: the greatest gain minus partner's dual over its feasible pairs, ``NO_PAIR`` if none.
    At any prices p of floors: gain <= sum of s x max(0, best + p x value) + sum of d x v - sum of p x floor.
    """
    lift = np.append(price, 0).astype(object)
    chains = floors.chains(floors.home)
    per_fen = sum((lift[row] for row in chains), np.zeros(len(problem), dtype=object))
    value = floors.unit_fen[problem.category].astype(object)
    own = best.astype(object) * PRICE_SCALE + per_fen * value
    offers = problem.is_offer & (best != NO_PAIR)
    units = problem.quantity.astype(object)
    total = int((units[offers] * np.maximum(own[offers], 0)).sum())
    needs = ~problem.is_offer
    total += PRICE_SCALE * int((units[needs] * cleared.dual[needs].astype(object)).sum())
    floor = floors.floor_fen if floors.soft_price >= 0 else np.minimum(floors.floor_fen, served)
    total -= int((price.astype(object) * floor.astype(object)).sum())
    return total // PRICE_SCALE


def shortfall_reasons(problem: Problem, floors: Floors, served: Ints, best: Ints) -> tuple[str, ...]:
    """Why a group stays below its floor: the first that applies; "" if it does not.

    ``supply``: all its postings are worth less than the floor; ``partner``: those that fit any need are;
    ``whole_units``: less than one unit is missing; ``price``: it would cost more than the soft price;
    ``competition``: the needs in reach are served by groups that are as badly off, or are too small.
    """
    value = floors.unit_fen[problem.category]
    worth = problem.quantity * value
    supply = _per_group(floors, floors.home, worth)
    reachable = _per_group(floors, floors.home, np.where(best != NO_PAIR, worth, 0))
    largest = np.zeros(len(floors), dtype=np.int64)
    for row in floors.chains(floors.home):
        np.maximum.at(largest, row[row >= 0], value[row >= 0])
    missing = floors.floor_fen - served
    last = "price" if floors.soft_price >= 0 else "competition"
    found = np.select(
        [missing <= 0, supply < floors.floor_fen, reachable < floors.floor_fen, missing < largest],
        ["", "supply", "partner", "whole_units"],
        last,
    )
    return tuple(found.tolist())


def floor_figures(
    problem: Problem,
    floors: Floors,
    market: Clearing,
    cleared: Clearing,
    served: Ints,
    bound: int,
    ties: Ties | None = None,
) -> FloorFigures:
    """The figures in Python's exact integers, from the postings and the trades alone."""
    before, after = welfare(problem, market, ties), welfare(problem, cleared, ties)
    worth = market.dual[cleared.offer] + market.dual[cleared.need]
    subsidy = _dot(cleared.quantity, worth) - after
    left = problem.quantity - problem.traded(cleared)
    return FloorFigures(
        market_fen=before,
        welfare_fen=after,
        cost_fen=before - after,
        subsidy_fen=subsidy,
        idle_fen=_dot(left, market.dual),
        shortfall_fen=sum(np.maximum(floors.floor_fen - served, 0).tolist()),
        bound_fen=bound,
    )


def welfare(problem: Problem, trades: Trades, ties: Ties | None = None) -> int:
    """The total gain of the trades in fen, what ties earn included."""
    gain = problem.gains(trades.offer, trades.need)
    if ties is not None:
        gain = gain + ties.of(trades.offer, trades.need, len(problem))
    return _dot(trades.quantity, gain)


def _dot(a: Ints, b: Ints) -> int:
    return sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))
