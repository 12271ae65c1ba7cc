"""Plain tables of any length, written row by row in constant memory. Pure.

A workbook splits into further sheets at the row limit of .xlsx. CSV comes as UTF-8 or GB 18030; there a
text that a spreadsheet might run gets a leading apostrophe, for CSV has no other way to say "text".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import xlsxwriter

from yuchang.core.money import FEN_PER_YUAN
from yuchang.sheets.catalogue import NUMBER, WHOLE, Field
from yuchang.sheets.cells import is_risky, printable
from yuchang.sheets.export import HEADER, MEASURED_ROWS, MONEY, Widths, print_in_width, sheet_title

XLSX_ROWS = 1_048_576
FORMATS = {"xlsx": "xlsx", "csv": "csv", "csv-gb": "csv"}
ENCODINGS = {"csv": "utf-8-sig", "csv-gb": "gb18030"}
CHANGED = {"bg_color": "#FFEB9C", "quote_prefix": True}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def yuan_number(fen: int) -> int | float:
    """Fen as the number of a cell: whole yuan stay whole."""
    whole, rest = divmod(fen, FEN_PER_YUAN)
    return fen / FEN_PER_YUAN if rest else whole


def shown(field: Field, value: Any) -> Any:
    """A source's value as the cell shows it."""
    return yuan_number(value) if field.is_money and value is not None else value


class Workbook:
    """A streamed workbook. ``rows`` may be told which cells changed (they turn yellow)."""

    def __init__(self, path: Path, *, title: str, fields: Sequence[Field], mark: str = "") -> None:
        self._book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "tmpdir": str(path.parent),
            },
        )
        self._book.use_zip64()
        self._book.set_properties({"title": title, "comments": mark, "author": "", "created": _EPOCH})
        self._title, self._fields, self._mark = sheet_title(title, 28), fields, mark
        self._is_number = [f.is_money or f.kind in (NUMBER, WHOLE) for f in fields]
        self._is_yuan = [f.is_money for f in fields]
        self._plain, self._quoted = self._book.add_format(), self._book.add_format({"quote_prefix": True})
        self._changed = self._book.add_format(CHANGED)
        self._money = self._book.add_format({"num_format": MONEY})
        self._changed_money = self._book.add_format({**CHANGED, "num_format": MONEY})
        self._header = self._book.add_format(HEADER)
        self._widths = Widths([f.title for f in fields])
        self._sheets = 0
        self._line = XLSX_ROWS
        self.rows = 0

    def _next_sheet(self) -> None:
        self._sheets += 1
        name = self._title if self._sheets == 1 else f"{self._title}{self._sheets}"
        self._sheet = self._book.add_worksheet(name)
        self._line = 0
        if self._mark:
            self._sheet.write_string(
                0, 0, self._mark, self._book.add_format({"bold": True, "font_color": "#B42318"})
            )
            self._line = 1
        for column, field in enumerate(self._fields):
            self._sheet.write_string(self._line, column, printable(field.title), self._header)
        self._line += 1
        self._sheet.freeze_panes(self._line, 0)
        print_in_width(self._sheet, self._line - 1, len(self._fields))

    def add(self, row: Sequence[Any], changed: Sequence[int] = ()) -> None:
        """Write one row; ``changed`` are the columns to mark."""
        if self._line >= XLSX_ROWS:
            self._next_sheet()
        sheet, line = self._sheet, self._line
        if self.rows < MEASURED_ROWS:
            self._widths.measure([shown(f, v) for f, v in zip(self._fields, row, strict=False)])
        for column, value in enumerate(row):
            marked = self._changed if column in changed else None
            if value is None or value == "":
                if marked:
                    sheet.write_blank(line, column, None, marked)
            elif self._is_number[column] and isinstance(value, int | float):
                if self._is_yuan[column]:
                    money = self._changed_money if marked else self._money
                    sheet.write_number(line, column, yuan_number(int(value)), money)
                else:
                    sheet.write_number(line, column, value, marked)
            else:
                text = printable(value)
                sheet.write_string(
                    line, column, text, marked or (self._quoted if is_risky(text) else self._plain)
                )
        self._line += 1
        self.rows += 1

    def close(self) -> None:
        """Finish the file; an empty one keeps its headers."""
        if not self._sheets:
            self._next_sheet()
        for sheet in self._book.worksheets():
            self._widths.apply(sheet)
        self._book.close()


def write_csv(
    target: IO[bytes],
    *,
    encoding: str,
    fields: Sequence[Field],
    rows: Iterable[Sequence[Any]],
    mark: tuple[str, str] | None = None,
) -> int:
    """Write a CSV; returns the number of rows. Signs outside the encoding cannot occur in GB 18030.

    ``mark`` is a last column, its header and what stands in every row: a line above the headers would keep
    other programs from reading the file, and a part of it that is passed on would lose the mark.
    """
    last = [mark] if mark else []
    text = io.TextIOWrapper(target, encoding=encoding, newline="", write_through=False)
    writer = csv.writer(text)
    writer.writerow([f.title for f in fields] + [header for header, _word in last])
    count = 0
    for row in _csv_rows(fields, rows):
        writer.writerow(row + [word for _header, word in last])
        count += 1
    text.flush()
    text.detach()
    return count


def _csv_rows(fields: Sequence[Field], rows: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    for row in rows:
        line: list[Any] = []
        for field, value in zip(fields, row, strict=True):
            if value is None:
                line.append("")
            elif isinstance(value, int | float) and not isinstance(value, bool):
                line.append(shown(field, value))
            else:
                text = printable(value)
                line.append(f"'{text}" if is_risky(text) else text)
        yield line
