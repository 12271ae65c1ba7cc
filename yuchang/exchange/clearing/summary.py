"""The figures by which scenarios are compared. Pure; all from the frozen postings and the answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yuchang.exchange.clearing.floors import COUNTY, PRICE_SCALE, Floors
from yuchang.exchange.clearing.problem import Ints, Problem
from yuchang.exchange.clearing.scenario import Outcome, category_figures, prices, swap_legs
from yuchang.exchange.clearing.side_rows import SideClearing, SideRows
from yuchang.exchange.clearing.terms import Context, Parameters, Terms, terms_of

GROUPS_SHOWN = 50
DIFFERENCES_SHOWN = 10
LEAST_BUDGETS = 3
"""Sums of fewer would tell somebody's budget."""
LEVELS = ("household", "village", "county")


@dataclass(frozen=True)
class Tally:
    """What every posting trades: units, and their worth at the price the offer receives, in fen."""

    units: Ints
    value_fen: Ints


def tally_of(problem: Problem, outcome: Outcome, unit_fen: Ints) -> Tally:
    """Cash trades and swaps together."""
    cleared, price = outcome.cleared, prices(problem, outcome)
    units, value = problem.traded(cleared), np.zeros(len(problem), dtype=np.int64)
    for side in (cleared.offer, cleared.need):
        np.add.at(value, side, cleared.quantity * price)
    for i, j, n in swap_legs(outcome):
        units[[i, j]] += n
        value[[i, j]] += n * int(unit_fen[problem.category[i]])
    return Tally(units, value)


def summary_of(
    problem: Problem, context: Context, asked: Parameters, outcome: Outcome, plain: Tally | None = None
) -> dict[str, Any]:
    """Everything the comparison page shows of one run, for storing beside it.

    ``plain``: what every posting trades in the draft, for who gains and who loses by the scenario.
    """
    terms = terms_of(problem, context, asked)
    tally = tally_of(problem, outcome, terms.unit_fen)
    figures = category_figures(problem, outcome, terms.unit_fen)
    legs = swap_legs(outcome)
    poor = problem.is_offer & context.is_poor
    sellers = poor & (tally.units > 0)
    found: dict[str, Any] = {
        "welfare_fen": sum(one.welfare_fen for one in figures),
        "value_fen": sum(one.value_fen for one in figures),
        "matches": len(outcome.cleared.offer) + len(legs),
        "poor_value_fen": int(tally.value_fen[poor].sum()),
        "poor_offering": len(np.unique(context.household[poor])),
        "poor_selling": len(np.unique(context.household[sellers])),
        "kept": _kept(problem, context, outcome),
        "small": len(outcome.small),
        "helped": len(context.helps),
        "transport": dict(zip(problem.category_codes, problem.transport_fen_100km.tolist(), strict=True)),
    }
    if outcome.swaps is not None:
        found["swaps"] = _swaps(problem, outcome, terms, len(legs))
    if outcome.sides is not None and terms.rows is not None:
        found |= _rows(terms.rows, terms.pairings, outcome.sides)
    if outcome.floored is not None and terms.floors is not None:
        found |= _floors(problem, terms.floors, terms.keys, outcome)
    if plain is not None:
        found["differences"] = _differences(problem, plain, tally)
    return found


def _kept(problem: Problem, context: Context, outcome: Outcome) -> list[int]:
    """How many pairs of the last clearing trade again, and how many there were."""
    numbers = problem.id.tolist()
    trades = zip(outcome.cleared.offer.tolist(), outcome.cleared.need.tolist(), strict=True)
    now = {(numbers[i], numbers[j]) for i, j in trades}
    return [len(now & set(context.kept)), len(context.kept)]


def _swaps(problem: Problem, outcome: Outcome, terms: Terms, legs: int) -> dict[str, int]:
    if outcome.swaps is None:
        return {}
    worth = sum(n * int(terms.unit_fen[problem.category[i]]) for i, _j, n in swap_legs(outcome))
    return {
        "legs": legs,
        "value_fen": worth,
        "cash_fen": outcome.swaps.cash_fen,
        "gain_fen": outcome.swaps.gain_fen,
        "bound_fen": outcome.swaps.bound // PRICE_SCALE,
    }


def _rows(rows: SideRows, pairings: tuple[int, ...], sides: SideClearing) -> dict[str, Any]:
    """Budgets in sum, and the quotas that fall short most or cost most."""
    found: dict[str, Any] = {"rows": asdict(sides.figures)}
    if len(rows.budget_fen):
        found["budgets"] = {"count": len(rows.budget_fen), "tight": int((sides.budget_price > 0).sum())}
        if len(rows.budget_fen) >= LEAST_BUDGETS:
            sums = {"budget_fen": int(rows.budget_fen.sum()), "spent_fen": int(sides.spent_fen.sum())}
            found["budgets"] |= sums
    asked, served = rows.quota_fen, sides.served_fen
    if len(asked):
        found["quotas"] = {
            "count": len(asked),
            "short": int((served < asked).sum()),
            "asked_fen": int(asked.sum()),
            "served_fen": int(np.minimum(served, asked).sum()),
        }
    share = served * 1000 // np.maximum(asked, 1)
    shown = np.lexsort((np.arange(len(asked)), -sides.quota_price, np.minimum(share, 1000)))[:GROUPS_SHOWN]
    found["pairings"] = [
        {
            "key": pairings[at],
            "asked_fen": int(asked[at]),
            "served_fen": int(served[at]),
            "price": int(sides.quota_price[at]),
            "reason": sides.reason[at],
        }
        for at in shown.tolist()
    ]
    return found


def _floors(problem: Problem, floors: Floors, keys: Ints, outcome: Outcome) -> dict[str, Any]:
    """The floors by level, and the groups that fall short or cost most.

    ``reach`` is the largest share of the floor, in thousandths, that every group of a level has.
    """
    floored = outcome.floored
    if floored is None:
        return {}
    levels = []
    asked = floors.floor_fen
    served = floored.served_fen + _swapped(problem, floors, outcome)
    share = np.minimum(served * 1000 // np.maximum(asked, 1), 1000)
    for level, name in enumerate(LEVELS):
        rows = floors.level == level
        if not rows.any():
            continue
        reasons = [r for r, own in zip(floored.reason, rows.tolist(), strict=True) if own and r]
        levels.append(
            {
                "level": name,
                "groups": int(rows.sum()),
                "short": len(reasons),
                "asked_fen": int(asked[rows].sum()),
                "served_fen": int(np.minimum(served, asked)[rows].sum()),
                "reach": int(share[rows].min()),
                "price": int(floored.price[rows].max()),
                "reasons": {r: reasons.count(r) for r in sorted(set(reasons))},
            }
        )
    shown = np.lexsort((np.arange(len(floors)), -floored.price, share))[:GROUPS_SHOWN].tolist()
    groups = [
        {
            "level": LEVELS[floors.level[g]],
            "key": problem.county_ids[keys[g]] if floors.level[g] == COUNTY else int(keys[g]),
            "asked_fen": int(asked[g]),
            "served_fen": int(served[g]),
            "price": int(floored.price[g]),
            "reason": floored.reason[g],
        }
        for g in shown
        if floored.reason[g] or floored.price[g]
    ]
    return {"floors": asdict(floored.figures), "levels": levels, "groups": groups}


def _swapped(problem: Problem, floors: Floors, outcome: Outcome) -> Ints:
    """What every group moves by swaps, in fen at reference values."""
    found = np.zeros(len(floors), dtype=np.int64)
    for one, count in outcome.swaps.turns if outcome.swaps else ():
        for i, _j, units in one.legs:
            chain = floors.chains(floors.home[[i]])[:, 0]
            found[chain[chain >= 0]] += units * count * int(floors.unit_fen[problem.category[i]])
    return found


def _differences(problem: Problem, plain: Tally, tally: Tally) -> dict[str, Any]:
    """The postings whose traded worth rises and falls most: id, units and worth before and now."""
    change = tally.value_fen - plain.value_fen
    order = np.lexsort((problem.id, -change))
    up = [int(i) for i in order[:DIFFERENCES_SHOWN] if change[i] > 0]
    down = [int(i) for i in order[::-1][:DIFFERENCES_SHOWN] if change[i] < 0]

    def rows(chosen: list[int]) -> list[list[int]]:
        columns = (problem.id, plain.units, tally.units, plain.value_fen, tally.value_fen)
        return [[int(column[i]) for column in columns] for i in chosen]

    return {
        "more": int((change > 0).sum()),
        "less": int((change < 0).sum()),
        "up": rows(up),
        "down": rows(down),
    }
