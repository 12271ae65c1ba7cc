"""The annotated copy: the user's own workbook with every finding at its cell. Pure.

Ordinary sizes keep the user's layout (openpyxl); above ``KEEP_LAYOUT_CELLS`` the sheet is rebuilt
(xlsxwriter), since keeping the layout of a large one takes minutes. Formulas become text either way.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import openpyxl
import xlsxwriter
from openpyxl.cell.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill

from yuchang.sheets.cells import as_text, is_risky, printable
from yuchang.sheets.headers import column_letter
from yuchang.sheets.reading import Sheet, read_sheets

KEEP_LAYOUT_CELLS = 150_000
LISTING_WIDTHS = (14, 6, 6, 16, 8, 48, 60)
COLOURS = {"rejected": "FFC7CE", "warning": "FFEB9C"}


@dataclass(frozen=True)
class Note:
    """A finding placed: row from 1, column from 0, level word, and the two sentences.

    ``sheet`` is empty where the workbook was read from one sheet.
    """

    row: int
    column: int
    level: str
    level_word: str
    header: str
    message: str
    remedy: str
    sheet: str = ""


@dataclass(frozen=True)
class Words:
    """The headings of the findings sheet, in the reader's language."""

    title: str
    headings: Sequence[str]


def annotate(
    name: str, content: bytes, sheet_names: Sequence[str], notes: Sequence[Note], words: Words
) -> bytes:
    """The workbook with red and yellow cells, comments, and a sheet that lists every finding.

    ``sheet_names``: the sheets that were read, at least one.
    """
    found = read_sheets(name, content)
    sheets = [s for s in found if s.name in sheet_names] or found[:1]
    notes = [n if n.sheet else replace(n, sheet=sheets[0].name) for n in notes]
    cells = sum(len(s.rows) * max((len(r) for r in s.rows), default=0) for s in sheets)
    if content[:2] == b"PK" and cells <= KEEP_LAYOUT_CELLS:
        return _keep_layout(content, [s.name for s in sheets], notes, words)
    return _rebuild(sheets, notes, words)


def by_cell(notes: Sequence[Note], sheet: str) -> dict[tuple[int, int], list[Note]]:
    """The notes of each cell of a sheet."""
    cells: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for note in notes:
        if note.sheet == sheet:
            cells[note.row, note.column].append(note)
    return cells


def told(notes: Sequence[Note]) -> str:
    """What is wrong and what to do, a line each."""
    return "\n".join(f"{n.level_word}:{n.message}{n.remedy}" for n in notes)[:30_000]


def worst(notes: Sequence[Note]) -> str:
    """The worst level among notes."""
    return "rejected" if any(n.level == "rejected" for n in notes) else "warning"


def _table(notes: Sequence[Note]) -> list[list[Any]]:
    return [
        [n.sheet, n.row, column_letter(n.column), n.header, n.level_word, n.message, n.remedy] for n in notes
    ]


def _keep_layout(content: bytes, names: Sequence[str], notes: Sequence[Note], words: Words) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(content), keep_links=False)
    _clean(book, names, words)
    for each in book.worksheets:
        for line in each.iter_rows():
            for cell in line:
                if isinstance(cell, Cell) and cell.data_type == "f":
                    _write_text(cell, getattr(cell.value, "text", None) or cell.value)
    for name in names:
        for (row, column), found in by_cell(notes, name).items():
            noted = book[name].cell(row, column + 1)
            if not isinstance(noted, Cell):
                continue  # the covered part of a merged cell takes neither colour nor comment
            colour = COLOURS[worst(found)]
            noted.fill = PatternFill("solid", start_color=colour, end_color=colour)
            noted.comment = Comment(told(found), "", height=120, width=320)
    listing = book.create_sheet(_free_title(words.title, book.sheetnames))
    for entry in [list(words.headings), *_table(notes)]:
        listing.append([None] * len(entry))
        for column, value in enumerate(entry, start=1):
            target = listing.cell(listing.max_row, column)
            if isinstance(value, int):
                target.value = value
            elif isinstance(target, Cell):
                _write_text(target, value)
    for target in listing[1]:
        target.font = Font(bold=True)
    for column, width in enumerate(LISTING_WIDTHS):
        listing.column_dimensions[column_letter(column)].width = width
    listing.freeze_panes = "A2"
    listing.auto_filter.ref = listing.dimensions
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _clean(book: openpyxl.Workbook, names: Sequence[str], words: Words) -> None:
    """Take out what an earlier copy marked: people correct that copy and send it again."""
    earlier = [
        s
        for s in book.worksheets
        if s.title.startswith(words.title) and [as_text(c.value) for c in s[1]] == list(words.headings)
    ]
    for each in earlier:
        book.remove(each)
    for line in chain.from_iterable(book[n].iter_rows() for n in names if earlier):
        for cell in line:
            if isinstance(cell, Cell) and str(cell.fill.start_color.rgb)[-6:] in COLOURS.values():
                cell.fill = PatternFill()
                cell.comment = None


def _free_title(title: str, taken: Sequence[str]) -> str:
    return next(t for t in (title, *(f"{title}{n}" for n in range(2, 99))) if t not in taken)


def _write_text(cell: Cell, value: Any) -> None:
    cell.value = printable(value)
    cell.data_type = "s"
    cell.quotePrefix = True


def _rebuild(sheets: Sequence[Sheet], notes: Sequence[Note], words: Words) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"strings_to_formulas": False, "strings_to_urls": False})
    formats = {
        level: book.add_format({"bg_color": f"#{colour}", "quote_prefix": True})
        for level, colour in COLOURS.items()
    }
    plain, quoted = book.add_format(), book.add_format({"quote_prefix": True})
    for sheet in sheets:
        target = book.add_worksheet(sheet.name[:31])
        cells = by_cell(notes, sheet.name)
        for r, line in enumerate(sheet.rows):
            for c, value in enumerate(line):
                found = cells.get((r + 1, c))
                style = formats[worst(found)] if found else None
                if isinstance(value, int | float) and not isinstance(value, bool):
                    target.write_number(r, c, value, style or plain)
                elif found or value not in (None, ""):
                    text = printable(as_text(value))
                    target.write_string(r, c, text, style or (quoted if is_risky(text) else plain))
                if found:
                    target.write_comment(r, c, told(found), {"x_scale": 2})
    listing = book.add_worksheet(_free_title(words.title, [s.name for s in sheets]))
    for c, width in enumerate(LISTING_WIDTHS):
        listing.set_column(c, c, width)
    listing.freeze_panes(1, 0)
    listing.autofilter(0, 0, len(notes), len(words.headings) - 1)
    for r, row in enumerate([list(words.headings), *_table(notes)]):
        for c, value in enumerate(row):
            if isinstance(value, int):
                listing.write_number(r, c, value)
            else:
                listing.write_string(r, c, printable(value), quoted)
    book.close()
    return stream.getvalue()
