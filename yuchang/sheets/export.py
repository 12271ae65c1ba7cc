"""Workbooks out: streamed, every text cell a string, simulated data marked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import IO, Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range_abs
from xlsxwriter.worksheet import Worksheet

from yuchang.sheets.cells import is_risky, printable
from yuchang.sheets.kinds import Column

HEADER = {"bold": True, "bg_color": "#E8EEF7", "border": 1, "text_wrap": True, "valign": "vcenter"}
NUMBERS = (int, float)
MONEY = "#,##0.00"
A3, A4 = 8, 9
MANY_COLUMNS = 16
NARROWEST, WIDEST = 6, 40
MEASURED_ROWS = 500
_UNFIT = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
FIRST_CHOICE = 4
LAST_CHOSEN = 19_999


def sheet_title(text: str, most: int = 31) -> str:
    """A text as the name of a sheet: Excel takes neither ``[]:*?/\\`` nor a name that is long or empty."""
    return _UNFIT.sub(" ", text).strip(" '")[:most].rstrip(" '") or "Sheet"


class Widths:
    """How wide the columns must be for their headers and their first rows to be read."""

    def __init__(self, headers: Sequence[str]) -> None:
        # A header breaks over two lines; a number must not, or it shows as ####.
        self._widths = [max(NARROWEST, min(text_width(h), (text_width(h) + 1) // 2 + 3)) for h in headers]
        self._rows = 0

    def measure(self, row: Sequence[Any]) -> None:
        """Take in one row; only the first few hundred count."""
        self._rows += 1
        if self._rows > MEASURED_ROWS:
            return
        for column, value in enumerate(row[: len(self._widths)]):
            if value is not None and value != "":
                text = f"{value:,}" if isinstance(value, float) else str(value)
                self._widths[column] = max(self._widths[column], text_width(text) + 2)

    @property
    def chosen(self) -> list[int]:
        """The widths, one per column."""
        return self._widths

    def apply(self, sheet: Worksheet) -> None:
        """Set them; a streamed sheet takes them at any time before it is closed."""
        for column, width in enumerate(self._widths):
            sheet.set_column(column, column, min(width, WIDEST))


def text_width(text: str) -> int:
    """How many half-width signs a text is wide."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def write_workbook(
    target: IO[bytes],
    *,
    title: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Any]],
    mark: str = "",
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
    sheet = book.add_worksheet(sheet_title(title))
    widths = Widths(headers)
    line = 0
    if mark:
        sheet.write_string(0, 0, mark, book.add_format({"bold": True, "font_color": "#B42318"}))
        line = 1
    header = book.add_format(HEADER)
    for column, text in enumerate(headers):
        sheet.write_string(line, column, printable(text), header)
    sheet.freeze_panes(line + 1, 0)
    print_in_width(sheet, line, len(headers))
    count = 0
    for row in rows:
        count += 1
        widths.measure(row)
        for column, value in enumerate(row):
            if value is None or value == "":
                continue
            if isinstance(value, NUMBERS) and not isinstance(value, bool):
                sheet.write_number(line + count, column, value, money if isinstance(value, float) else None)
                continue
            text = printable(value)
            sheet.write_string(line + count, column, text, quoted if is_risky(text) else plain)
    widths.apply(sheet)
    if count and headers:
        sheet.autofilter(line, 0, line + count, len(headers) - 1)
    book.close()
    return count


def print_in_width(sheet: Worksheet, header: int, columns: int) -> None:
    """Lay the sheet across A4, or A3 when there are many columns, all of them on one page.

    Its headers (row from 0) stand again on each page, and its number below.
    """
    sheet.set_landscape()
    sheet.set_paper(A3 if columns > MANY_COLUMNS else A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, header)
    sheet.set_footer("&C&P / &N")


def write_blank(
    target: IO[bytes],
    *,
    title: str,
    columns: Sequence[Column],
    guide: str,
    headings: Sequence[str],
    examples: bool = False,
) -> None:
    """A workbook to fill in: names in digits stay text, lists to choose from, and a sheet that explains.

    ``headings`` of the sheet ``guide``: header, whether it is required, example, other names, what may stand.
    The lists only help: what is typed beside them is judged when the workbook comes back.
    """
    book = xlsxwriter.Workbook(target, {"strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": title, "author": "", "company": ""})
    as_text = book.add_format({"num_format": "@"})
    header, needed = book.add_format(HEADER), book.add_format({**HEADER, "font_color": "#B42318"})
    sheet = book.add_worksheet(sheet_title(title))
    listing = book.add_worksheet(sheet_title(guide))
    _explain(listing, columns, headings, header)
    for number, column in enumerate(columns):
        wide = 21 if column.is_text else max(10, text_width(column.header) + 3)
        sheet.set_column(number, number, wide, as_text if column.is_text else None)
        sheet.write_string(0, number, column.header, needed if column.required else header)
        if examples and column.example:
            sheet.write_string(1, number, column.example, as_text if column.is_text else None)
        if column.choices:
            cells = xl_range_abs(number + 1, FIRST_CHOICE, number + 1, FIRST_CHOICE + len(column.choices) - 1)
            source = f"='{listing.get_name()}'!{cells}"
            said = {"validate": "list", "source": source, "show_error": False}
            sheet.data_validation(1, number, LAST_CHOSEN, number, said)
    sheet.freeze_panes(1, 0)
    print_in_width(sheet, 0, len(columns))
    book.close()


def _explain(sheet: Worksheet, columns: Sequence[Column], headings: Sequence[str], header: Format) -> None:
    for number, text in enumerate(headings):
        sheet.write_string(0, number, text, header)
    for line, column in enumerate(columns, start=1):
        said = [column.header, "*" if column.required else "", column.example, "、".join(column.aliases)]
        for number, text in enumerate([*said, *column.choices]):
            sheet.write_string(line, number, text)
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 1, 6)
    sheet.set_column(2, 3, 26)
    sheet.set_column(FIRST_CHOICE, 100, 14)
    sheet.freeze_panes(1, 1)
    print_in_width(sheet, 0, MANY_COLUMNS)
