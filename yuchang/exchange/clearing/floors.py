"""Floors: what groups of sellers are to sell at least, in fen of value, nested. Pure; no solver.

A group is a household, a village or a county; its floor counts the sales of everybody in it. Value is
units x the category's reference value, so that kilograms and days of work add up. Groups form a
forest: every group's parent stands before it, and one group's members all lie within its parent's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from yuchang.exchange.clearing.problem import (
    INT64_SAFE,
    PRICE_MAX_FEN,
    Flaw,
    Ints,
    Problem,
    Unfit,
    canonical_bytes,
)

HOUSEHOLD, VILLAGE, COUNTY = 0, 1, 2
PRICE_SCALE = 1_000_000
"""Prices of a floor are millionths of a fen of subsidy per fen of value."""
SOFT_PRICE_MAX = 10 * PRICE_SCALE


@dataclass(frozen=True)
class Floors:
    """The groups as columns, each posting's innermost group (-1: none; needs: -1), and the values.

    ``soft_price`` < 0: floors come before all gain (household before village before county, the worst
    served first); otherwise a fen of value missing costs that many millionths of a fen.
    """

    level: Ints
    parent: Ints
    floor_fen: Ints
    home: Ints
    unit_fen: Ints
    """The reference value of one unit of each category."""
    soft_price: int = -1

    def __len__(self) -> int:
        return len(self.level)

    def to_bytes(self) -> bytes:
        """The canonical text of these floors."""
        columns = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }
        return canonical_bytes(columns)

    def chains(self, home: Ints) -> Ints:
        """For each home the groups it counts in: innermost first, one row per level, -1 beyond the root."""
        up = np.append(self.parent, -1)
        rows = [np.asarray(home)]
        while bool((rows[-1] >= 0).any()):
            rows.append(up[rows[-1]])
        return np.stack(rows)


def validate_floors(problem: Problem, floors: Floors) -> None:
    """Refuse floors that mean nothing. Raises Unfit (codes ``group``, ``floor``, ``value``, ``overflow``)."""
    n, flaws = len(floors), []
    at = np.arange(n)
    orphan = (floors.parent < -1) | (floors.parent >= at)
    above = np.append(floors.level, 99)[np.where(orphan, -1, floors.parent)]
    if bool(np.any(orphan | (above <= floors.level) | (floors.level < 0) | (floors.level > COUNTY))):
        flaws.append(Flaw("group", 0, "a parent must stand before its group, one level up"))
    if len(floors.home) != len(problem) or bool(np.any((floors.home < -1) | (floors.home >= n))):
        flaws.append(Flaw("group", 0, "a posting names a group that does not exist"))
    elif bool(np.any((floors.home >= 0) & ~problem.is_offer)):
        flaws.append(Flaw("group", 0, "only offers count for a floor"))
    if bool(np.any((floors.floor_fen < 0) | (floors.floor_fen >= INT64_SAFE // PRICE_SCALE))):
        flaws.append(Flaw("floor", 0))
    values = floors.unit_fen
    if len(values) != len(problem.category_codes) or bool(np.any((values < 1) | (values > PRICE_MAX_FEN))):
        flaws.append(Flaw("value", 0))
    if floors.soft_price > SOFT_PRICE_MAX:
        flaws.append(Flaw("price", 0, "a soft floor's price is at most ten fen per fen"))
    if not flaws and _worth(problem, floors) >= INT64_SAFE // 4:
        flaws.append(Flaw("overflow", 0, "the value of all postings"))
    if flaws:
        raise Unfit(flaws)


def _worth(problem: Problem, floors: Floors) -> int:
    units, values = problem.quantity.tolist(), floors.unit_fen[problem.category].tolist()
    return sum(q * v for q, v in zip(units, values, strict=True))


def floors_of(
    problem: Problem, groups: list[tuple[int, int, int]], home: dict[int, int], **more: Any
) -> Floors:
    """Floors from plain rows (level, parent, floor in fen) and each owner's innermost group.

    ``unit_fen`` defaults to the median limit of each category, at least 1 fen.
    """
    columns = np.array(groups, dtype=np.int64).reshape(-1, 3)
    homes = [
        home.get(o, -1) if s else -1
        for o, s in zip(problem.owner.tolist(), problem.is_offer.tolist(), strict=True)
    ]
    values = more.pop("unit_fen", None)
    return Floors(
        columns[:, 0],
        columns[:, 1],
        columns[:, 2],
        np.array(homes, dtype=np.int64),
        reference_values(problem) if values is None else np.array(values, dtype=np.int64),
        **more,
    )


def reference_values(problem: Problem) -> Ints:
    """The median limit of each category's postings, in fen per unit, at least 1."""
    found = np.ones(len(problem.category_codes), dtype=np.int64)
    for category in np.unique(problem.category).tolist():
        found[category] = max(1, int(np.median(problem.limit[problem.category == category])))
    return found
