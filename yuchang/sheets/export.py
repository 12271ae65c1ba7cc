"""Workbooks out: streamed, every text cell a string, simulated data marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from yuchang.sheets.cells import is_risky, printable

HEADER = {"bold": True, "bg_color": "#E8EEF7", "border": 1, "text_wrap": True, "valign": "vcenter"}
NUMBERS = (int, float)
MONEY = "#,##0.00"
A4 = 9


def write_workbook(
    target: IO[bytes],
    *,
    title: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Any]],
    mark: str = "",
    widths: Sequence[int] = (),
) -> int:
    """Write one sheet row by row in constant memory; returns the number of rows.

    ``mark`` (for simulated data) is a line above the headers and stands in the file's properties.
    Integers and floats become numbers (floats with two decimals), everything else a string that can never
    run as a formula. Printed, the sheet is as wide as a page and repeats its headers.
    """
    book = xlsxwriter.Workbook(
        target,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
    )
    book.set_properties({"title": title, "comments": mark, "author": "", "company": ""})
    plain, quoted = book.add_format(), book.add_format({"quote_prefix": True})
    money = book.add_format({"num_format": MONEY})
    sheet = book.add_worksheet(title[:31])
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    line = 0
    if mark:
        sheet.write_string(0, 0, mark, book.add_format({"bold": True, "font_color": "#B42318"}))
        line = 1
    header = book.add_format(HEADER)
    for column, text in enumerate(headers):
        sheet.write_string(line, column, printable(text), header)
    sheet.freeze_panes(line + 1, 0)
    print_in_width(sheet, line)
    count = 0
    for row in rows:
        count += 1
        for column, value in enumerate(row):
            if value is None or value == "":
                continue
            if isinstance(value, NUMBERS) and not isinstance(value, bool):
                sheet.write_number(line + count, column, value, money if isinstance(value, float) else None)
                continue
            text = printable(value)
            sheet.write_string(line + count, column, text, quoted if is_risky(text) else plain)
    if count and headers:
        sheet.autofilter(line, 0, line + count, len(headers) - 1)
    book.close()
    return count


def print_in_width(sheet: Worksheet, header: int) -> None:
    """Lay the sheet across A4, all columns on one page, its headers (row from 0) again on each."""
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, header)
