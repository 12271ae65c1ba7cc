"""What is said in public of deals: who gives what to whom. Pure. See ``docs/rules/disclosure-control.md``.

A publication is a set of *lines* (category, province of the taker), either of which may be the rest. All
publications together cut the deals into *pieces*: what lies in the same line of each publication that counts
it. Whatever a reader adds and subtracts is made of whole pieces, so each must be of enough givers and takers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yuchang.portal.rules.groups import SMALLEST_GROUP

SMALLEST_TAKERS = 3
"""What fewer buy is a firm's own affair; its price could be read off."""
REST = "rest"
Line = tuple[str, str]
ALL_REST: Line = (REST, REST)
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cell:
    """The deals of one category with one province that the same publications count.

    ``told``: the line in which each earlier publication counted them (None: not at all); ``is_new``: whether
    the new one counts them. Money in fen.
    """

    told: tuple[Line | None, ...]
    is_new: bool
    category: str
    province: str
    givers: frozenset[str]
    takers: frozenset[str]
    count: int
    fen: int


def line_of(category: str, province: str, lines: Iterable[Line]) -> Line:
    """The finest of the lines that holds such deals."""
    known = lines if isinstance(lines, set | frozenset) else set(lines)
    for line in ((category, province), (category, REST)):
        if line in known:
            return line
    return ALL_REST


def lines_to_tell(cells: Sequence[Cell]) -> dict[Line, tuple[int, int]] | None:
    """The finest lines found that may be said, each with the number of deals and their worth in fen.

    From single categories and provinces, what would tell of too few goes into the rest of its category, then
    into the rest of all. None when even all together is too little, or differs too little from what was said.
    """
    new = [cell for cell in cells if cell.is_new]
    kept = {(c.category, c.province) for c in new} | {(c.category, REST) for c in new}
    while (least := _most_telling(cells, kept)) is not None:
        gone = _to_join(least, new, kept)
        if not gone:
            return None
        kept -= gone
    found: dict[Line, tuple[int, int]] = {}
    for cell in new:
        line = line_of(cell.category, cell.province, kept)
        count, fen = found.get(line, (0, 0))
        found[line] = (count + cell.count, fen + cell.fen)
    return found or None


def _most_telling(cells: Sequence[Cell], kept: set[Line]) -> Line | None:
    """The line that most needs to be joined to another: single provinces first, then the fewest givers."""
    givers: dict[tuple[object, Line | None], frozenset[str]] = {}
    takers: dict[tuple[object, Line | None], frozenset[str]] = {}
    for cell in cells:
        line = line_of(cell.category, cell.province, kept) if cell.is_new else None
        givers[cell.told, line] = givers.get((cell.told, line), NOBODY) | cell.givers
        takers[cell.told, line] = takers.get((cell.told, line), NOBODY) | cell.takers
    small = [
        ((line == ALL_REST) + (line[1] == REST), len(owners), line)
        for (told, line), owners in givers.items()
        if line is not None and (len(owners) < SMALLEST_GROUP or len(takers[told, line]) < SMALLEST_TAKERS)
    ]
    return min(small)[-1] if small else None


def _to_join(least: Line, new: Sequence[Cell], kept: set[Line]) -> set[Line]:
    """Which lines end, so that a telling one grows or vanishes; none when nothing is left to join it."""
    category, province = least
    if province != REST:
        return {least}
    if category != REST:
        single = _fewest([c for c in new if c.category == category], kept, by_province=True)
        return single or {least}
    return _fewest(new, kept, by_province=False)


def _fewest(cells: Sequence[Cell], kept: set[Line], *, by_province: bool) -> set[Line]:
    """The line (or all lines of the category) of the fewest givers among those that are still told apart."""
    owners: dict[str, frozenset[str]] = {}
    for cell in cells:
        line = line_of(cell.category, cell.province, kept)
        if line != ALL_REST and (not by_province or line[1] != REST):
            name = line[1] if by_province else line[0]
            owners[name] = owners.get(name, NOBODY) | cell.givers
    if not owners:
        return set()
    least = min(owners, key=lambda name: (len(owners[name]), name))
    return {line for line in kept if line[by_province] == least and line[0] in {c.category for c in cells}}
