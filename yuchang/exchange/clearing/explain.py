"""Why a match, and why a posting found nobody: reasons as codes and figures. Pure; no solver.

Everything said here follows from the postings and the published duals, and tells nobody's limit:
a price step is rounded up to ``PRICE_STEP_FEN``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from yuchang.exchange.clearing.classes import Classes, contract_twins
from yuchang.exchange.clearing.problem import ANYWHERE, CERTIFICATE_BITS, UNKNOWN_KM, Ints, Problem
from yuchang.exchange.clearing.result import Clearing

PRICE_STEP_FEN = 10
NONE = np.int64(2**61)
BLOCK_PAIRS = 1_000_000


LACKS_MASK = (1 << CERTIFICATE_BITS) - 1


def lacks_of(classes: Classes, offer: Ints, need: Ints) -> Ints:
    """The certificates that a need asks for and an offer lacks: their bits (below ``LACKS_MASK``), and how
    many above them, so that fewer are less."""
    missing = classes.certificates[need] & ~classes.certificates[offer]
    ranked: Ints = (np.bitwise_count(missing).astype(np.int64) << CERTIFICATE_BITS) | missing
    return ranked


def price_step(fen: int) -> int:
    """A difference in price as it may be told: rounded up, so that it tells nobody's limit."""
    return -(-fen // PRICE_STEP_FEN) * PRICE_STEP_FEN


@dataclass(frozen=True)
class MatchReason:
    """Figures of one trade: price, carriage, distance, days when both can, and how many partners fit."""

    price_fen: int
    transport_fen: int
    km: int
    start: int
    end: int
    offer_gain_fen: int
    need_gain_fen: int
    offer_partners: int
    need_partners: int


@dataclass(frozen=True)
class LeftoverReason:
    """Why ``quantity`` units of a posting stay: a code, and what would change it.

    ``nobody``: no counterpart at all; ``window``: none in time (``days`` apart); ``distance``: none in reach
    (the nearest ``km``); ``certificate``: none without ``lacks`` (bits, the fewest that would do);
    ``price``: none at these limits; ``outcompeted``: every partner has a use at least as good; ``partly``:
    the same for the rest of a posting that trades. ``step_fen`` is how much lower (offer) or higher (need)
    the limit would have to be to win a unit, 0 if no limit would.
    """

    posting: int
    quantity: int
    code: str
    figures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Outlook:
    """For every class: counterparts left after each condition, and the nearest miss of each."""

    in_category: Ints
    in_time: Ints
    in_reach: Ints
    certified: Ints
    feasible: Ints
    days: Ints
    km: Ints
    lacks: Ints
    step: Ints


def match_reasons(problem: Problem, result: Clearing) -> list[MatchReason]:
    """The reason of every trade, in the order of the result."""
    classes = contract_twins(problem)
    partners = _outlook(problem, classes, result).feasible[classes.of]
    km = problem.distances_km(problem.county[result.offer], problem.county[result.need])
    columns = (
        result.prices(problem),
        problem.transport_fen(problem.category[result.offer], km),
        km,
        np.maximum(problem.start[result.offer], problem.start[result.need]),
        np.minimum(problem.end[result.offer], problem.end[result.need]),
        result.dual[result.offer],
        result.dual[result.need],
        partners[result.offer],
        partners[result.need],
    )
    return [MatchReason(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def leftover_reasons(problem: Problem, result: Clearing) -> list[LeftoverReason]:
    """A reason for every posting (of the focus county, if there is one) with units left, by position."""
    left = problem.quantity - problem.traded(result)
    is_asked = (left > 0) & ((problem.county == problem.focus) | (problem.focus < 0))
    classes = contract_twins(problem)
    outlook = _outlook(problem, classes, result)
    reasons = []
    for i in np.nonzero(is_asked)[0].tolist():
        code, figures = _reason(problem, outlook, int(classes.of[i]), i)
        traded = int(problem.quantity[i] - left[i])
        if traded:
            code, figures = "partly", {"traded": traded, "partners": int(outlook.feasible[classes.of[i]])}
        reasons.append(LeftoverReason(i, int(left[i]), code, figures))
    return reasons


def _reason(problem: Problem, outlook: _Outlook, one: int, i: int) -> tuple[str, dict[str, int]]:
    if not outlook.in_category[one]:
        return "nobody", {}
    if not outlook.in_time[one]:
        return "window", {"counterparts": int(outlook.in_category[one]), "days": int(outlook.days[one])}
    if not outlook.in_reach[one]:
        km = int(outlook.km[one])
        return "distance", {"counterparts": int(outlook.in_time[one])} | (
            {"km": km} if km < UNKNOWN_KM else {}
        )
    if not outlook.certified[one]:
        lacks = int(outlook.lacks[one]) & LACKS_MASK
        return "certificate", {"counterparts": int(outlook.in_reach[one]), "lacks": lacks}
    step = price_step(int(outlook.step[one]))
    if problem.is_offer[i] and step > problem.limit[i]:
        step = 0
    if not outlook.feasible[one]:
        return "price", {"counterparts": int(outlook.certified[one]), "step_fen": step}
    return "outcompeted", {"partners": int(outlook.feasible[one]), "step_fen": step}


def _outlook(problem: Problem, classes: Classes, result: Clearing) -> _Outlook:
    """Compare every class with every counterpart of its category, block by block."""
    n = len(classes)
    counts = np.zeros((5, n), dtype=np.int64)
    nearest = np.full((4, n), NONE)
    ceiling = result.ceiling[classes.members[classes.first[:-1]]]
    for category in np.unique(classes.category).tolist():
        rows = np.nonzero(classes.category == category)[0]
        offers, needs = rows[classes.is_offer[rows]], rows[~classes.is_offer[rows]]
        if not len(offers) or not len(needs):
            continue
        height = max(1, BLOCK_PAIRS // len(needs))
        for low in range(0, len(offers), height):
            _compare(problem, classes, ceiling, offers[low : low + height], needs, counts, nearest)
    return _Outlook(*counts, *nearest)


def _compare(
    problem: Problem,
    classes: Classes,
    ceiling: Ints,
    offers: Ints,
    needs: Ints,
    counts: Ints,
    nearest: Ints,
) -> None:
    """One block of offers against all needs of the category; adds to ``counts`` and lowers ``nearest``."""
    i, j = offers[:, None], needs[None, :]
    km = problem.distances_km(classes.county[i], classes.county[j])
    is_other = (classes.owner[i] != classes.owner[j]) | (classes.owner[i] == -1)
    if problem.focus >= 0:
        is_other &= (classes.county[i] == problem.focus) | (classes.county[j] == problem.focus)
    apart = np.maximum(classes.start[i] - classes.end[j], classes.start[j] - classes.end[i])
    in_time = is_other & (apart <= 0)
    reach = np.where(classes.radius == ANYWHERE, UNKNOWN_KM - 1, classes.radius)
    in_reach = in_time & (km <= np.minimum(reach[i], reach[j]))
    lacks = lacks_of(classes, i, j)
    certified = in_reach & (lacks == 0)
    gain = classes.limit[j] - classes.limit[i] - problem.transport_fen(classes.category[i], km)
    size = np.diff(classes.first)
    for row, mask in enumerate((is_other, in_time, in_reach, certified, certified & (gain > 0))):
        counts[row, offers] += mask @ size[needs]
        counts[row, needs] += mask.T @ size[offers]
    misses = (
        (np.where(is_other, np.maximum(apart, 0), NONE),) * 2,
        (np.where(in_time, km, NONE),) * 2,
        (np.where(in_reach, lacks, NONE),) * 2,
        (
            np.where(certified, ceiling[j] - gain + 1, NONE),
            np.where(certified, ceiling[i] - gain + 1, NONE),
        ),
    )
    for row, (for_offer, for_need) in enumerate(misses):
        nearest[row, offers] = np.minimum(nearest[row, offers], for_offer.min(axis=1))
        nearest[row, needs] = np.minimum(nearest[row, needs], for_need.min(axis=0))
