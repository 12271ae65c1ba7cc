"""Finding the header row and which column is which, by name and in any order. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from yuchang.sheets.reading import Sheet

SEARCHED_ROWS = 10
# How many yuan a unit of money is, as a form says it behind a header, above it or in a corner of the sheet.
MONEY = {"元": 1, "百元": 100, "千元": 1_000, "万元": 10_000, "百万元": 1_000_000, "亿元": 100_000_000}
PLAIN_UNITS = ("人", "口", "个", "户", "年", "名")
_UNIT = re.compile(r"^(.*?)\s*\((?:单位:?)?\s*([^()]{1,8})\)$", re.S)


@dataclass(frozen=True)
class Wanted:
    """A declared column as the matcher sees it: its name and every header that means it."""

    name: str
    headers: tuple[str, ...]
    required: bool


@dataclass(frozen=True)
class Mapping:
    """Where the columns are: the sheet, the row of the (last) header line from 1, name → column from 0.

    ``doubled``: header → columns, where one header stands more than once. ``merged``: ranges of merged
    header cells, such as ``A1:C1``.
    """

    sheet: str
    header_row: int
    columns: dict[str, int]
    headers: list[str]
    doubled: dict[str, list[int]]
    merged: list[str]

    def missing(self, wanted: Sequence[Wanted]) -> list[str]:
        """The names of required columns that were not found."""
        return [w.name for w in wanted if w.required and w.name not in self.columns]


def plain(header: Any) -> str:
    """A header reduced to what matters: half-width, without spaces, line breaks, stars or brackets' style."""
    text = unicodedata.normalize("NFKC", str(header if header is not None else ""))
    return re.sub(r"[\s*＊:：_]", "", text).strip("'").lower()


def split_unit(header: str) -> tuple[str, str]:
    """``人均纯收入(元/年)`` → (人均纯收入, 元); without a unit the header itself and nothing."""
    text = unicodedata.normalize("NFKC", header).strip()
    found = _UNIT.match(text)
    return (found[1].strip(), found[2].split("/")[0].strip()) if found else (text, "")


def _name_of(header: str, names: dict[str, str]) -> str | None:
    """The column that a header means, with or without a unit that changes nothing."""
    base, unit = split_unit(header)
    is_plain = unit in PLAIN_UNITS or MONEY.get(unit) == 1
    return names.get(plain(header)) or (names.get(plain(base)) if is_plain else None)


def column_letter(column: int) -> str:
    """0 → A, 25 → Z, 26 → AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def find_headers(sheets: Sequence[Sheet], wanted: Sequence[Wanted]) -> Mapping:
    """The best match over all sheets: the header line with most known columns among the first ten rows.

    Two lines are tried as one where a heading spans several columns. A hidden sheet (last year's, a backup)
    is taken only when no open one has a third of the columns. ``sheets`` must not be empty.
    """
    found = [(best_in(sheet, wanted), sheet) for sheet in sheets]
    best, _sheet = max(
        found,
        key=lambda f: (
            not f[1].is_hidden and len(f[0].columns) * 3 >= len(wanted),
            len(f[0].columns),
            f[1].height > f[0].header_row,
        ),
    )
    return best


def best_in(sheet: Sheet, wanted: Sequence[Wanted]) -> Mapping:
    """The best match within one sheet."""
    return max(_candidates(sheet, wanted), key=lambda m: (len(m.columns), -m.header_row))


def _candidates(sheet: Sheet, wanted: Sequence[Wanted]) -> Iterator[Mapping]:
    names = {plain(h): w.name for w in wanted for h in w.headers}
    upper: Sequence[Any] = ()
    for index, line in enumerate(sheet.rows[:SEARCHED_ROWS]):
        yield _match(sheet, index, [str(c or "").strip() for c in line], names)
        if upper:
            both = [
                str(low or high or "").strip()
                for low, high in zip(line, [*upper, *[""] * len(line)], strict=False)
            ]
            yield _match(sheet, index, both, names)
        upper = line


def _match(sheet: Sheet, index: int, line: list[str], names: dict[str, str]) -> Mapping:
    places: dict[str, list[int]] = {}
    for column, header in enumerate(line):
        if name := _name_of(header, names):
            places.setdefault(name, []).append(column)
    columns = {name: found[0] for name, found in places.items()}
    doubled = {line[found[0]]: found for found in places.values() if len(found) > 1}
    merged = [
        f"{column_letter(c1)}{r1 + 1}:{column_letter(c2)}{r2 + 1}"
        for r1, c1, r2, c2 in sheet.merged
        if r1 <= index <= r2 + 1 and c2 > c1
    ]
    return Mapping(sheet.name, index + 1, columns, line, doubled, merged)
