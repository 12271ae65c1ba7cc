"""What would place a posting left over: the least single change of price, window, radius or papers. Pure.

A change counts only if it surely wins a unit: after it some pair gains more than the most that partner
could have elsewhere at any optimal prices (``Clearing.ceiling``), so no optimum can leave it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from yuchang.exchange.clearing.classes import Classes, contract_twins
from yuchang.exchange.clearing.explain import BLOCK_PAIRS, LACKS_MASK, NONE, lacks_of, price_step
from yuchang.exchange.clearing.problem import ANYWHERE, UNKNOWN_KM, Ints, Problem
from yuchang.exchange.clearing.result import Clearing


@dataclass(frozen=True)
class Change:
    """One change of a posting (its position) that would win it a unit.

    ``price``: the limit so many fen lower (offer) or higher (need), rounded up to 0.10 yuan so that it
    tells nobody's limit; ``earlier``, ``later``: the window so many days longer at that end; ``radius``:
    partners within so many km in all; ``certificates``: bits, had by an offer or asked no more by a need.
    """

    posting: int
    kind: str
    amount: int

    def applied(self, problem: Problem) -> Problem:
        """The same postings with this change made."""
        column, step = {
            "price": ("limit", -self.amount if problem.is_offer[self.posting] else self.amount),
            "earlier": ("start", -self.amount),
            "later": ("end", self.amount),
            "radius": ("radius", self.amount - int(problem.radius[self.posting])),
            "certificates": ("certificates", self.amount if problem.is_offer[self.posting] else -self.amount),
        }[self.kind]
        values = getattr(problem, column).copy()
        values[self.posting] += step
        return replace(problem, **{column: values})


KINDS = ("price", "earlier", "later", "radius", "certificates")


def changes(problem: Problem, result: Clearing) -> list[Change]:
    """The least change of each kind that would place a posting with units left (of the focus county).

    None for a posting that no single change would surely place.
    """
    left = problem.quantity - problem.traded(result)
    asked = (left > 0) & ((problem.county == problem.focus) | (problem.focus < 0))
    classes = contract_twins(problem)
    least = _least(problem, classes, result.ceiling[classes.members[classes.first[:-1]]])
    found = []
    for i in np.nonzero(asked)[0].tolist():
        for kind, amount in zip(KINDS, least[:, classes.of[i]].tolist(), strict=True):
            if not 0 < amount < NONE:
                continue
            step = {"price": price_step(amount), "certificates": amount & LACKS_MASK}.get(kind, amount)
            if kind != "price" or not problem.is_offer[i] or step <= problem.limit[i]:
                found.append(Change(i, kind, step))
    return found


def _least(problem: Problem, classes: Classes, ceiling: Ints) -> Ints:
    """The least change of each kind (rows) for every class."""
    least = np.full((len(KINDS), len(classes)), NONE)
    for offers, needs in _blocks(classes):
        for own, other, turned in (
            (offers[:, None], needs[None, :], False),
            (needs[:, None], offers[None, :], True),
        ):
            for row, amount in enumerate(_amounts(problem, classes, ceiling, own, other, turned)):
                rows = own[:, 0]
                least[row, rows] = np.minimum(least[row, rows], amount.min(axis=1))
    return least


def _blocks(classes: Classes) -> Iterator[tuple[Ints, Ints]]:
    """Offers and needs of one category, at most ``BLOCK_PAIRS`` pairs at a time."""
    for category in np.unique(classes.category).tolist():
        rows = np.nonzero(classes.category == category)[0]
        offers, needs = rows[classes.is_offer[rows]], rows[~classes.is_offer[rows]]
        if not len(offers) or not len(needs):
            continue
        height = max(1, BLOCK_PAIRS // len(needs))
        for low in range(0, len(offers), height):
            yield offers[low : low + height], needs


def _amounts(
    problem: Problem, classes: Classes, ceiling: Ints, own: Ints, other: Ints, turned: bool
) -> Iterator[Ints]:
    """How much each class would have to change towards each counterpart, ``NONE`` where that is no help."""
    i, j = (other, own) if turned else (own, other)
    km = problem.distances_km(classes.county[own], classes.county[other])
    fits = (classes.owner[own] != classes.owner[other]) | (classes.owner[own] == -1)
    if problem.focus >= 0:
        fits = fits & ((classes.county[own] == problem.focus) | (classes.county[other] == problem.focus))
    reach = np.where(classes.radius == ANYWHERE, UNKNOWN_KM - 1, classes.radius)
    early = classes.start[own] - classes.end[other]
    late = classes.start[other] - classes.end[own]
    fits = fits & (km <= reach[other])
    near, in_time = km <= reach[own], (early <= 0) & (late <= 0)
    lacks = lacks_of(classes, i, j)
    gain = classes.limit[j] - classes.limit[i] - problem.transport_fen(classes.category[own], km)
    step = ceiling[other] - gain + 1
    has = lacks == 0
    wins = fits & (step <= 0) & (gain > 0)
    yield np.where(fits & near & in_time & has, np.maximum(step, 1 - gain), NONE)
    yield np.where(wins & near & has & (early > 0), early, NONE)
    yield np.where(wins & near & has & (late > 0), late, NONE)
    yield np.where(wins & in_time & has & ~near, km, NONE)
    yield np.where(wins & in_time & near & ~has, lacks, NONE)
