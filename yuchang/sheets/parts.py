"""What of a workbook is read: which of its sheets, and which of their rows. Pure.

Sheets of one layout are read one after the other, as if they were one. Their rows are numbered through,
``STRIDE`` for every sheet before, so that one number names a sheet and its row.
"""

from __future__ import annotations

from collections.abc import Mapping as Mapped
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from yuchang.sheets.headers import Mapping, Wanted, best_in, plain
from yuchang.sheets.reading import Sheet

STRIDE = 1_000_000
MOST_SPANS = 12


@dataclass(frozen=True)
class Part:
    """One sheet that may be read: where its headers and columns (from 0) are.

    ``hidden`` filled rows below the headers are hidden or filtered out; ``hidden_where`` names them.
    """

    sheet: str
    header_row: int
    headers: list[str]
    columns: dict[str, int]
    hidden: int = 0
    hidden_where: str = ""
    is_read: bool = True
    doubled: dict[str, list[int]] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As stored with a batch."""
        return asdict(self)


def find_parts(
    sheets: Sequence[Sheet], wanted: Sequence[Wanted], chosen: Mapping, hidden: Mapped[str, Sequence[int]]
) -> tuple[list[Part], list[str]]:
    """The sheets of the layout chosen, in their order; and the names of open ones that come near it.

    One layout: the same columns are known, or the headers are the same word for word. A hidden sheet is
    taken only when it is the one chosen.
    """
    parts, others = [], []
    for sheet in sheets:
        if sheet.is_hidden and sheet.name != chosen.sheet:
            continue
        found = chosen if sheet.name == chosen.sheet else best_in(sheet, wanted)
        if found is not chosen and sheet.height <= found.header_row:
            continue
        if found is chosen or found.columns.keys() == chosen.columns.keys() or _same(found, chosen):
            parts.append(_part(found, chosen, hidden.get(sheet.name, ())))
        elif not found.missing(wanted):
            others.append(sheet.name)
    return parts, others


def _same(found: Mapping, chosen: Mapping) -> bool:
    return [plain(h) for h in found.headers if h] == [plain(h) for h in chosen.headers if h]


def _part(found: Mapping, chosen: Mapping, hidden: Sequence[int]) -> Part:
    below = [row for row in hidden if row > found.header_row]
    columns = found.columns if found is chosen else _moved(chosen.columns, chosen.headers, found)
    return Part(
        found.sheet,
        found.header_row,
        list(found.headers),
        columns,
        len(below),
        spans(below),
        doubled=found.doubled,
        merged=found.merged,
    )


def _moved(columns: Mapped[str, int], headers: Sequence[str], to: Mapping | Part) -> dict[str, int]:
    """Columns of one sheet in another: under the header of the same name, else where it was found there."""
    places: dict[str, int] = {}
    for number, header in enumerate(to.headers):
        if header:
            places.setdefault(plain(header), number)
    found = {}
    for name, column in columns.items():
        header = plain(headers[column]) if column < len(headers) else ""
        place = places.get(header) if header else column
        place = to.columns.get(name) if place is None else place
        if place is not None:
            found[name] = place
    return found


def parts_of(mapping: Mapped[str, Any]) -> list[Part]:
    """The parts stored with a batch; the one sheet of a batch from before there were several."""
    stored = mapping.get("parts")
    if stored:
        return [Part(**each) for each in stored]
    names = ("sheet", "header_row", "headers", "columns", "doubled", "merged")
    return [Part(**{n: mapping[n] for n in names})]


def corrected(parts: Sequence[Part], first: str, columns: Mapped[str, int]) -> list[Part]:
    """The parts when the columns of the sheet ``first`` were chosen by hand."""
    chosen = next(p for p in parts if p.sheet == first)
    return [
        replace(p, columns=dict(columns), doubled={})
        if p is chosen
        else replace(p, columns=_moved(columns, chosen.headers, p), doubled={})
        for p in parts
    ]


def spans(rows: Sequence[int]) -> str:
    """Row numbers in words: ``5–12、20``; the first dozen of them."""
    found: list[list[int]] = []
    for row in rows:
        if found and row == found[-1][1] + 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    words = [str(a) if a == b else f"{a}–{b}" for a, b in found[:MOST_SPANS]]
    return "、".join(words) + ("…" if len(found) > MOST_SPANS else "")


def part_at(parts: Sequence[Part], number: int) -> tuple[Part, int]:
    """The part of a row numbered through, and its number in the sheet."""
    index, row = divmod(number, STRIDE)
    return parts[min(index, len(parts) - 1)], row


def row_word(parts: Sequence[Part], number: int) -> str:
    """A row as people name it: its number, with the sheet before it (``西村!5``) when there are several."""
    return named_row([part.sheet for part in parts], number)


def named_row(sheets: Sequence[str], number: int) -> str:
    """The same, of the names of the sheets."""
    index, row = divmod(number, STRIDE)
    return f"{sheets[index]}!{row}" if 1 < len(sheets) > index else str(row)
