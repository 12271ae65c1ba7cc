"""A scenario computed: swaps first, then the market under floors, ties and lots. Same input, same bytes.

1. With swaps: goods for goods over all postings, within the revolving fund; declined pairs are barred, and
   so are pairs that would swap less than a lot. What they move counts for the floors and is taken off the
   postings; their pairs do not trade for cash as well.
2. The rest is cleared for cash: with floors if there are any, with last time's partners kept and declined
   pairs barred; while a trade is smaller than its lot its pair is barred and the market is cleared again.

With budgets or quotas there are neither swaps nor floors: one linear programme over all categories, rounded
within every row and lot (``side_engine``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from yuchang.exchange.clearing.engine import Run, clear
from yuchang.exchange.clearing.floor_account import FloorClearing, FloorFigures
from yuchang.exchange.clearing.floor_engine import clear_with_floors
from yuchang.exchange.clearing.lots import bar_small_trades
from yuchang.exchange.clearing.problem import Ints, Problem, Ties, canonical_bytes
from yuchang.exchange.clearing.rest import Rest, rest_after
from yuchang.exchange.clearing.result import CategoryFigures, Clearing, result_from_bytes
from yuchang.exchange.clearing.side_engine import clear_with_rows
from yuchang.exchange.clearing.side_rows import SideClearing, side_from_json
from yuchang.exchange.clearing.swap_engine import clear_swaps
from yuchang.exchange.clearing.swaps import Cycle, Swaps
from yuchang.exchange.clearing.terms import Context, Parameters, Terms, terms_of

Barred = tuple[tuple[int, int], ...]
"""Pairs of offer and need, by position."""
Step = Callable[[str, int], None]
"""Told of every stage that begins and how much is done, in percent. May raise to stop."""


@dataclass(frozen=True)
class Outcome:
    """What a scenario came to. Positions are those of the whole problem.

    ``cleared``: the cash trades; ``floored``: the groups' columns and the figures of the floors; ``sides``:
    the duals and figures of budgets and quotas; ``small``: pairs barred because of lots, ``small_swaps``
    among the swaps.
    """

    cleared: Clearing
    floored: FloorClearing | None = None
    small: Barred = ()
    swaps: Swaps | None = None
    small_swaps: Barred = ()
    sides: SideClearing | None = None

    @property
    def market(self) -> Clearing:
        """The cash trades without floors, budgets and quotas; without any of them the trades themselves."""
        found = self.floored or self.sides
        return found.market if found else self.cleared

    def to_bytes(self) -> bytes:
        """The canonical text: a clearing's, with the proof of whatever is more than that."""
        table = json.loads(self.cleared.to_bytes())
        proof: dict[str, Any] = {}
        if self.floored:
            proof["floors"] = json.loads(self.floored.to_bytes())
            proof["floors"]["market"] = json.loads(proof["floors"]["market"])
            del proof["floors"]["cleared"]
        if self.small:
            proof["small"] = self.small
        if self.swaps:
            proof["swaps"] = json.loads(self.swaps.to_bytes())
        if self.small_swaps:
            proof["small_swaps"] = self.small_swaps
        if self.sides:
            market = json.loads(self.sides.market.to_bytes())
            proof["sides"] = self.sides.as_json() | {"market": market}
        return canonical_bytes(table | ({"proof": proof} if proof else {}))


def outcome_from_bytes(data: bytes) -> Outcome:
    """Read what ``Outcome.to_bytes`` wrote."""
    cleared = result_from_bytes(data)
    proof = json.loads(data).get("proof", {})
    floors, swaps, sides = (proof.get(name) for name in ("floors", "swaps", "sides"))
    return Outcome(
        cleared,
        None if floors is None else _floored(floors, cleared),
        _pairs(proof.get("small", ())),
        None if swaps is None else _swaps(swaps),
        _pairs(proof.get("small_swaps", ())),
        None if sides is None else _sides(sides, cleared),
    )


def _sides(table: dict[str, Any], cleared: Clearing) -> SideClearing:
    return side_from_json(table, result_from_bytes(canonical_bytes(table["market"])), cleared)


def _pairs(rows: Iterable[Sequence[int]]) -> Barred:
    return tuple((i, j) for i, j in rows)


def _floored(table: dict[str, Any], cleared: Clearing) -> FloorClearing:
    return FloorClearing(
        result_from_bytes(canonical_bytes(table["market"])),
        cleared,
        np.array(table["cells"], dtype=np.int64).reshape(-1, 4),
        np.array(table["served"], dtype=np.int64),
        np.array(table["price"], dtype=np.int64),
        tuple(table["reason"]),
        FloorFigures(**table["figures"]),
    )


def _swaps(table: dict[str, Any]) -> Swaps:
    turns = [
        (Cycle(tuple((i, j, n) for i, j, n in one["legs"]), one["gain_fen"], one["cash_fen"]), count)
        for one, count in table["turns"]
    ]
    balances = tuple((owner, fen) for owner, fen in table["balances"])
    dual = np.array(table["dual"], dtype=np.int64)
    return Swaps(**(table | {"turns": tuple(turns), "dual": dual, "balances": balances}))


def compute(
    problem: Problem,
    context: Context,
    asked: Parameters,
    run: Run = map,
    step: Step = lambda stage, percent: None,
) -> Outcome:
    """The scenario's trades and prices. Raises Unfit for input that means nothing or leaves 64 bits."""
    terms = terms_of(problem, context, asked)
    if terms.rows is not None:
        step("market", 20)
        sides = clear_with_rows(problem, terms.rows, run, terms.ties(problem), terms.lots)
        step("check", 80)
        return Outcome(sides.cleared, sides=sides)
    step("swaps", 5)
    swaps, small_swaps = _swap(problem, terms, asked) if asked.has_swaps else (None, ())
    rest = rest_after(problem, terms, swaps)
    step("market", 20)
    found = _solve(rest, run, rest.ties)
    small: Barred = ()
    if rest.lots is not None:
        step("lots", 60)
        found, small = _with_lots(rest, run, found)
    step("check", 80)
    floored = found if isinstance(found, FloorClearing) else None
    cleared = rest.whole(_trades(found))
    if floored is not None:
        floored = replace(floored, market=rest.whole(floored.market), cleared=cleared)
    return Outcome(cleared, floored, small, swaps, small_swaps)


def _swap(problem: Problem, terms: Terms, asked: Parameters) -> tuple[Swaps, Barred]:
    """The swaps, and the pairs barred until every leg fills its lot."""
    apart, small = terms.barred_at(problem), set[tuple[int, int]]()
    while True:
        found = clear_swaps(problem, terms.unit_fen, asked.fund_fen, apart | small)
        if not (below := found.below(terms.lots)):
            return found, tuple(sorted(small))
        small |= below


Found = Clearing | FloorClearing


def _solve(rest: Rest, run: Run, ties: Ties | None) -> Found:
    if rest.floors is None:
        return clear(rest.problem, run, ties)
    return clear_with_floors(rest.problem, rest.floors, run, ties)


def _trades(found: Found) -> Clearing:
    return found.cleared if isinstance(found, FloorClearing) else found


def _with_lots(rest: Rest, run: Run, found: Found) -> tuple[Found, Barred]:
    """Solve until every trade fills its lot; with the pairs (whole positions) that had to be barred."""
    nothing = np.zeros(0, dtype=np.int64)
    before = rest.ties or Ties(nothing, nothing, nothing)
    solve = partial(_solve, rest, run)
    if rest.lots is None:
        return found, ()
    found, ties = bar_small_trades(rest.problem, rest.lots, before, found, solve, _trades)
    known = {
        *zip(before.offer[before.bonus < 0].tolist(), before.need[before.bonus < 0].tolist(), strict=True)
    }
    pairs = {
        *zip(ties.offer[ties.bonus < 0].tolist(), ties.need[ties.bonus < 0].tolist(), strict=True)
    } - known
    return found, tuple(sorted((int(rest.at[i]), int(rest.at[j])) for i, j in pairs))


def prices(problem: Problem, outcome: Outcome) -> Ints:
    """What the offer of each cash trade receives per unit from the need, within both limits.

    Under floors the need pays what it could have elsewhere (its limit less its dual) and never less than the
    offer's limit: the subsidy of a floor comes from a fund, not from the buyer.
    """
    cleared = outcome.cleared
    if outcome.floored is None:
        return cleared.prices(problem)
    left = problem.gains(cleared.offer, cleared.need) - cleared.dual[cleared.need]
    found: Ints = problem.limit[cleared.offer] + np.maximum(left, 0)
    return found


def swap_legs(outcome: Outcome) -> list[tuple[int, int, int]]:
    """Offer, need and units of everything that is swapped, pairs added up."""
    return outcome.swaps.legs() if outcome.swaps else []


def category_figures(problem: Problem, outcome: Outcome, unit_fen: Ints) -> tuple[CategoryFigures, ...]:
    """The figures by category over all postings: trades at their prices, swaps at reference values."""
    legs = swap_legs(outcome)
    cleared = outcome.cleared
    worth = cleared.quantity * prices(problem, outcome)
    known = {one.code: one for one in outcome.cleared.figures}
    found = []
    for c, code in enumerate(problem.category_codes):
        rows = problem.category == c
        if not rows.any():
            continue
        one = known.get(code, CategoryFigures(code, 0, 0, 0, 0, 0, 0, 0, 0))
        own = [(i, j, n) for i, j, n in legs if problem.category[i] == c]
        units = sum(n for _i, _j, n in own)
        offers, needs = rows & problem.is_offer, rows & ~problem.is_offer
        found.append(
            replace(
                one,
                offers=int(offers.sum()),
                needs=int(needs.sum()),
                offered=int(problem.quantity[offers].sum()),
                needed=int(problem.quantity[needs].sum()),
                traded=one.traded + units,
                welfare_fen=one.welfare_fen + _gain(problem, own),
                value_fen=int(worth[problem.category[cleared.offer] == c].sum()) + units * int(unit_fen[c]),
            )
        )
    return tuple(found)


def _gain(problem: Problem, legs: list[tuple[int, int, int]]) -> int:
    """The total gain of what is swapped."""
    if not legs:
        return 0
    offer, need, units = np.array(legs, dtype=np.int64).T
    return int((units * problem.gains(offer, need)).sum())
