"""A superior's blank workbook: where its headers, blank lines and totals are, and how it is filled. Pure.

Filling keeps everything the superior drew: styles, merged cells, column widths, row heights, print settings,
the lines below the table. Where the blank lines do not suffice, what stands below moves down.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
from django.utils.translation import gettext as _
from openpyxl.cell.cell import Cell
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.worksheet import Worksheet

from yuchang.core.errors import Invalid, Problem, invalid
from yuchang.sheets.calculating import Fault, Unknown, Values
from yuchang.sheets.catalogue import Field
from yuchang.sheets.cells import is_risky, printable
from yuchang.sheets.headers import (
    MONEY,
    PLAIN_UNITS,
    Wanted,
    column_letter,
    find_headers,
    plain,
    split_unit,
)
from yuchang.sheets.reading import read_sheets
from yuchang.sheets.tables import shown

MAX_ROWS = 50_000
NUMBER = "#"
SEARCHED = 15
_TOTAL = ("合计", "总计", "小计", "共计", "total")
_PLACEHOLDER = re.compile(r"[{｛]{2}\s*([^{}｛｝]{1,60}?)\s*[}｝]{2}")
_BLANK_DAY = re.compile(r"[\s_]*年[\s_]*月[\s_]*日\s*$")
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_REFERENCE = re.compile(r"(\$?[A-Z]{1,3}\$?)(\d+)\b(?!\()")
_FUNCTION = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*\(")
_HARMLESS = {
    "SUM", "AVERAGE", "COUNT", "COUNTA", "COUNTIF", "SUMIF", "ROUND", "IF", "MAX", "MIN", "SUBTOTAL", "ROW",
    "IFERROR", "SUMPRODUCT", "ABS", "INT",
}  # fmt: skip
_FORMULA_CELL = re.compile(
    rb"""(?P<start><c r="(?P<cell>[A-Z]+[0-9]+)"(?: s="[0-9]+")?)>"""
    rb"""(?P<formula><f>[^<]*</f>)<v\s*(?:/>|></v>)</c>"""
)
_SHEET_UNIT = re.compile(r"^\(?(?:金额|计量)?单位:\s*(.+?)\)?$")
# The words that stand for something else than a field, as a superior's form says them.
PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    "unit": ("填报单位", "单位", "上报单位", "编制单位", "单位名称"),
    "area": ("地区", "区域", "所属地区", "行政区划"),
    "person": ("填表人", "制表人", "填报人", "经办人"),
    "day": ("填报日期", "日期", "填表日期", "制表日期", "上报日期"),
    "as_of": ("数据日期", "截止日期", "统计日期"),
    "year": ("年", "年度", "年份"),
    "month": ("月", "月份"),
    "objects": ("户数", "对象数"),
    "rows": ("行数", "人数合计"),
}


@dataclass
class Layout:
    """Where what goes. Rows from 1, columns from 0 (as text, for JSON).

    ``columns``: column → field name or ``#`` (running number). ``blanks`` lines from ``first`` on are
    free. ``total``: the row of totals, if there is one. ``labels``: cell → placeholder put behind its text.
    ``units``: column → the unit of money that the form asks for where it is not yuan.
    """

    sheet: str
    header: int
    first: int
    blanks: int
    total: int | None = None
    columns: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As stored with an edition."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Layout:
        """The inverse of ``as_json``."""
        return cls(**stored)


@dataclass(frozen=True)
class Heading:
    """One column of the blank: its letter and header, and the wider heading ``above`` it, if any."""

    column: int
    letter: str
    header: str
    above: str = ""

    @property
    def names(self) -> Iterator[str]:
        """What it may be called, the most exact first: with the heading above, without its unit."""
        base, unit = split_unit(self.header)
        upper = split_unit(self.above)[0]
        yield self.header
        if upper:
            yield f"{self.above}{self.header}"
        if base and (not unit or unit in MONEY or unit in PLAIN_UNITS):
            yield base
            yield f"{upper}{base}"
        if not base or self.header in MONEY:
            yield upper or self.above

    @property
    def money(self) -> str:
        """The unit of money in its own header or the one above; empty when neither says one."""
        said = (self.header, split_unit(self.header)[1], split_unit(self.above)[1])
        return next((unit for unit in said if unit in MONEY), "")


def open_blank(name: str, content: bytes) -> openpyxl.Workbook:
    """The workbook, judged first. Raises Invalid with what to save it as, or the cell that might do harm."""
    read_sheets(name, content)
    if content[:2] != b"PK":
        raise invalid("file", _("CSV 没有版式,不能作模板。"), _("请在 Excel 或 WPS 中另存为 .xlsx 后上传。"))
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), keep_links=False)
    except (InvalidFileException, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise invalid(
            "file", _("无法读取这个工作簿。"), _("请在 Excel 或 WPS 中打开并另存为 .xlsx 后上传。")
        ) from error
    problems = [p for sheet in book.worksheets for p in _harmful(sheet)]
    if problems:
        raise Invalid(problems[:20])
    return book


def _harmful(sheet: Worksheet) -> Iterator[Problem]:
    """Formulas that could reach outside the workbook, cell by cell."""
    for cell in _cells(sheet):
        if cell.data_type != "f":
            continue
        text = str(getattr(cell.value, "text", None) or cell.value)
        functions = {f.upper() for f in _FUNCTION.findall(text)}
        if functions - _HARMLESS or "[" in text or "|" in text:
            yield Problem(
                "file",
                _("工作表“%(sheet)s”单元格 %(cell)s 的公式不能保留:%(formula)s。")
                % {"sheet": sheet.title, "cell": cell.coordinate, "formula": text[:60]},
                _("请改为普通文字,或只用求和、计数等公式。"),
            )


def _cells(sheet: Worksheet) -> Iterator[Cell]:
    for line in sheet.iter_rows():
        for cell in line:
            if isinstance(cell, Cell) and cell.value is not None:
                yield cell


# --- finding -------------------------------------------------------------------------------------


def find_layout(
    name: str, content: bytes, fields: Sequence[Field], header: int | None = None, sheet: str = ""
) -> tuple[Layout, list[Heading]]:
    """The headers of a blank with the fields that suit them, and where its lines are.

    ``header`` and ``sheet`` correct what was found. Raises Invalid when no line looks like headers.
    """
    book = open_blank(name, content)
    wanted = [Wanted(f.name, (f.title, *f.aliases), False) for f in fields]
    sheets = [s for s in read_sheets(name, content) if not sheet or s.name == sheet]
    found = find_headers(sheets, wanted)
    if header is None:
        header = found.header_row if len(found.columns) > 1 else _likely_header(book[found.sheet])
    here = book[sheet or found.sheet]
    if header is None or header > here.max_row:
        raise invalid(
            "file", _("没有找到表头。"), _("请确认表头在前 15 行内、每列一个名称,或填写表头所在行。")
        )
    headings = _headings(here, header)
    names = {plain(h): w.name for w in wanted for h in w.headers}
    columns: dict[str, str] = {}
    taken: set[tuple[str, str]] = set()
    for heading in headings:
        field_name = NUMBER if plain(heading.header) in ("序号", "编号", "no.", "no") else ""
        field_name = field_name or next((names[p] for n in heading.names if (p := plain(n)) in names), "")
        if field_name and (field_name, heading.money) not in taken:
            columns[str(heading.column)] = field_name
            taken.add((field_name, heading.money))
    layout = Layout(here.title, header, header + 1, 0, columns=columns)
    layout.units = _units(here, layout, headings, fields)
    _find_lines(here, layout)
    layout.labels = _labels(here, layout)
    return layout, headings


def units_of(name: str, content: bytes, layout: Layout, fields: Sequence[Field]) -> dict[str, str]:
    """The units of money of a layout whose columns were chosen by hand."""
    here = open_blank(name, content)[layout.sheet]
    return _units(here, layout, _headings(here, layout.header), fields)


def _units(
    sheet: Worksheet, layout: Layout, headings: Sequence[Heading], fields: Sequence[Field]
) -> dict[str, str]:
    """The unit of money of each column that is not in yuan: its own, that above it, or the sheet's."""
    money = {f.name for f in fields if f.is_money}
    general = _sheet_unit(sheet, layout.header)
    found = {str(h.column): h.money or general for h in headings}
    asked = {c: found.get(c, "") for c, name in layout.columns.items() if name in money}
    return {c: unit for c, unit in asked.items() if MONEY.get(unit, 1) != 1}


def _sheet_unit(sheet: Worksheet, header: int) -> str:
    """The unit of money that a corner above the headers names, such as ``单位:万元、人``."""
    for line in sheet.iter_rows(max_row=max(header - 1, 1)):
        for cell in line:
            said = _SHEET_UNIT.match(unicodedata.normalize("NFKC", str(cell.value or "")).strip())
            for word in re.split(r"[、,;/\s]+", said[1]) if said else ():
                if word in MONEY:
                    return word
    return ""


def _likely_header(sheet: Worksheet) -> int | None:
    """The line with the most texts among the first fifteen, three at least."""
    counts = {
        number: sum(isinstance(c.value, str) and bool(c.value.strip()) for c in line)
        for number, line in enumerate(sheet.iter_rows(max_row=SEARCHED), start=1)
    }
    best = max(counts, key=lambda n: (counts[n], n), default=None)
    return best if best is not None and counts[best] >= 3 else None


def _headings(sheet: Worksheet, header: int) -> list[Heading]:
    """Each column's header; where the line is empty below a wider heading, that heading."""
    above: dict[int, Any] = {}
    for merged in sheet.merged_cells.ranges:
        if merged.min_row <= header <= merged.max_row or merged.max_row == header - 1:
            text = sheet.cell(merged.min_row, merged.min_col).value
            for column in range(merged.min_col, merged.max_col + 1):
                above.setdefault(column, text)
    found = []
    for column in range(1, sheet.max_column + 1):
        own, upper = sheet.cell(header, column).value, above.get(column)
        text = own or upper
        if text not in (None, ""):
            wider = _one_line(upper) if own and upper != own else ""
            found.append(Heading(column - 1, column_letter(column - 1), _one_line(text), wider))
    return found


def _one_line(text: Any) -> str:
    return str(text or "").strip().replace("\n", "")


def _find_lines(sheet: Worksheet, layout: Layout) -> None:
    """How many free lines follow the headers, and the row of totals."""
    numbered = {int(c) + 1 for c, name in layout.columns.items() if name == NUMBER}
    row = layout.first
    while row <= sheet.max_row and _is_free(sheet, row, numbered):
        row += 1
    layout.blanks = row - layout.first
    for below in range(row, min(sheet.max_row, row + 5) + 1):
        first = next((c.value for c in sheet[below] if c.value not in (None, "")), "")
        if plain(first).startswith(_TOTAL):
            layout.total = below
            return


def _is_free(sheet: Worksheet, row: int, numbered: set[int]) -> bool:
    return all(
        c.value in (None, "") or (c.column in numbered and not isinstance(c.value, str)) for c in sheet[row]
    )


def _labels(sheet: Worksheet, layout: Layout) -> dict[str, str]:
    """Cells such as “填报单位:” outside the table, with the placeholder that suits them."""
    words = {plain(w): name for name, said in PLACEHOLDERS.items() for w in said}
    found = {}
    for cell in _cells(sheet):
        text = _BLANK_DAY.sub("", str(cell.value)).strip()
        inside = layout.first <= cell.row < layout.first + layout.blanks
        last = plain(text.split()[-1]) if text.endswith((":", "\uff1a")) else ""
        if not inside and last in words:
            found[cell.coordinate] = words[last]
    return found


def texts_at(name: str, content: bytes, layout: Layout) -> dict[str, str]:
    """What stands in the cells behind which a word is put."""
    here = open_blank(name, content)[layout.sheet]
    return {cell: _one_line(here[cell].value) for cell in layout.labels}


def check_placeholders(book: openpyxl.Workbook, fields: Sequence[Field]) -> None:
    """Raise Invalid that names every ``{{…}}`` nobody can fill, with sheet and cell."""
    problems = []
    for sheet in book.worksheets:
        for cell in _cells(sheet):
            for word in _PLACEHOLDER.findall(str(cell.value)):
                if placeholder(word, fields) is None:
                    message = _("工作表“%(sheet)s”单元格 %(cell)s 的占位符“%(word)s”无法识别。")
                    problems.append(
                        Problem(
                            "file",
                            message % {"sheet": sheet.title, "cell": cell.coordinate, "word": word},
                            _("可用:%(words)s,以及“合计:字段名”。")
                            % {"words": "、".join(w[0] for w in PLACEHOLDERS.values())},
                        )
                    )
    if problems:
        raise Invalid(problems)


def placeholder(word: str, fields: Sequence[Field]) -> str | None:
    """``unit`` … for a known word, ``total:field`` for 合计:…, None for an unknown one."""
    text = plain(word)
    if text.startswith("合计"):
        title = text.removeprefix("合计")
        return next((f"total:{f.name}" for f in fields if f.is_summed and plain(f.title) == title), None)
    return next((name for name, said in PLACEHOLDERS.items() if text in map(plain, said)), None)


# --- filling -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filling:
    """What goes in: the rows (values in the order of ``fields``), the words and the totals by field name."""

    fields: Sequence[Field]
    rows: Sequence[Sequence[Any]]
    words: Mapping[str, str]
    totals: Mapping[str, int]
    made_at: datetime
    mark: str = ""


def fill(content: bytes, layout: Layout, filling: Filling) -> bytes:
    """The blank filled. The same filling gives the same bytes."""
    book = openpyxl.load_workbook(io.BytesIO(content), keep_links=False)
    sheet = book[layout.sheet]
    extra = max(0, len(filling.rows) - layout.blanks)
    for other in book.worksheets:
        _fill_words(other, layout, filling, is_table=other is sheet)
    if layout.total is not None:
        _fill_totals(sheet, layout, filling)
    if extra:
        _make_room(sheet, layout.first + layout.blanks, extra)
        _repeat_headers(sheet, layout)
    _fill_rows(sheet, layout, filling)
    if filling.mark:
        book.properties.description = filling.mark
        for each in book.worksheets:
            page: Any = each.oddHeader
            page.left.text = filling.mark
    stream = io.BytesIO()
    book.save(stream)
    return settled(stream.getvalue(), filling.made_at, _worked_out(book))


def _worked_out(book: openpyxl.Workbook) -> dict[str, dict[str, Any]]:
    """What the formulas come to, by part of the file and cell; those not understood are left out."""
    cells = {(s.title, c.row, c.column): c.value for s in book.worksheets for c in _cells(s)}
    values, found = Values(cells), dict[str, dict[str, Any]]()
    for number, sheet in enumerate(book.worksheets, start=1):
        here: dict[str, Any] = {}
        for cell in _cells(sheet):
            if cell.data_type == "f" and isinstance(cell.value, str):
                try:
                    here[cell.coordinate] = values.of((sheet.title, cell.row, cell.column))
                except Fault as fault:
                    here[cell.coordinate] = fault
                except Unknown:
                    continue
        if here:
            found[f"xl/worksheets/sheet{number}.xml"] = here
    return found


def _with_values(data: bytes, values: Mapping[str, Any]) -> bytes:
    """A sheet of the file with the values behind its formulas."""

    def put(found: re.Match[bytes]) -> bytes:
        value = values.get(found["cell"].decode())
        if value is None:
            return found[0]
        kind, text = _as_kept(value)
        said = f' t="{kind}"' if kind else ""
        return (
            found["start"] + said.encode() + b">" + found["formula"] + f"<v>{escape(text)}</v></c>".encode()
        )

    return _FORMULA_CELL.sub(put, data)


def _as_kept(value: Any) -> tuple[str, str]:
    """The type and the text by which a file keeps a formula's value."""
    if isinstance(value, Fault):
        return "e", str(value)
    if isinstance(value, bool):
        return "b", str(int(value))
    if isinstance(value, str):
        return "str", printable(value)
    return "", f"{value:.15g}" if isinstance(value, float) else str(value)


def _fill_words(sheet: Worksheet, layout: Layout, filling: Filling, *, is_table: bool) -> None:
    known = dict(filling.words)
    by_name = {f.name: f for f in filling.fields}
    for name, amount in filling.totals.items():
        if name in by_name:
            column = next((c for c, n in layout.columns.items() if n == name), "")
            known[f"total:{name}"] = f"{_scaled(layout, column, shown(by_name[name], amount)):,}"
    for cell in list(_cells(sheet)):
        text = str(cell.value)
        if cell.data_type == "f":
            continue
        new = _PLACEHOLDER.sub(lambda m: known.get(placeholder(m.group(1), filling.fields) or "", ""), text)
        if is_table and cell.coordinate in layout.labels:
            new = _behind(text, known.get(layout.labels[cell.coordinate], ""))
        if new != text:
            put_text(cell, new)


def _behind(text: str, word: str) -> str:
    """A label with its word behind it; a day takes the place of blanks before 年, 月 and 日."""
    day = _DAY.fullmatch(word)
    if _BLANK_DAY.search(text) and day:
        return _BLANK_DAY.sub(f"{day[1]}年{int(day[2])}月{int(day[3])}日", text)
    return f"{text.rstrip()}{word}"


def _fill_totals(sheet: Worksheet, layout: Layout, filling: Filling) -> None:
    by_name = {f.name: f for f in filling.fields}
    assert layout.total is not None  # noqa: S101 - the caller asked
    for column, name in layout.columns.items():
        cell = sheet.cell(layout.total, int(column) + 1)
        if name in filling.totals and isinstance(cell, Cell) and cell.value is None:
            cell.value = _scaled(layout, column, shown(by_name[name], filling.totals[name]))


def _make_room(sheet: Worksheet, below: int, extra: int) -> None:
    """Move everything from row ``below`` on down by ``extra`` rows; formulas and ranges follow."""
    merged = [copy(r) for r in sheet.merged_cells.ranges if r.min_row >= below]
    for each in merged:
        sheet.unmerge_cells(each.coord)
    heights = {
        n: sheet.row_dimensions[n].height
        for n in range(below, sheet.max_row + 1)
        if n in sheet.row_dimensions
    }
    sheet.move_range(
        f"A{below}:{column_letter(max(sheet.max_column, 1) - 1)}{max(sheet.max_row, below)}", rows=extra
    )
    for each in merged:
        each.shift(row_shift=extra)
        sheet.merge_cells(each.coord)
    for number, height in heights.items():
        sheet.row_dimensions[number].height = None
        sheet.row_dimensions[number + extra].height = height
    for cell in _cells(sheet):
        if cell.data_type == "f" and isinstance(cell.value, str):
            cell.value = _shifted(cell.value, below, extra)
    _stretch(sheet, below, extra)


def _repeat_headers(sheet: Worksheet, layout: Layout) -> None:
    """Let the headers stand on every printed page, where the superior has not said what does."""
    if not sheet.print_title_rows:
        joined = [r for r in sheet.merged_cells.ranges if r.min_row <= layout.header <= r.max_row]
        top = min([layout.header, *(r.min_row for r in joined)])
        sheet.print_title_rows = f"{top}:{layout.header}"


def _shifted(formula: str, below: int, extra: int) -> str:
    """References at or under the last free line move along, so that a sum still covers every line."""
    return _REFERENCE.sub(
        lambda m: m.group(1) + str(int(m.group(2)) + (extra if int(m.group(2)) >= below - 1 else 0)), formula
    )


def _stretch(sheet: Worksheet, below: int, extra: int) -> None:
    """Print area and drop-downs that reach the last free line reach the new last one."""
    for validation in sheet.data_validations.dataValidation:
        for each in validation.sqref.ranges:
            if each.max_row >= below - 1:
                each.max_row += extra
    if sheet.print_area:
        area = CellRange(sheet.print_area.split("!")[-1].replace("$", "").split(",")[0])
        if area.max_row >= below - 1:
            area.max_row += extra
            sheet.print_area = area.coord


def _fill_rows(sheet: Worksheet, layout: Layout, filling: Filling) -> None:
    place = {f.name: i for i, f in enumerate(filling.fields)}
    width = max([sheet.max_column, *(int(c) + 1 for c in layout.columns)])
    here: Any = sheet
    model = [copy(here.cell(layout.first, c)._style) for c in range(1, width + 1)]
    height = sheet.row_dimensions[layout.first].height if layout.first in sheet.row_dimensions else None
    joined = [
        (r.min_col, r.max_col)
        for r in sheet.merged_cells.ranges
        if r.min_row == r.max_row == layout.first and r.max_col > r.min_col
    ]
    columns = [(int(c) + 1, n) for c, n in layout.columns.items() if n == NUMBER or n in place]
    for index, row in enumerate(filling.rows):
        line = layout.first + index
        if index >= layout.blanks:
            for column in range(1, width + 1):
                here.cell(line, column)._style = copy(model[column - 1])
            sheet.row_dimensions[line].height = height
            for left, right in joined:
                sheet.merge_cells(start_row=line, end_row=line, start_column=left, end_column=right)
        for column, name in columns:
            value = index + 1 if name == NUMBER else shown(filling.fields[place[name]], row[place[name]])
            _put(sheet.cell(line, column), _scaled(layout, str(column - 1), value))


def _scaled(layout: Layout, column: str, value: Any) -> Any:
    """An amount of yuan in the unit that the column asks for."""
    size = MONEY.get(layout.units.get(column, ""), 1)
    return round(value / size, 10) if size != 1 and isinstance(value, int | float) else value


def _put(cell: Any, value: Any) -> None:
    if not isinstance(cell, Cell) or value is None or value == "":
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        cell.value = value
    else:
        put_text(cell, value)


def put_text(cell: Cell, value: Any) -> None:
    """Text that stays text, whatever it starts with."""
    text = printable(value)
    cell.value = text
    cell.data_type = "s"
    if is_risky(text):
        cell.quotePrefix = True


def settled(content: bytes, at: datetime, values: Mapping[str, Mapping[str, Any]] | None = None) -> bytes:
    """The same document without the moment of saving, so that equal content gives equal bytes.

    ``values`` (part → cell → value) are put behind the formulas.
    """
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            data = old.read(part)
            if part.filename == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + moment, data)
            if values and part.filename in values:
                data = _with_values(data, values[part.filename])
            entry = zipfile.ZipInfo(part.filename, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, data)
    return target.getvalue()
