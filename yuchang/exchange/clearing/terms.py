"""What a scenario asks, and what it needs to know of the postings. Pure; no solver.

``Parameters`` are the few numbers an officer chooses; ``Context`` is frozen beside the postings; ``terms_of``
makes of both what the engines take: floors, ties, lots, rows, reference values. The same in, the same out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from yuchang.exchange.clearing.floors import (
    COUNTY,
    HOUSEHOLD,
    SOFT_PRICE_MAX,
    VILLAGE,
    Floors,
    reference_values,
)
from yuchang.exchange.clearing.problem import (
    COLUMNS,
    PRICE_MAX_FEN,
    Bools,
    Ints,
    Problem,
    Ties,
    canonical_bytes,
    ties_of,
)
from yuchang.exchange.clearing.side_rows import PENALTY_MAX, SCALE, SideRows

FLOOR_MAX_FEN = 100_000_000_000
"""No floor is higher: one billion yuan."""
SWAP_FUND_MAX_FEN = 1_000_000_000
"""No revolving fund is larger: ten million yuan."""


@dataclass(frozen=True)
class Parameters:
    """What may differ between scenarios. All in fen; 0 (``soft_price`` -1) is off.

    Floors are what every poor household, every village and every county is to sell at least;
    ``soft_price`` is what a fen missing may cost, in millionths of a fen (-1: before all gain).
    ``lot_fen`` is the least worth of a trade, ``bonus_fen`` what a unit earns for staying with the
    partner of the last clearing, ``fund_fen`` what the revolving fund advances for swaps.
    ``has_budgets``: nobody may come to pay beyond a stated budget. Every pairing is to buy for at least
    ``quota_fen``, with ``has_promises`` for what it promised if that is more; a fen missing costs
    ``quota_price`` millionths of a fen.
    """

    household_fen: int = 0
    village_fen: int = 0
    county_fen: int = 0
    soft_price: int = -1
    has_swaps: bool = False
    fund_fen: int = 0
    lot_fen: int = 0
    bonus_fen: int = 0
    has_budgets: bool = False
    has_promises: bool = False
    quota_fen: int = 0
    quota_price: int = SCALE

    @property
    def has_quotas(self) -> bool:
        """Whether any pairing is to buy anything at least."""
        return bool(self.quota_fen or self.has_promises)

    @property
    def has_floors(self) -> bool:
        """Whether anybody is to sell anything at least."""
        return bool(self.household_fen or self.village_fen or self.county_fen)

    def as_json(self) -> dict[str, Any]:
        """For storing."""
        return asdict(self)


PLAIN = Parameters()


def parameters_of(stored: dict[str, Any]) -> Parameters:
    """Read what ``Parameters.as_json`` gave; unknown names are passed over."""
    return Parameters(**{f.name: stored[f.name] for f in fields(Parameters) if f.name in stored})


def parameter_flaws(asked: Parameters) -> Iterator[tuple[str, str]]:
    """Everything wrong with parameters: the field and a code (words: ``words.PARAMETER_FLAWS``)."""
    most = {
        "household_fen": FLOOR_MAX_FEN,
        "village_fen": FLOOR_MAX_FEN,
        "county_fen": FLOOR_MAX_FEN,
        "fund_fen": SWAP_FUND_MAX_FEN,
        "lot_fen": FLOOR_MAX_FEN,
        "bonus_fen": PRICE_MAX_FEN,
        "quota_fen": FLOOR_MAX_FEN,
        "quota_price": PENALTY_MAX,
    }
    for name, limit in most.items():
        if not 0 <= getattr(asked, name) <= limit:
            yield name, "absurd"
    if 0 < asked.village_fen < asked.household_fen:
        yield "village_fen", "nested village"
    if 0 < asked.county_fen < max(asked.village_fen, asked.household_fen):
        yield "county_fen", "nested county"
    if not -1 <= asked.soft_price <= SOFT_PRICE_MAX:
        yield "soft_price", "absurd"
    if asked.soft_price >= 0 and not asked.has_floors:
        yield "soft_price", "soft without floors"
    if asked.fund_fen and not asked.has_swaps:
        yield "fund_fen", "fund without swaps"
    if (asked.has_budgets or asked.has_quotas) and (asked.has_floors or asked.has_swaps):
        yield "has_budgets" if asked.has_budgets else "quota_fen", "rows with others"


@dataclass(frozen=True)
class Context:
    """What is known of the postings besides, by position; ``kept`` and ``barred`` are pairs of posting ids.

    ``household`` and ``village`` are numbers of the owner, 0 for none; ``helps`` are rows of posting id,
    emergency id and fen per unit that a fund adds (the posting's limit is already that much lower).
    ``budgets``: owner and what is left of its budget in fen. ``pairings``: rows of number, fen promised and
    not bought yet, helper's owner (0: everybody of its county), helper's county id, receiving county id,
    receiving village (0: the county).
    """

    household: Ints
    village: Ints
    is_poor: Bools
    lots: Ints
    """The least each posting takes from one partner."""
    kept: tuple[tuple[int, int], ...] = ()
    barred: tuple[tuple[int, int], ...] = ()
    helps: tuple[tuple[int, int, int], ...] = ()
    stated: tuple[tuple[int, int], ...] = ()
    """Posting id and limit as stated, where the clearing uses another (learned, or lower by a help)."""
    budgets: tuple[tuple[int, int], ...] = ()
    pairings: tuple[tuple[int, int, int, int, int, int], ...] = ()

    def to_bytes(self) -> bytes:
        """The canonical text; without budgets and pairings, that of runs from before there were any."""
        table = {name: plain(value) for name, value in vars(self).items()}
        return canonical_bytes({n: value for n, value in table.items() if value or n not in _ADDED})


_ADDED = ("budgets", "pairings")


def plain(value: Any) -> Any:
    """A column as a list; anything else as it is."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def empty_context(size: int) -> Context:
    """Of postings of which nothing else is known."""
    nothing = np.zeros(size, dtype=np.int64)
    return Context(nothing, nothing, nothing.astype(bool), nothing + 1)


def context_from_bytes(data: bytes) -> Context:
    """Read what ``Context.to_bytes`` wrote."""
    table = json.loads(data)
    columns: dict[str, Any] = {
        name: np.array(table[name], dtype=np.int64) for name in ("household", "village", "lots")
    }
    pairs: dict[str, Any] = {
        name: tuple(tuple(row) for row in table.get(name, ()))
        for name in ("kept", "barred", "helps", "stated", *_ADDED)
    }
    return Context(is_poor=np.array(table["is_poor"], dtype=bool), **columns, **pairs)


@dataclass(frozen=True)
class Terms:
    """What the engines take. ``keys``: the household, village or county (position) of every group.

    ``pairings``: the number of the pairing of every quota of ``rows``.
    """

    unit_fen: Ints
    floors: Floors | None
    keys: Ints
    lots: Ints | None
    bonus_fen: int
    kept: tuple[tuple[int, int], ...]
    barred: tuple[tuple[int, int], ...]
    rows: SideRows | None
    pairings: tuple[int, ...]

    def barred_at(self, problem: Problem) -> set[tuple[int, int]]:
        """The pairs kept apart among these postings, by position."""
        at = {number: i for i, number in enumerate(problem.id.tolist())}
        return {(at[i], at[j]) for i, j in self.barred if i in at and j in at}

    def ties(self, problem: Problem, also_barred: tuple[tuple[int, int], ...] = ()) -> Ties | None:
        """The pairs that stay together or apart among these postings; None if there are none."""
        kept = self.kept if self.bonus_fen else ()
        barred = (*self.barred, *also_barred)
        found = ties_of(problem, kept, self.bonus_fen, barred)
        return found if len(found.offer) else None


def terms_of(problem: Problem, context: Context, asked: Parameters) -> Terms:
    """The terms of a scenario over these postings."""
    unit_fen = reference_values(problem)
    floors, keys = _floors(problem, context, asked, unit_fen)
    units = np.maximum(context.lots, -(-asked.lot_fen // unit_fen[problem.category]))
    lots = np.clip(units, 1, problem.quantity)
    has_lots = bool((lots > 1).any())
    rows, pairings = _rows(problem, context, asked, unit_fen)
    return Terms(
        unit_fen,
        floors,
        keys,
        lots if has_lots else None,
        asked.bonus_fen,
        context.kept,
        context.barred,
        rows,
        pairings,
    )


def _rows(
    problem: Problem, context: Context, asked: Parameters, unit_fen: Ints
) -> tuple[SideRows | None, tuple[int, ...]]:
    """The budgets and quotas that are asked for; none if neither is."""
    if not asked.has_budgets and not asked.has_quotas:
        return None, ()
    budgets = context.budgets if asked.has_budgets else ()
    number = {owner: at for at, (owner, _fen) in enumerate(budgets)}
    pays = [
        -1 if side else number.get(owner, -1)
        for owner, side in zip(problem.owner.tolist(), problem.is_offer.tolist(), strict=True)
    ]
    quotas = [
        (pairing, fen)
        for pairing in context.pairings
        if (fen := max(asked.quota_fen, pairing[1] if asked.has_promises else 0))
    ]
    sides = [_sides(problem, context, pairing) for pairing, _fen in quotas]
    rows = SideRows(
        np.array([fen for _owner, fen in budgets], dtype=np.int64),
        np.array(pays, dtype=np.int64),
        np.array([fen for _pairing, fen in quotas], dtype=np.int64),
        tuple(offers for offers, _needs in sides),
        tuple(needs for _offers, needs in sides),
        unit_fen,
        asked.quota_price,
    )
    return rows, tuple(pairing[0] for pairing, _fen in quotas)


def _sides(problem: Problem, context: Context, pairing: tuple[int, ...]) -> tuple[Ints, Ints]:
    """The offers of the place that receives help, and the needs of the helper."""
    _number, _promised, owner, helper_county, county, village = pairing
    gives = context.village == village if village else problem.county == _position(problem, county)
    takes = problem.owner == owner if owner else problem.county == _position(problem, helper_county)
    return np.nonzero(gives & problem.is_offer)[0], np.nonzero(takes & ~problem.is_offer)[0]


def _position(problem: Problem, county: int) -> int:
    """Where a county stands among those of the postings; -1 if nowhere."""
    return problem.county_ids.index(county) if county in problem.county_ids else -1


def _floors(
    problem: Problem, context: Context, asked: Parameters, unit_fen: Ints
) -> tuple[Floors | None, Ints]:
    """The groups that have a floor: counties, villages in them, poor households in those."""
    counted = problem.is_offer & (context.village > 0)
    if problem.focus >= 0:
        counted &= problem.county == problem.focus
    home = np.full(len(problem), -1, dtype=np.int64)
    columns: list[tuple[int, int, int, int]] = []
    for level, fen, key, who in (
        (COUNTY, asked.county_fen, problem.county, counted),
        (VILLAGE, asked.village_fen, context.village, counted),
        (HOUSEHOLD, asked.household_fen, context.household, counted & context.is_poor),
    ):
        rows = np.nonzero(who)[0]
        if not fen or not len(rows):
            continue
        names, first, at = np.unique(key[rows], return_index=True, return_inverse=True)
        parents = home[rows[first]].tolist()
        offset = len(columns)
        columns += [(level, parent, fen, name) for parent, name in zip(parents, names.tolist(), strict=True)]
        home[rows] = at + offset
    if not columns:
        return None, np.zeros(0, dtype=np.int64)
    level, parent, floor, keys = np.array(columns, dtype=np.int64).T
    return Floors(level, parent, floor, home, unit_fen, asked.soft_price), keys


def part_of(problem: Problem, keep: Bools, quantity: Ints) -> Problem:
    """The postings kept, with other quantities."""
    columns = {name: getattr(problem, name)[keep] for name in (*COLUMNS, "certificates")}
    return replace(problem, **(columns | {"quantity": quantity[keep]}))


def with_values(problem: Problem, column: str, values: dict[int, int]) -> Problem:
    """The postings with other values of a column, by posting id; ids that are not here are passed over."""
    at = {number: i for i, number in enumerate(problem.id.tolist())}
    found = getattr(problem, column).copy()
    for number, value in values.items():
        if number in at:
            found[at[number]] = value
    return replace(problem, **{column: found})


def help_of(wanted_fen: int, limit_fen: int, fund_fen: int, quantity: int) -> int:
    """What the fund adds per unit: as asked, never more than the limit, and never beyond the fund."""
    return max(0, min(wanted_fen, limit_fen, fund_fen // quantity if quantity else 0))
