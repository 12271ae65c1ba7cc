"""The independent checker of a scenario: swaps, floors, rows, ties and lots together. No solver inside.

Everything is derived again from the frozen postings, the context and the parameters: which pairs are kept or
barred, what swaps leave, what each group is to sell. Pairs barred because of lots are the scenario's own
choice; that no trade is below its lot is checked, that no other choice gains more is not claimed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from yuchang.exchange.clearing.checker import Certificate, check
from yuchang.exchange.clearing.floor_checker import check_floors
from yuchang.exchange.clearing.problem import Problem
from yuchang.exchange.clearing.rest import Rest, rest_after
from yuchang.exchange.clearing.result import Clearing
from yuchang.exchange.clearing.side_checker import check_rows
from yuchang.exchange.clearing.side_rows import SideClearing
from yuchang.exchange.clearing.swap_checker import check_swaps
from yuchang.exchange.clearing.terms import Context, Parameters, Terms, terms_of

if TYPE_CHECKING:
    from yuchang.exchange.clearing.scenario import Outcome


def verify(problem: Problem, context: Context, asked: Parameters, outcome: Outcome) -> Certificate:
    """Judge a scenario. The two sums of the certificate are those of the cash market."""
    found: list[str] = []
    terms = terms_of(problem, context, asked)
    if (terms.rows is None) != (outcome.sides is None):
        return _refused("the budgets and quotas are not as asked")
    if terms.rows is not None and outcome.sides is not None:
        return _check_sides(problem, terms, outcome, outcome.sides)
    if asked.has_swaps != (outcome.swaps is not None):
        return _refused("the swaps are not as asked")
    if (terms.floors is None) != (outcome.floored is None):
        return _refused("the floors are not as asked")
    if outcome.swaps is not None:
        barred = terms.barred_at(problem).union(outcome.small_swaps)
        verdict = check_swaps(problem, terms.unit_fen, asked.fund_fen, outcome.swaps, barred)
        if not verdict.is_accepted:
            return _refused(*(f"swaps: {one}" for one in verdict.violations))
        if outcome.swaps.below(terms.lots):
            found.append("a swap is smaller than its lot")
    rest = rest_after(problem, terms, outcome.swaps, outcome.small)
    if not _fits(outcome.cleared, rest):
        return _refused("a trade names a posting that swaps have emptied, or none")
    _check_lots(rest, outcome, found)
    certificate = _check_market(rest, outcome)
    violations = (*found, *certificate.violations)
    return replace(certificate, is_accepted=not violations, violations=violations)


def _check_sides(problem: Problem, terms: Terms, outcome: Outcome, sides: SideClearing) -> Certificate:
    """Budgets and quotas stand alone: nothing else may be in the outcome."""
    if terms.rows is None or outcome.cleared is not sides.cleared:
        return _refused("the trades are not those within the rows")
    if outcome.floored or outcome.swaps or outcome.small or outcome.small_swaps:
        return _refused("floors, swaps or barred pairs that nobody asked for")
    return check_rows(problem, terms.rows, sides, terms.ties(problem), terms.lots)


def _refused(*violations: str) -> Certificate:
    return Certificate(False, violations, 0, 0, 0)


def _fits(cleared: Clearing, rest: Rest) -> bool:
    """Whether the columns belong to these postings and leave out those that are used up."""
    n = len(rest.keep)
    rows = np.concatenate((cleared.offer, cleared.need))
    if len(cleared.dual) != n or len(cleared.ceiling) != n:
        return False
    return not len(rows) or bool(rows.min() >= 0 and rows.max() < n and rest.keep[rows].all())


def _check_lots(rest: Rest, outcome: Outcome, found: list[str]) -> None:
    if rest.lots is None:
        if outcome.small or outcome.small_swaps:
            found.append("pairs are barred for lots that nobody asked for")
        return
    trades = rest.part(outcome.cleared)
    lot = np.maximum(rest.lots[trades.offer], rest.lots[trades.need])
    if bool((trades.quantity < lot).any()):
        found.append("a trade is smaller than its lot")


def _check_market(rest: Rest, outcome: Outcome) -> Certificate:
    cleared = rest.part(outcome.cleared)
    if rest.floors is None or outcome.floored is None:
        columns = (cleared.offer, cleared.need, cleared.quantity, cleared.dual)
        return check(rest.problem, *columns, ties=rest.ties)
    market = outcome.floored.market
    if not _fits(market, rest):
        return _refused("the market without floors is none")
    floored = replace(outcome.floored, market=rest.part(market), cleared=cleared)
    return check_floors(rest.problem, rest.floors, floored, rest.ties)
