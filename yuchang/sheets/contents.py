"""What a workbook says, apart from how it looks: its cells, for two files to be compared. Pure.

Widths, colours, print settings, number formats and the order of parts inside the file are looks. Of a
formula its text counts, not the value that some program kept with it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import openpyxl

from yuchang.sheets.cells import as_text
from yuchang.sheets.headers import column_letter
from yuchang.sheets.reading import read_judged

MOST = 10
Line = tuple[str, int, list[str]]


@dataclass(frozen=True)
class Differing:
    """One cell that is not the same in two workbooks."""

    sheet: str
    cell: str
    before: str
    after: str


def content_digest(content: bytes, *, with_formulas: bool) -> str:
    """A hash over the filled cells of a workbook, line by line; empty lines do not count."""
    digest = hashlib.sha256()
    for sheet, _number, cells in _lines(content, with_formulas):
        digest.update("\x1f".join([sheet, *cells]).encode() + b"\x1e")
    return digest.hexdigest()


def first_differences(before: bytes, after: bytes, *, with_formulas: bool) -> list[Differing]:
    """The first cells that differ, at most ten."""
    found: list[Differing] = []
    pairs = zip_longest(_lines(before, with_formulas), _lines(after, with_formulas))
    for a, b in pairs:
        sheet, number, _cells = a or b or ("", 0, [])
        both = zip_longest(a[2] if a else [], b[2] if b else [], fillvalue="")
        for column, (old, new) in enumerate(both):
            if old != new and len(found) < MOST:
                found.append(Differing(sheet, f"{column_letter(column)}{number}", old[:80], new[:80]))
        if len(found) >= MOST:
            break
    return found


def _lines(content: bytes, with_formulas: bool) -> Iterator[Line]:
    for name, number, row in _formula_lines(content) if with_formulas else _value_lines(content):
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield name, number, cells


def _value_lines(content: bytes) -> Iterator[tuple[str, int, Any]]:
    for sheet in read_judged(content):
        for number, row in enumerate(sheet.rows, start=1):
            yield sheet.name, number, row


def _formula_lines(content: bytes) -> Iterator[tuple[str, int, Any]]:
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    for sheet in book.worksheets:
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
            yield sheet.title, number, row


def _text(value: Any) -> str:
    """A number as a number: 3 and 3.0 are one."""
    return f"{value:.10g}" if isinstance(value, float) and not value.is_integer() else as_text(value)
