"""Why this partner and not that one: two postings of one run compared by its prices. Pure.

Everything said follows from the run's duals. What a pair falls short by is rounded up to 0.10 yuan, as in
``clearing.explain``, so that it tells nobody's limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from yuchang.exchange.clearing.explain import price_step
from yuchang.exchange.clearing.problem import ANYWHERE, UNKNOWN_KM, Ints, Problem

SHOWN = 40
"""So many other partners are offered for comparison, the nearest first."""


@dataclass(frozen=True)
class Comparison:
    """Why a pair does not trade (words: ``words_deals.comparison``): a code and its figures.

    ``absent``: one of them was not in the run; ``opposite``: no pair at all; ``barred``: declined before;
    ``certificate``: the offer lacks what the need asks for (``lacks``, bits); ``area``, ``window``
    (``days``), ``distance`` (``km``): they do not fit; ``price``: their limits leave nothing
    (``short_fen``); ``better``: both have uses at least as good, this pair falls ``short_fen`` behind;
    ``equal``: as good as what was chosen; ``rows``: budgets or quotas decided beside the price; ``matched``:
    they do trade.
    """

    code: str
    figures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """A run, or the postings of it that are compared. ``barred``: pairs of posting ids kept apart."""

    problem: Problem
    dual: Ints
    trades: set[tuple[int, int]]
    """Pairs of posting ids."""
    barred: set[tuple[int, int]]
    has_rows: bool = False


def compare(view: View, offer_id: int, need_id: int) -> Comparison:
    """The verdict of a run on one offer and one need, by their numbers."""
    problem = view.problem
    at = {number: i for i, number in enumerate(problem.id.tolist())}
    if offer_id not in at or need_id not in at:
        return Comparison("absent")
    i, j = at[offer_id], at[need_id]
    if not problem.is_offer[i] or problem.is_offer[j] or problem.category[i] != problem.category[j]:
        return Comparison("opposite")
    if (offer_id, need_id) in view.trades:
        return Comparison("matched")
    return _misfit(problem, i, j) or _by_price(view, i, j, is_barred=(offer_id, need_id) in view.barred)


def _misfit(problem: Problem, i: int, j: int) -> Comparison | None:
    """What keeps a pair apart before any price."""
    if problem.owner[i] == problem.owner[j]:
        return Comparison("opposite")
    if problem.focus >= 0 and problem.focus not in (problem.county[i], problem.county[j]):
        return Comparison("area")
    days = int(max(problem.start[i] - problem.end[j], problem.start[j] - problem.end[i]))
    if days > 0:
        return Comparison("window", {"days": days})
    km = _km(problem, i, j)
    reach = min(UNKNOWN_KM - 1 if r == ANYWHERE else r for r in problem.radius[[i, j]].tolist())
    if km > reach:
        return Comparison("distance", {"km": km} if km < UNKNOWN_KM else {})
    lacks = int(problem.certificates[j] & ~problem.certificates[i])
    return Comparison("certificate", {"lacks": lacks}) if lacks else None


def _by_price(view: View, i: int, j: int, *, is_barred: bool) -> Comparison:
    problem = view.problem
    if is_barred:
        return Comparison("barred")
    carriage = int(problem.transport_fen(problem.category[[i]], np.array([_km(problem, i, j)]))[0])
    gain = int(problem.limit[j] - problem.limit[i]) - carriage
    if gain <= 0:
        return Comparison("price", {"short_fen": price_step(1 - gain), "transport_fen": carriage})
    if view.has_rows:
        return Comparison("rows", {"transport_fen": carriage})
    short = int(view.dual[i] + view.dual[j]) - gain
    if short <= 0:
        return Comparison("equal", {"transport_fen": carriage})
    return Comparison("better", {"short_fen": price_step(short), "transport_fen": carriage})


def _km(problem: Problem, i: int, j: int) -> int:
    return int(problem.distances_km(problem.county[[i]], problem.county[[j]])[0])


def others(problem: Problem, posting_id: int, limit: int = SHOWN) -> list[tuple[int, int | None]]:
    """The counterparts of a posting in its run with their distance in km (None: unknown), nearest first."""
    at = np.nonzero(problem.id == posting_id)[0]
    if not len(at):
        return []
    i = int(at[0])
    opposite = (problem.category == problem.category[i]) & (problem.is_offer != problem.is_offer[i])
    rows = np.nonzero(opposite & (problem.owner != problem.owner[i]))[0]
    km = problem.distances_km(problem.county[[i]], problem.county[rows])
    order = np.lexsort((problem.id[rows], km))[:limit]
    pairs = zip(problem.id[rows[order]].tolist(), km[order].tolist(), strict=True)
    return [(number, far if far < UNKNOWN_KM else None) for number, far in pairs]
