"""The rows that stayed out, alone in a workbook: the reason beside each, to correct and send again. Pure.

Whole groups come back (all of a household), for they enter together; the headers are the user's own, so the
corrected workbook is read like the first. What stands under our headings is left out when it is sent again.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from yuchang.sheets.annotated import COLOURS, Note, by_cell, told, worst
from yuchang.sheets.cells import as_text, is_risky, printable
from yuchang.sheets.export import HEADER, WIDEST, Widths, print_in_width, sheet_title
from yuchang.sheets.parts import Part
from yuchang.sheets.reading import Sheet

REASON_WIDTH = 60


def refused_rows(
    sheets: Mapping[str, Sheet],
    rows: Sequence[tuple[Part, Sequence[int]]],
    notes: Sequence[Note],
    *,
    headings: tuple[str, str],
    beside: str,
    text_columns: Collection[str],
    mark: str = "",
) -> bytes:
    """A sheet for each part with its rows, and behind them the row they had and what is wrong.

    ``headings`` are those of the two last columns; ``beside`` is said of a row that is sound itself but whose
    group is not. ``text_columns`` (by name) take digits as text.
    """
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"strings_to_formulas": False, "strings_to_urls": False})
    styles = _Styles(book)
    for part, numbers in rows:
        target = book.add_worksheet(sheet_title(part.sheet))
        own = [n for n in notes if n.sheet == part.sheet]
        _write(target, styles, sheets[part.sheet], part, numbers, own, headings, beside, text_columns, mark)
    book.close()
    return stream.getvalue()


class _Styles:
    """The formats of a workbook of refused rows."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.header = book.add_format(HEADER)
        self.mark = book.add_format({"bold": True, "font_color": "#B42318"})
        self.reason = book.add_format({"text_wrap": True, "valign": "top", "font_color": "#B42318"})
        self.plain, self.quoted = book.add_format(), book.add_format({"quote_prefix": True})
        self.text = book.add_format({"num_format": "@"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.level = {
            k: book.add_format({"bg_color": f"#{c}", "num_format": "@"}) for k, c in COLOURS.items()
        }
        self.level_day = {
            k: book.add_format({"bg_color": f"#{c}", "num_format": "yyyy-mm-dd"}) for k, c in COLOURS.items()
        }


def _write(
    target: Worksheet,
    styles: _Styles,
    sheet: Sheet,
    part: Part,
    numbers: Sequence[int],
    notes: Sequence[Note],
    headings: tuple[str, str],
    beside: str,
    text_columns: Collection[str],
    mark: str,
) -> None:
    columns = [c for c, h in enumerate(part.headers) if h and h not in headings]
    titles = [*(part.headers[c] for c in columns), *headings]
    as_digits = {part.columns[n] for n in text_columns if n in part.columns}
    widths, cells, first = Widths(titles), by_cell(notes, part.sheet), 0
    if mark:
        target.write_string(0, 0, mark, styles.mark)
        first = 1
    for place, title in enumerate(titles):
        target.write_string(first, place, printable(title), styles.header)
    for line, number in enumerate(numbers, start=first + 1):
        row = sheet.rows[number - 1] if number <= len(sheet.rows) else ()
        values = [row[c] if c < len(row) else "" for c in columns]
        widths.measure([as_text(v) for v in values])
        for place, (column, value) in enumerate(zip(columns, values, strict=True)):
            found = cells.get((number, column))
            style = _style(styles, value, found, is_digits=column in as_digits)
            _put(target, line, place, value, style)
            if found:
                target.write_comment(line, place, told(found), {"x_scale": 2})
        said = [n for n in notes if n.row == number]
        target.write_number(line, len(columns), number)
        target.write_string(line, len(columns) + 1, printable(told(said) if said else beside), styles.reason)
    for place, width in enumerate(widths.chosen[: len(columns)]):
        is_text = columns[place] in as_digits
        target.set_column(place, place, min(width, WIDEST), styles.text if is_text else None)
    target.set_column(len(columns), len(columns), 8)
    target.set_column(len(columns) + 1, len(columns) + 1, REASON_WIDTH)
    target.freeze_panes(first + 1, 0)
    target.autofilter(first, 0, first + len(numbers), len(titles) - 1)
    print_in_width(target, first, len(titles))


def _style(styles: _Styles, value: Any, found: Sequence[Note] | None, *, is_digits: bool) -> Format:
    is_day = isinstance(value, date)
    if found:
        return (styles.level_day if is_day else styles.level)[worst(found)]
    if is_day:
        return styles.day
    if is_digits:
        return styles.text
    return styles.quoted if isinstance(value, str) and is_risky(value) else styles.plain


def _put(target: Worksheet, line: int, column: int, value: Any, style: Format) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        target.write_number(line, column, value, style)
    elif isinstance(value, datetime | date):
        target.write_datetime(line, column, value, style)
    elif value not in (None, ""):
        target.write_string(line, column, printable(as_text(value)), style)
    else:
        target.write_blank(line, column, None, style)
