"""Twins: identical postings act as one, so ten thousand equal ones cost no more than one.

Two postings are twins when no partner could tell them apart: same side, category, limit, window,
county, radius and certificates. An owner with postings on both sides of a category keeps its own, since it
may not trade with itself. Contracting twins changes neither the optimum nor any price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yuchang.exchange.clearing.problem import Bools, Ints, Problem


@dataclass(frozen=True)
class Classes:
    """Classes of twins as columns; ``of`` maps a posting's position to its class."""

    of: Ints
    members: Ints
    """Posting positions, class after class, each class in id order."""
    first: Ints
    """Where each class starts in ``members``; one more entry than classes."""
    is_offer: Bools
    owner: Ints
    category: Ints
    quantity: Ints
    limit: Ints
    start: Ints
    end: Ints
    county: Ints
    radius: Ints
    certificates: Ints

    def __len__(self) -> int:
        return len(self.is_offer)

    def members_of(self, one: int) -> Ints:
        """The posting positions of one class, by id."""
        return self.members[self.first[one] : self.first[one + 1]]


def contract_twins(problem: Problem, apart: Ints | None = None) -> Classes:
    """Group the postings into classes, ordered by category, side and terms.

    Postings with different ``apart`` (a mark per posting, such as a floor's group) are never twins.
    """
    owner = np.where(_owns_both_sides(problem), problem.owner, -1)
    keys = np.stack(
        [
            problem.category,
            (~problem.is_offer).astype(np.int64),
            problem.county,
            problem.limit,
            problem.start,
            problem.end,
            problem.radius,
            problem.certificates,
            owner,
            np.zeros(len(problem), dtype=np.int64) if apart is None else apart,
        ]
    )
    members = np.lexsort(keys[::-1])
    ordered = keys[:, members]
    is_new = np.ones(len(problem), dtype=bool)
    is_new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    starts = np.nonzero(is_new)[0]
    of = np.empty(len(problem), dtype=np.int64)
    of[members] = np.cumsum(is_new) - 1
    head = members[starts]
    quantity = np.add.reduceat(problem.quantity[members], starts) if len(starts) else problem.quantity[:0]
    return Classes(
        of=of,
        members=members.astype(np.int64),
        first=np.append(starts, len(problem)).astype(np.int64),
        is_offer=problem.is_offer[head],
        owner=owner[head],
        category=problem.category[head],
        quantity=quantity,
        limit=problem.limit[head],
        start=problem.start[head],
        end=problem.end[head],
        county=problem.county[head],
        radius=problem.radius[head],
        certificates=problem.certificates[head],
    )


def _owns_both_sides(problem: Problem) -> Bools:
    """Postings whose owner stands on both sides of the same category."""
    pair = np.stack([problem.category, problem.owner])
    order = np.lexsort(pair[::-1])
    ordered, side = pair[:, order], problem.is_offer[order]
    is_new = np.ones(len(problem), dtype=bool)
    is_new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    if not len(problem):
        return is_new
    starts = np.nonzero(is_new)[0]
    any_offer = np.logical_or.reduceat(side, starts)
    any_need = np.logical_or.reduceat(~side, starts)
    both = np.empty(len(problem), dtype=bool)
    both[order] = (any_offer & any_need)[np.cumsum(is_new) - 1]
    return both
