"""The independent checker: is this clearing feasible, voluntary and the best possible?

No solver is inside, and none of the solver's code is imported: the checker reads the postings and the
answer, derives every feasible pair again by plain comparison, and verifies

1. every trade joins an offer and a need that may trade, in whole positive units, once;
2. no posting trades more than it has;
3. every dual (gain per unit) is at least 0: nobody loses;
4. on every feasible pair u + v >= gain: no two participants would rather leave together;
5. on every trade u + v = gain, and a posting with units left has dual 0;
6. the sum of capacity x dual equals the sum of units x gain, in Python's exact integers: by duality no
   other set of trades gains more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yuchang.exchange.clearing.problem import (
    ANYWHERE,
    BARRED,
    INT64_SAFE,
    UNKNOWN_KM,
    Bools,
    Ints,
    Problem,
    Ties,
)

BLOCK_PAIRS = 1_000_000


@dataclass(frozen=True)
class Certificate:
    """The verdict: accepted or the first violations, and the two sums that prove the optimum."""

    is_accepted: bool
    violations: tuple[str, ...]
    primal_fen: int
    dual_fen: int
    pairs: int

    def as_json(self) -> dict[str, Any]:
        """For storing beside the run."""
        return {**asdict(self), "violations": list(self.violations)}


def check(
    problem: Problem,
    offer: Sequence[int] | Ints,
    need: Sequence[int] | Ints,
    quantity: Sequence[int] | Ints,
    dual: Sequence[int] | Ints,
    bonus: Ints | None = None,
    ties: Ties | None = None,
) -> Certificate:
    """Judge the trades (posting positions and units) and the gain per unit of every posting.

    ``bonus`` is what each offer earns per unit beside its own gain (the price of a floor, ``floor_checker``);
    it makes no pair feasible and counts in the two sums. ``ties``: pairs with a bonus of their own, likewise,
    or that must not trade.
    """
    found: list[str] = []
    columns = [integers(name, values, found) for name, values in _named(offer, need, quantity, dual)]
    if found or not _has_shape(problem, columns, found):
        return Certificate(False, tuple(found), 0, 0, 0)
    offers, needs, units, gains = columns
    gain = check_trades(problem, offers, needs, units, found)
    extra = np.zeros(len(problem), dtype=np.int64) if bonus is None else bonus
    gain = gain + extra[offers]
    if ties is not None:
        tied = ties.of(offers, needs, len(problem))
        gain = gain + tied
        if bool((tied == BARRED).any()):
            found.append("a barred pair trades")
    open_ended = check_capacity(problem, offers, needs, units, found)
    if bool((open_ended & (gains != 0)).any()):
        found.append("a posting with units left has a dual")
    if bool((gains < 0).any()):
        found.append("a posting would lose (negative dual)")
    if bool((gains[offers] + gains[needs] != gain).any()):
        found.append("a trade does not share exactly its gain")
    pairs = _check_pairs(problem, gains - extra, ties, found)
    primal = sum(u * g for u, g in zip(units.tolist(), gain.tolist(), strict=True))
    bound = sum(q * d for q, d in zip(problem.quantity.tolist(), gains.tolist(), strict=True))
    if primal != bound:
        found.append(f"the gain {primal} is not the bound {bound}")
    return Certificate(not found, tuple(found), primal, bound, pairs)


def _named(*values: Sequence[int] | Ints) -> zip[tuple[str, Sequence[int] | Ints]]:
    return zip(("offer", "need", "quantity", "dual"), values, strict=True)


def integers(name: str, values: Sequence[int] | Ints, found: list[str]) -> Ints:
    """The column as 64-bit integers, or a violation (fractions, overflow)."""
    array = np.asarray(values) if len(values) else np.zeros(0, dtype=np.int64)
    if array.dtype.kind != "i" or array.ndim != 1:
        found.append(f"column {name} is not whole numbers of 64 bits")
        return np.zeros(0, dtype=np.int64)
    if bool((np.abs(array) >= INT64_SAFE).any()) or bool((array == np.iinfo(np.int64).min).any()):
        found.append(f"column {name} leaves the safe range")
    return array.astype(np.int64)


def _has_shape(problem: Problem, columns: list[Ints], found: list[str]) -> bool:
    offers, needs, units, gains = columns
    n = len(problem)
    if not len(offers) == len(needs) == len(units) or len(gains) != n:
        found.append("the columns do not fit together")
    elif len(offers) and (min(offers.min(), needs.min()) < 0 or max(offers.max(), needs.max()) >= n):
        found.append("a trade names a posting that does not exist")
    return not found


def _gain(problem: Problem, offers: Ints, needs: Ints, km: Ints) -> Ints:
    carriage = -(-km * problem.transport_fen_100km[problem.category[offers]] // 100)
    return problem.limit[needs] - problem.limit[offers] - carriage


def _may_trade(problem: Problem, i: Ints, j: Ints, km: Ints) -> Any:
    """Whether an offer and a need fit (broadcasting), the gain aside."""
    reach = np.where(problem.radius == ANYWHERE, UNKNOWN_KM - 1, problem.radius)
    fits = (
        (problem.category[i] == problem.category[j])
        & (problem.owner[i] != problem.owner[j])
        & (np.maximum(problem.start[i], problem.start[j]) <= np.minimum(problem.end[i], problem.end[j]))
        & (km <= reach[i])
        & (km <= reach[j])
        & (problem.certificates[j] & ~problem.certificates[i] == 0)
    )
    if problem.focus >= 0:
        fits = fits & ((problem.county[i] == problem.focus) | (problem.county[j] == problem.focus))
    return fits


def check_trades(problem: Problem, offers: Ints, needs: Ints, units: Ints, found: list[str]) -> Ints:
    """Every trade joins an offer and a need that may trade, with gain, units, and once. Returns the gains."""
    km = problem.distances_km(problem.county[offers], problem.county[needs])
    gain = _gain(problem, offers, needs, km)
    if not (problem.is_offer[offers].all() and not problem.is_offer[needs].any()):
        found.append("a trade does not join an offer with a need")
    if not _may_trade(problem, offers, needs, km).all():
        found.append("a trade joins postings that may not trade")
    if bool((gain <= 0).any()):
        found.append("a trade has no gain")
    if bool((units <= 0).any()):
        found.append("a trade has no positive quantity")
    if len({*zip(offers.tolist(), needs.tolist(), strict=True)}) != len(offers):
        found.append("a pair trades twice")
    return gain


def check_capacity(problem: Problem, offers: Ints, needs: Ints, units: Ints, found: list[str]) -> Bools:
    """No posting trades more than it has. Returns which have units left."""
    traded = np.zeros(len(problem), dtype=object)
    np.add.at(traded, np.concatenate((offers, needs)), np.concatenate((units, units)).astype(object))
    capacity = problem.quantity.astype(object)
    if bool((traded > capacity).any()):
        found.append("a posting trades more than it has")
    return np.asarray(traded < capacity, dtype=bool)


def _check_pairs(problem: Problem, gains: Ints, ties: Ties | None, found: list[str]) -> int:
    """u + v >= gain on every feasible pair, comparing all pairs. Returns how many are feasible."""
    pairs, blocking = 0, 0
    for a, b, gain, feasible in feasible_pairs(problem):
        if ties is not None:
            tied = ties.of(a, b, len(problem))
            feasible, gain = feasible & (tied != BARRED), gain + tied
        pairs += int(feasible.sum())
        blocking += int((feasible & (gains[a] + gains[b] < gain)).sum())
    if blocking:
        found.append(f"{blocking} pair(s) would both gain by leaving")
    return pairs


def feasible_pairs(problem: Problem) -> Iterator[tuple[Ints, Ints, Ints, Bools]]:
    """Offers (a column), needs (a row), the gain of every pair and whether it may trade, block by block."""
    at, table = _distance_table(problem)
    for category in range(len(problem.category_codes)):
        rows = np.nonzero(problem.category == category)[0]
        i, j = rows[problem.is_offer[rows]], rows[~problem.is_offer[rows]]
        if not len(i) or not len(j):
            continue
        step = max(1, BLOCK_PAIRS // len(j))
        for low in range(0, len(i), step):
            a, b = i[low : low + step][:, None], j[None, :]
            km = table[at[a], at[b]]
            gain = _gain(problem, a, b, km)
            yield a, b, gain, _may_trade(problem, a, b, km) & (gain > 0)


def _distance_table(problem: Problem) -> tuple[Ints, Ints]:
    """Each posting's row in the table of km between all counties with postings, and the table."""
    counties, at = np.unique(problem.county, return_inverse=True)
    step = max(1, BLOCK_PAIRS // max(1, len(counties)))
    table = np.empty((len(counties), len(counties)), dtype=np.int64)
    for low in range(0, len(counties), step):
        table[low : low + step] = problem.distances_km(counties[low : low + step, None], counties[None, :])
    return at.astype(np.int64), table
