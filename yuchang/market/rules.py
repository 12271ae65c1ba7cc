"""Who delivers what, who misses what, and who receives what. Pure, deterministic, exact.

Every rule divides whole numbers by largest remainder; ties go to the earlier position, so that the same
round always gives the same result, by whichever machine and however often it is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yuchang.core.money import split_fen

PRO_RATA = "pro_rata"
FIRST_COME = "first_come"


def split_capped(total: int, weights: Sequence[int], caps: Sequence[int]) -> list[int]:
    """Divide ``total`` in proportion to ``weights`` so that no part exceeds its cap.

    What a full part cannot take is divided again among the others. Raises ValueError when the caps
    together cannot hold the total.
    """
    if total > sum(caps):
        raise ValueError("the caps cannot hold the total")
    parts = [0] * len(weights)
    left = total
    while left:
        room = [cap - part for cap, part in zip(caps, parts, strict=True)]
        open_weights = [w if r > 0 else 0 for w, r in zip(weights, room, strict=True)]
        if not any(open_weights):
            open_weights = room
        shares = split_fen(left, open_weights)
        taken = [min(share, r) for share, r in zip(shares, room, strict=True)]
        parts = [part + take for part, take in zip(parts, taken, strict=True)]
        left -= sum(taken)
    return parts


def fulfilled_quantities(quantities: Sequence[int], available: int, rule: str) -> list[int]:
    """How much of each order line is delivered when ``available`` is there; lines in the order of payment.

    ``pro_rata``: the missing part is spread in proportion to the lines. ``first_come``: earlier payments are
    filled first. With enough goods both deliver everything. Raises ValueError for another rule.
    """
    total = min(available, sum(quantities))
    if rule == PRO_RATA:
        return split_capped(total, quantities, quantities)
    if rule != FIRST_COME:
        raise ValueError(f"unknown shortfall rule {rule!r}")
    filled = []
    for quantity in quantities:
        filled.append(min(quantity, total))
        total -= filled[-1]
    return filled


def spread_lines(fulfilled: Sequence[int], parts: Sequence[int]) -> list[list[tuple[int, int]]]:
    """For each line, the growers (position, quantity) that fill it, when growers deliver ``parts`` in all.

    The lines take the growers one after another, each from where the line before stopped. So a line has few
    growers, and all lines together at most as many parts as there are lines and growers, less one: a buyer
    can be told who grew the goods, and the book grows with the orders, not with orders times growers.
    Raises ValueError when both arguments do not have the same sum.
    """
    if sum(fulfilled) != sum(parts):
        raise ValueError("what is delivered is not what the growers give")
    rows = []
    at, left = 0, list(parts)
    for quantity in fulfilled:
        row = []
        while quantity:
            while not left[at]:
                at += 1
            take = min(quantity, left[at])
            row.append((at, take))
            left[at] -= take
            quantity -= take
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Grower:
    """A household in an offer: what it committed, and its lots (id, quantity ready) by harvest."""

    household_id: int
    committed: int
    lots: tuple[tuple[int, int], ...] = ()

    @property
    def available(self) -> int:
        """What of the lots may be sold here; never more than was committed."""
        return min(self.committed, sum(quantity for _lot, quantity in self.lots))


@dataclass(frozen=True)
class Filled:
    """One lot's part in one order line."""

    line_id: int
    household_id: int
    lot_id: int
    quantity: int


@dataclass(frozen=True)
class Allocation:
    """How an offer's paid lines are filled: delivered quantity per line, and from whose lots."""

    fulfilled: Mapping[int, int]
    fills: tuple[Filled, ...]


def allocate(lines: Sequence[tuple[int, int]], growers: Sequence[Grower], rule: str) -> Allocation:
    """Fill the paid ``lines`` (id, quantity; in order of payment) of one offer from the growers' lots.

    1. Available is the sum of what each grower brought, at most its commitment.
    2. If that is less than was sold, ``rule`` says which lines miss how much.
    3. Growers deliver in proportion to their commitments, none more than it brought.
    4. The lines take the growers one after another; within a grower, oldest lot first.
    """
    available = [grower.available for grower in growers]
    fulfilled = fulfilled_quantities([quantity for _id, quantity in lines], sum(available), rule)
    parts = split_capped(sum(fulfilled), [g.committed for g in growers], available)
    fills: list[Filled] = []
    stock = [list(grower.lots) for grower in growers]
    for (line_id, _quantity), row in zip(lines, spread_lines(fulfilled, parts), strict=True):
        for at, wanted in row:
            home = growers[at].household_id
            fills += [Filled(line_id, home, lot, q) for lot, q in _draw(stock[at], wanted)]
    return Allocation({pk: q for (pk, _), q in zip(lines, fulfilled, strict=True)}, tuple(fills))


def _draw(lots: list[tuple[int, int]], wanted: int) -> list[tuple[int, int]]:
    """Take ``wanted`` from the front of the lots, which shrink."""
    drawn = []
    while wanted:
        lot, ready = lots[0]
        take = min(ready, wanted)
        drawn.append((lot, take))
        wanted -= take
        if take == ready:
            lots.pop(0)
        else:
            lots[0] = (lot, ready - take)
    return drawn


@dataclass(frozen=True)
class PricedLine:
    """An order line with its frozen parts per unit, and what each household delivered of it."""

    line_id: int
    quantity: int
    fulfilled: int
    grower_fen: int
    coop_fen: int
    logistics_fen: int
    residual_fen: int
    delivered: Mapping[int, int] = field(default_factory=dict)

    @property
    def price_fen(self) -> int:
        """The price of one unit."""
        return self.grower_fen + self.coop_fen + self.logistics_fen + self.residual_fen

    @property
    def refund_fen(self) -> int:
        """What the buyer gets back: missing quantity times price."""
        return (self.quantity - self.fulfilled) * self.price_fen


@dataclass(frozen=True)
class Shares:
    """Where one line's money goes. All parts together are exactly what was delivered times the price."""

    line_id: int
    households: Mapping[int, int]
    coop_fen: int
    logistics_fen: int
    residual_fen: int

    @property
    def households_fen(self) -> int:
        """What all households of the line receive."""
        return sum(self.households.values())

    @property
    def total_fen(self) -> int:
        """Everything that is paid out for the line."""
        return self.households_fen + self.coop_fen + self.logistics_fen + self.residual_fen


def split_line(line: PricedLine) -> Shares:
    """Divide a delivered line's money to the fen.

    First among growers, co-op, logistics and platform by their parts of the price, then the growers' part
    among the households by what each delivered. Raises ValueError when the households' deliveries are not
    what was delivered.
    """
    if sum(line.delivered.values()) != line.fulfilled:
        raise ValueError("the households' deliveries do not make up the line")
    if line.fulfilled == 0:
        return Shares(line.line_id, {}, 0, 0, 0)
    parts = [line.grower_fen, line.coop_fen, line.logistics_fen, line.residual_fen]
    growers, coop, logistics, residual = split_fen(line.fulfilled * line.price_fen, parts)
    each = split_fen(growers, list(line.delivered.values()))
    households = {h: fen for h, fen in zip(line.delivered, each, strict=True) if fen}
    return Shares(line.line_id, households, coop, logistics, residual)


def mask_name(name: str) -> str:
    """A grower's name as a buyer sees it: the first character, the rest hidden."""
    return name[:1] + "*" * min(max(len(name) - 1, 1), 2)
