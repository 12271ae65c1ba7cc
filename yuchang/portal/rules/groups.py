"""What may be said in public about groups of households. Pure. See ``docs/rules/disclosure-control.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# No published cell counts fewer households (a number about fewer could name one of them).
SMALLEST_GROUP = 10
# No published row of a table holds fewer records (GB/T 37964: open release, k ≥ 20).
SMALLEST_ROW = 20

Cells = dict[str, dict[str, int | None]]


def join_small_groups(counts: Mapping[str, int], rest: str, smallest: int = SMALLEST_GROUP) -> dict[str, int]:
    """Counts by group, where every group below ``smallest`` has gone into ``rest``.

    When the rest itself would stay too small, the smallest of the other groups joins it, so that
    nothing can be found by subtraction from the total. An empty result means: say nothing.
    """
    kept = {k: n for k, n in counts.items() if n >= smallest and k != rest}
    left = sum(counts.values()) - sum(kept.values())
    while 0 < left < smallest and kept:
        least = min(kept, key=lambda k: (kept[k], k))
        left += kept.pop(least)
    if 0 < left < smallest:
        return {}
    return kept | ({rest: left} if left else {})


def join_small_rows(
    table: Mapping[str, Mapping[str, int]], rest: str, smallest: int = SMALLEST_ROW
) -> dict[str, dict[str, int]]:
    """The table with every row of fewer than ``smallest`` records added into one row ``rest``.

    Empty when even all rows together hold fewer.
    """
    totals = {row: sum(cells.values()) for row, cells in table.items()}
    joined = join_small_groups(totals, rest, smallest)
    merged: dict[str, dict[str, int]] = {row: {} for row in joined}
    for row, cells in table.items() if joined else ():
        # A row of no records needs no rest to go to.
        target = merged.get(row if row in joined else rest, {})
        for column, n in cells.items():
            target[column] = target.get(column, 0) + n
    return merged


def join_small_columns(
    table: Mapping[str, Mapping[str, int]], rest: str, smallest: int = SMALLEST_GROUP
) -> dict[str, dict[str, int]]:
    """The table with every column of fewer than ``smallest`` records added into one column ``rest``."""
    turned: dict[str, dict[str, int]] = {}
    for row, cells in table.items():
        for column, n in cells.items():
            turned.setdefault(column, {})[row] = n
    joined = join_small_rows(turned, rest, smallest)
    return {
        row: {column: cells.get(row, 0) for column, cells in joined.items()}
        for row in (table if joined else ())
    }


def suppress(table: Mapping[str, Mapping[str, int]], smallest: int = SMALLEST_GROUP) -> Cells:
    """Hide (None) what is too small, and as much more as keeps it from being found by subtraction.

    Row and column totals may be published beside the result (``join_small_rows`` and
    ``join_small_columns`` made them large enough). First every cell below ``smallest`` is
    hidden, zeros too (that nobody of a village is ill says something about everybody of it). Then, line
    by line until nothing changes: a row or column whose hidden cells add up to less than ``smallest``,
    or in which one hidden cell stands alone, loses its smallest shown cell. A hidden cell that could
    still be calculated (from the totals, and because no count is below zero) counts as standing alone. A
    row in which only one group is shown is hidden as a whole: its every household would have that group
    (l ≥ 2).
    """
    columns = sorted({column for cells in table.values() for column in cells})
    full = {row: {column: cells.get(column, 0) for column in columns} for row, cells in table.items()}
    hidden = {(r, c) for r, cells in full.items() for c, n in cells.items() if n < smallest}
    hidden |= {(r, c) for r, cells in full.items() for c in cells if _is_single(cells, r, hidden)}
    lines = [[(r, c) for c in columns] for r in full] + [[(r, c) for r in full] for c in columns]
    while more := _exposed(full, hidden, lines, smallest):
        hidden |= more
    return {r: {c: None if (r, c) in hidden else n for c, n in cells.items()} for r, cells in full.items()}


def _is_single(cells: Mapping[str, int], row: str, hidden: set[tuple[str, str]]) -> bool:
    return sum((row, column) not in hidden for column in cells) == 1


def _exposed(
    full: Mapping[str, Mapping[str, int]],
    hidden: set[tuple[str, str]],
    lines: Sequence[Sequence[tuple[str, str]]],
    smallest: int,
) -> set[tuple[str, str]]:
    """One more cell to hide, or none when everything hidden stays unknown."""
    fixed = _fixed(full, hidden)
    found: list[tuple[bool, int, int, tuple[str, str]]] = []
    for line in lines:
        covered = [cell for cell in line if cell in hidden]
        shown = [cell for cell in line if cell not in hidden]
        if not covered or not shown:
            continue
        is_weak = len(covered) == 1 or sum(full[r][c] for r, c in covered) < smallest
        if is_weak or any(cell in fixed for cell in covered):
            n, cell = min((full[r][c], (r, c)) for r, c in shown)
            found.append((not is_weak, len(covered), n, cell))
    if fixed and not found:
        rest = [(n, (r, c)) for r, cells in full.items() for c, n in cells.items() if (r, c) not in hidden]
        return {min(rest)[1]} if rest else set()
    return {min(found)[-1]} if found else set()


def _fixed(full: Mapping[str, Mapping[str, int]], hidden: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Hidden cells whose value follows from the totals, since no count is below zero.

    Rows and columns are knots. Raising a hidden cell leads from its row to its column, lowering one leads
    back, where there is something to lower. A cell can have another value when a way leads around it: some
    other table of counts then has the same totals.
    """
    cells = set(hidden)
    return {
        (r, c)
        for r, c in cells
        if not _leads(full, cells - {(r, c)}, ("column", c), ("row", r))
        and not (full[r][c] and _leads(full, cells - {(r, c)}, ("row", r), ("column", c)))
    }


def _leads(
    full: Mapping[str, Mapping[str, int]],
    cells: set[tuple[str, str]],
    start: tuple[str, str],
    goal: tuple[str, str],
) -> bool:
    """Whether raising and lowering the given cells in turn leads from one line of the table to another."""
    reached, waiting = {start}, [start]
    while waiting:
        kind, name = waiting.pop()
        if kind == "row":
            steps = [("column", c) for r, c in cells if r == name]
        else:
            steps = [("row", r) for r, c in cells if c == name and full[r][c] > 0]
        waiting += [knot for knot in steps if knot not in reached]
        reached |= set(steps)
    return goal in reached


def steady(new: int | None, earlier: Sequence[int | None], step: int = SMALLEST_GROUP) -> int | None:
    """The number to publish so that it differs from every earlier one by nothing or by at least ``step``.

    ``earlier`` holds what was published before, oldest first. Where the new number would differ by
    less, the last one published stands; a hidden number stays hidden until it may show.
    """
    said = [n for n in earlier if n is not None]
    if new is None or all(n == new or abs(n - new) >= step for n in said):
        return new
    return said[-1]


def canonical(figures: Mapping[str, Any]) -> str:
    """The one text of published figures, from which their hash is made."""
    return json.dumps(figures, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_hash(figures: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text, in hexadecimal digits."""
    return hashlib.sha256(canonical(figures).encode()).hexdigest()
