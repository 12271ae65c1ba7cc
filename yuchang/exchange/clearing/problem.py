"""What is cleared: postings as columns, and what they mean. Pure; no solver.

All quantities are integers in the category's unit, all money integer fen per unit, all days
proleptic ordinals. Distances are between county points, in whole kilometres rounded up; two postings
in one county are 0 km apart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

QUANTITY_MAX = 1_000_000_000
PRICE_MAX_FEN = 100_000_000
ANYWHERE = -1
"""The radius of a posting that takes partners from the whole country."""
UNKNOWN_KM = 1_000_000
"""The distance to a county whose point is unknown: out of every reach but one's own county."""
INT64_SAFE = 2**62
EARTH_KM = 6371.0088
COLUMNS = (
    "id",
    "is_offer",
    "owner",
    "category",
    "quantity",
    "limit",
    "start",
    "end",
    "county",
    "radius",
)
"""Columns of every stored run; ``certificates`` is left out where no posting has any."""
CERTIFICATE_BITS = 20


@dataclass(frozen=True)
class Flaw:
    """One thing that makes a posting unfit to be cleared (``posting_id`` 0: the whole input)."""

    code: str
    posting_id: int
    detail: str = ""


class Unfit(ValueError):
    """The input cannot be cleared; nothing was computed."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        self.flaws = list(flaws)
        first = ", ".join(f"{f.code} (posting {f.posting_id}) {f.detail}".strip() for f in self.flaws[:5])
        super().__init__(f"{len(self.flaws)} flaw(s): {first}")


@dataclass(frozen=True)
class Problem:
    """Postings as parallel columns, sorted by id, with their categories and counties.

    ``category`` and ``county`` are positions in the tables below; ``owner`` is any number that two
    postings share exactly when one participant owns both; ``focus`` is a county's position, or -1:
    only pairs with a side in that county may trade. ``certificates`` are bits (of at most
    ``CERTIFICATE_BITS``): what an offer has, and what a need asks of an offer.
    """

    id: Ints
    is_offer: Bools
    owner: Ints
    category: Ints
    quantity: Ints
    limit: Ints
    start: Ints
    end: Ints
    county: Ints
    radius: Ints
    category_codes: tuple[str, ...]
    transport_fen_100km: Ints
    county_ids: tuple[int, ...]
    longitude_e4: Ints
    latitude_e4: Ints
    has_point: Bools
    certificates: Ints
    focus: int = -1

    def __len__(self) -> int:
        return len(self.id)

    def to_bytes(self) -> bytes:
        """The canonical text of this problem: same problem, same bytes."""
        columns = {name: getattr(self, name).astype(np.int64).tolist() for name in COLUMNS}
        table = {
            "postings": columns,
            "categories": [list(self.category_codes), self.transport_fen_100km.tolist()],
            "counties": [
                list(self.county_ids),
                self.longitude_e4.tolist(),
                self.latitude_e4.tolist(),
                self.has_point.astype(np.int64).tolist(),
            ],
            "focus": self.focus,
        }
        if self.certificates.any():
            columns["certificates"] = self.certificates.tolist()
        return canonical_bytes(table)

    def distances_km(self, from_county: Ints, to_county: Ints) -> Ints:
        """Whole kilometres, rounded up, between county points (broadcasting positions)."""
        from_county, to_county = np.broadcast_arrays(from_county, to_county)
        radians = np.pi / 180 / 10_000
        lon, lat = self.longitude_e4 * radians, self.latitude_e4 * radians
        d_lat, d_lon = lat[to_county] - lat[from_county], lon[to_county] - lon[from_county]
        chord = (
            np.sin(d_lat / 2) ** 2
            + np.cos(lat[from_county]) * np.cos(lat[to_county]) * np.sin(d_lon / 2) ** 2
        )
        km = np.ceil(2 * EARTH_KM * np.arcsin(np.sqrt(chord))).astype(np.int64)
        known = self.has_point[from_county] & self.has_point[to_county]
        return np.where(from_county == to_county, 0, np.where(known, km, UNKNOWN_KM))

    def transport_fen(self, category: Ints | int, km: Ints) -> Ints:
        """The cost of carrying one unit so far, in fen, rounded up."""
        return -(-km * self.transport_fen_100km[category] // 100)

    def gains(self, offer: Ints, need: Ints) -> Ints:
        """What one unit of each pair gains: the need's limit less the offer's and carriage (broadcasting)."""
        km = self.distances_km(self.county[offer], self.county[need])
        return self.limit[need] - self.limit[offer] - self.transport_fen(self.category[offer], km)

    def traded(self, trades: Trades) -> Ints:
        """The units that every posting trades."""
        found = np.zeros(len(self), dtype=np.int64)
        for side in (trades.offer, trades.need):
            np.add.at(found, side, trades.quantity)
        return found


class Trades(Protocol):
    """Trades as columns: positions of the offer and the need, and units."""

    @property
    def offer(self) -> Ints: ...
    @property
    def need(self) -> Ints: ...
    @property
    def quantity(self) -> Ints: ...


BARRED = -1
"""The bonus of a pair that must not trade."""


@dataclass(frozen=True)
class Ties:
    """What is known of single pairs (posting positions): a bonus in fen per unit, or ``BARRED``.

    A pair of the last clearing earns a bonus for staying together; a declined pair is barred.
    """

    offer: Ints
    need: Ints
    bonus: Ints

    def of(self, offer: Ints, need: Ints, size: int) -> Ints:
        """The bonus of every such pair (broadcasting positions of ``size`` postings), 0 for all others."""
        keys = self.offer * size + self.need
        order = np.argsort(keys)
        keys = np.append(keys[order], size * size)
        wanted = np.asarray(offer) * size + np.asarray(need)
        at = np.searchsorted(keys, wanted)
        return np.where(keys[at] == wanted, np.append(self.bonus[order], 0)[at], 0)


def ties_of(
    problem: Problem, kept: Sequence[tuple[int, int]], bonus_fen: int, barred: Sequence[tuple[int, int]] = ()
) -> Ties:
    """Ties from posting ids; pairs with a posting that is not here are passed over, barred goes first.

    Raises Unfit (``bonus``) for a bonus below 0 or above the highest price.
    """
    if not isinstance(bonus_fen, int) or not 0 <= bonus_fen <= PRICE_MAX_FEN:
        raise Unfit([Flaw("bonus", 0, f"{bonus_fen} is not between 0 and {PRICE_MAX_FEN} fen")])
    at = {posting: i for i, posting in enumerate(problem.id.tolist())}
    pairs = {(at[i], at[j]): bonus_fen for i, j in kept if i in at and j in at}
    pairs |= {(at[i], at[j]): BARRED for i, j in barred if i in at and j in at}
    table = np.array([(i, j, b) for (i, j), b in sorted(pairs.items())], dtype=np.int64).reshape(-1, 3)
    offer, need, bonus = table.T
    return Ties(offer, need, bonus)


def canonical_bytes(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, as UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def from_bytes(data: bytes) -> Problem:
    """Read what ``Problem.to_bytes`` wrote."""
    table = json.loads(data)
    columns = {name: np.array(values, dtype=np.int64) for name, values in table["postings"].items()}
    is_offer = columns.pop("is_offer").astype(bool)
    columns.setdefault("certificates", np.zeros(len(is_offer), dtype=np.int64))
    codes, transport = table["categories"]
    counties, longitude, latitude, has_point = table["counties"]
    return Problem(
        **columns,
        is_offer=is_offer,
        category_codes=tuple(codes),
        transport_fen_100km=np.array(transport, dtype=np.int64),
        county_ids=tuple(counties),
        longitude_e4=np.array(longitude, dtype=np.int64),
        latitude_e4=np.array(latitude, dtype=np.int64),
        has_point=np.array(has_point, dtype=bool),
        focus=table["focus"],
    )


def validate(problem: Problem, ties: Ties | None = None) -> None:
    """Refuse what no clearing could mean. Raises Unfit with every flaw found (codes: see the tests)."""
    flaws = [
        Flaw(code, int(problem.id[i]))
        for code, bad in (
            ("quantity", (problem.quantity <= 0) | (problem.quantity > QUANTITY_MAX)),
            ("limit", (problem.limit < 0) | (problem.limit > PRICE_MAX_FEN)),
            ("window", problem.end < problem.start),
            ("radius", problem.radius < ANYWHERE),
            ("category", (problem.category < 0) | (problem.category >= len(problem.category_codes))),
            ("county", (problem.county < 0) | (problem.county >= len(problem.county_ids))),
            ("certificates", problem.certificates >> CERTIFICATE_BITS != 0),
        )
        for i in np.nonzero(bad)[0]
    ]
    if len(problem) and bool(np.any(np.diff(problem.id) <= 0)):
        flaws.append(Flaw("order", 0, "ids must be unique and ascending"))
    if bool(np.any((problem.transport_fen_100km < 0) | (problem.transport_fen_100km > PRICE_MAX_FEN))):
        flaws.append(Flaw("transport", 0))
    if not flaws:
        flaws = _overflows(problem, 0 if ties is None else int(ties.bonus.max(initial=0)))
    if flaws:
        raise Unfit(flaws)


def _overflows(problem: Problem, bonus: int) -> list[Flaw]:
    """Whether the worst sums of any category would leave 64 bits (exact integers of Python)."""
    flaws = []
    for c, code in enumerate(problem.category_codes):
        rows = problem.category == c
        if not rows.any():
            continue
        top = int(problem.limit[rows].max()) + bonus + 1
        units = sum(problem.quantity[rows].tolist())
        if units * top >= INT64_SAFE or (int(rows.sum()) + 3) * top >= INT64_SAFE:
            flaws.append(Flaw("overflow", 0, code))
    return flaws
