"""Budgets and pairing quotas: rows over many pairs that leave the network. Pure; no solver.

A budget bounds what one participant may come to pay: the sum of units x the **need's limit** over its needs.
The limit, not the price, since prices follow from the answer: whatever is agreed later, between both limits
and with carriage, costs no more. A quota asks that a helper's needs take goods of at least so much
**reference value** from the paired county or village; what is missing costs a posted penalty, so that an
infeasible quota is reported, never forced.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yuchang.exchange.clearing.floor_account import welfare
from yuchang.exchange.clearing.problem import (
    INT64_SAFE,
    Bools,
    Flaw,
    Ints,
    Problem,
    Ties,
    Unfit,
    canonical_bytes,
)
from yuchang.exchange.clearing.result import Clearing

SCALE = 1_000_000
"""Duals, penalties, the value and its bound are whole millionths of a fen."""
ROW_MAX_FEN = 10**13
"""No budget and no quota is larger: a hundred billion yuan."""
PENALTY_MAX = 10 * SCALE
BUDGET_PRICE_MAX = 1_000 * SCALE
"""A fen of a budget is worth at most ten yuan: its price times any limit stays within 64 bits."""
DUAL_MAX = 2**60


@dataclass(frozen=True)
class SideRows:
    """The rows. ``budget_of``: which budget pays for a posting (-1: none; offers: -1).

    ``penalty``: millionths of a fen of gain per fen of value missing. ``quota_offers`` and ``quota_needs``:
    the postings (positions) whose trades with each other count for a quota.
    """

    budget_fen: Ints
    budget_of: Ints
    quota_fen: Ints
    quota_offers: tuple[Ints, ...]
    quota_needs: tuple[Ints, ...]
    unit_fen: Ints
    """The reference value of one unit of each category."""
    penalty: int = SCALE

    def budget_at(self, posting: Ints) -> Ints:
        """The budget that pays for a need, in fen; ``INT64_SAFE`` where there is none."""
        return np.append(self.budget_fen, INT64_SAFE)[self.budget_of[posting]]

    def members(self, quota: int, size: int) -> tuple[Bools, Bools]:
        """Which of ``size`` postings give and take for a quota."""
        offers, needs = np.zeros((2, size), dtype=bool)
        offers[self.quota_offers[quota]] = True
        needs[self.quota_needs[quota]] = True
        return offers, needs


def validate_rows(problem: Problem, rows: SideRows) -> None:
    """Refuse rows that mean nothing: Unfit (``budget``, ``quota``, ``penalty``, ``value``, ``rows``)."""
    flaws = []
    known = len(rows.budget_of) == len(problem) and bool(
        np.all((rows.budget_of >= -1) & (rows.budget_of < len(rows.budget_fen)))
    )
    if bool(np.any((rows.budget_fen < 0) | (rows.budget_fen > ROW_MAX_FEN))):
        flaws.append(Flaw("budget", 0, "a budget is negative or absurd"))
    if not known:
        flaws.append(Flaw("budget", 0, "a posting names a budget that does not exist"))
    elif bool(np.any((rows.budget_of >= 0) & problem.is_offer)):
        flaws.append(Flaw("budget", 0, "a budget pays for needs only"))
    if bool(np.any((rows.quota_fen < 1) | (rows.quota_fen > ROW_MAX_FEN))):
        flaws.append(Flaw("quota", 0, "a quota is below one fen or absurd"))
    sides = ((rows.quota_offers, True), (rows.quota_needs, False))
    if any(len(side) != len(rows.quota_fen) or not _are(problem, side, kind) for side, kind in sides):
        flaws.append(Flaw("quota", 0, "a quota names postings that do not exist or stand on the wrong side"))
    if not 0 <= rows.penalty <= PENALTY_MAX:
        flaws.append(Flaw("penalty", 0, "what is missing of a quota costs at most ten fen per fen"))
    if len(rows.unit_fen) != len(problem.category_codes) or bool(np.any(rows.unit_fen < 1)):
        flaws.append(Flaw("value", 0))
    if not flaws and _worst(problem, rows) >= INT64_SAFE:
        flaws.append(Flaw("rows", 0, "the value of all postings would leave 64 bits"))
    if flaws:
        raise Unfit(flaws)


def _are(problem: Problem, side: tuple[Ints, ...], is_offer: bool) -> bool:
    """Whether all these are positions of offers, or of needs."""
    if not side:
        return True
    at = np.concatenate(side)
    inside = bool(((at >= 0) & (at < len(problem))).all())
    return inside and bool((problem.is_offer[at] == is_offer).all())


def _worst(problem: Problem, rows: SideRows) -> int:
    """More than any sum in fen or thousandths of it can come to (exact integers of Python)."""
    top = max(int(problem.limit.max(initial=0)), int(rows.unit_fen.max(initial=0)) * (PENALTY_MAX // SCALE))
    units: int = sum(problem.quantity.tolist())
    return units * (2 * top + 1) * 1000


def may_fill(problem: Problem, rows: SideRows, lots: Ints | None, offer: Ints, need: Ints) -> Any:
    """Whether one lot (one unit without lots) of a pair fits into both quantities and the budget."""
    lot = 1 if lots is None else np.maximum(lots[offer], lots[need])
    room = np.minimum(problem.quantity[offer], problem.quantity[need])
    return (lot <= room) & (lot * problem.limit[need] <= rows.budget_at(need))


@dataclass(frozen=True)
class SideFigures:
    """What the rows came to, in fen; ``value`` and ``bound`` in millionths.

    ``cost_fen`` = ``market_fen`` - ``welfare_fen``. ``value``: the gain less the penalty on what is missing;
    ``bound``: no clearing within the rows has more. ``bound_fen``: no clearing within the budgets that takes
    as much for every quota gains more.
    """

    market_fen: int
    welfare_fen: int
    cost_fen: int
    missing_fen: int
    value: int
    bound: int
    bound_fen: int


@dataclass(frozen=True)
class SideClearing:
    """The result: trades within the rows, the market without them, and the duals that prove the bound.

    ``dual``: of every posting, ``budget_price`` and ``quota_price``: of every row, all in millionths (of a
    fen per unit, per fen). ``spent_fen``: what the budgets may come to pay; ``served_fen``: what counts for
    the quotas; ``reason``: why a quota is not reached, else "".
    """

    market: Clearing
    cleared: Clearing
    dual: Ints
    budget_price: Ints
    quota_price: Ints
    spent_fen: Ints
    served_fen: Ints
    reason: tuple[str, ...]
    figures: SideFigures

    def as_json(self) -> dict[str, Any]:
        """For storing, without ``cleared``."""
        columns = ("dual", "budget_price", "quota_price", "spent_fen", "served_fen")
        table: dict[str, Any] = {name: getattr(self, name).tolist() for name in columns}
        return table | {"reason": list(self.reason), "figures": asdict(self.figures)}

    def to_bytes(self) -> bytes:
        """The canonical text of this result."""
        table = self.as_json()
        table |= {"market": self.market.to_bytes().decode(), "cleared": self.cleared.to_bytes().decode()}
        return canonical_bytes(table)


def side_from_json(table: dict[str, Any], market: Clearing, cleared: Clearing) -> SideClearing:
    """Read what ``SideClearing.as_json`` gave."""
    names = ("dual", "budget_price", "quota_price", "spent_fen", "served_fen")
    columns = {name: np.array(table[name], dtype=np.int64) for name in names}
    return SideClearing(
        market, cleared, **columns, reason=tuple(table["reason"]), figures=SideFigures(**table["figures"])
    )


@dataclass(frozen=True)
class Reach:
    """Of every quota: which of its offers and of its needs fit some posting of the other side."""

    offers: tuple[Bools, ...]
    needs: tuple[Bools, ...]


def account(
    problem: Problem,
    rows: SideRows,
    market: Clearing,
    cleared: Clearing,
    duals: tuple[Ints, Ints, Ints],
    reach: Reach,
    ties: Ties | None = None,
) -> tuple[Ints, Ints, tuple[str, ...], SideFigures]:
    """Spent, served, reasons and figures, from the postings, the trades and the duals alone."""
    spent, served = spent_fen(problem, rows, cleared), served_fen(problem, rows, cleared)
    before, after = welfare(problem, market, ties), welfare(problem, cleared, ties)
    missing = int(np.maximum(rows.quota_fen - served, 0).sum())
    figures = SideFigures(
        before,
        after,
        before - after,
        missing,
        after * SCALE - rows.penalty * missing,
        bound_of(problem, rows, duals, rows.quota_fen),
        bound_of(problem, rows, duals, np.minimum(rows.quota_fen, served)) // SCALE,
    )
    return spent, served, reasons_of(problem, rows, served, duals[2], reach), figures


def spent_fen(problem: Problem, rows: SideRows, cleared: Clearing) -> Ints:
    """What every budget may come to pay: units x the need's limit."""
    found = np.zeros(len(rows.budget_fen) + 1, dtype=np.int64)
    np.add.at(found, rows.budget_of[cleared.need], cleared.quantity * problem.limit[cleared.need])
    return found[:-1]


def served_fen(problem: Problem, rows: SideRows, cleared: Clearing) -> Ints:
    """What counts for every quota, at reference values."""
    worth = cleared.quantity * rows.unit_fen[problem.category[cleared.offer]]
    found = np.zeros(len(rows.quota_fen), dtype=np.int64)
    for quota in range(len(found)):
        offers, needs = rows.members(quota, len(problem))
        found[quota] = worth[offers[cleared.offer] & needs[cleared.need]].sum()
    return found


def bound_of(problem: Problem, rows: SideRows, duals: tuple[Ints, Ints, Ints], quota_fen: Ints) -> int:
    """What nothing within the rows can exceed, in millionths, if the duals are sound (exact integers).

    Weak duality: sum of units x dual + budgets x their prices - quotas x theirs.
    """
    dual, budget_price, quota_price = duals
    total = _dot(problem.quantity, dual) + _dot(rows.budget_fen, budget_price)
    return total - _dot(quota_fen, quota_price)


def _dot(a: Ints, b: Ints) -> int:
    return sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def reasons_of(problem: Problem, rows: SideRows, served: Ints, price: Ints, reach: Reach) -> tuple[str, ...]:
    """Why a quota is not reached: the first that applies; "" if it is.

    ``supply``: all offers of the place are worth less; ``partner``: those that fit the helper's needs are, or
    those needs; ``budget``: the helper's budgets buy less; ``whole_units``: less than one unit is missing;
    ``penalty``: it would cost more than the posted penalty; ``competition``: other rows claim the same.
    """
    value = rows.unit_fen[problem.category]
    worth = problem.quantity * value
    found = []
    for quota, (asked, got) in enumerate(zip(rows.quota_fen.tolist(), served.tolist(), strict=True)):
        offers, needs = rows.quota_offers[quota], rows.quota_needs[quota]
        fit_offers, fit_needs = offers[reach.offers[quota]], needs[reach.needs[quota]]
        largest = int(value[fit_offers].max(initial=0))
        cases = (
            (got >= asked, ""),
            (int(worth[offers].sum()) < asked, "supply"),
            (min(int(worth[fit_offers].sum()), int(worth[fit_needs].sum())) < asked, "partner"),
            (_affordable(problem, rows, fit_needs, worth) < asked, "budget"),
            (asked - got < largest, "whole_units"),
            (int(price[quota]) == rows.penalty, "penalty"),
        )
        found.append(next((code for applies, code in cases if applies), "competition"))
    return tuple(found)


def _affordable(problem: Problem, rows: SideRows, needs: Ints, worth: Ints) -> int:
    """No less than the reference value that these needs can take within their budgets."""
    total = int(worth[needs[rows.budget_of[needs] < 0]].sum())
    for budget in np.unique(rows.budget_of[needs]).tolist():
        own = needs[rows.budget_of[needs] == budget]
        if budget < 0:
            continue
        value, limit = rows.unit_fen[problem.category[own]].tolist(), problem.limit[own].tolist()
        most = max(
            int(rows.budget_fen[budget]) * v // max(w, 1) + 1 for v, w in zip(value, limit, strict=True)
        )
        total += min(int(worth[own].sum()), most)
    return total
