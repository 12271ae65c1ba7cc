"""Blanks as superiors send them: a title, a unit line, headers, a few ruled lines, totals, a signature."""

from __future__ import annotations

import io

from docx import Document
from openpyxl import Workbook
from openpyxl.styles import Border, Font, Side

HEADERS = ("序号", "户主姓名", "户编号", "人口", "人均纯收入(元)", "备注")
_THIN = Side(style="thin")


def blank_workbook(*, lines: int = 3, note: str = "{{日期}}", extra: str = "") -> bytes:
    """A blank with ``lines`` ruled lines, a total with a formula, and a landscape A4 page."""
    book = Workbook()
    sheet = book.active
    sheet.title = "花名册"
    sheet.merge_cells("A1:F1")
    sheet["A1"] = "{{地区}}脱贫户花名册"
    sheet["A1"].font = Font(size=18, bold=True)
    sheet["A2"] = "填报单位:"
    sheet["E2"] = note
    for column, text in enumerate(HEADERS, start=1):
        sheet.cell(3, column, text)
    for row in range(4, 4 + lines):
        for column in range(1, 7):
            sheet.cell(row, column).border = Border(_THIN, _THIN, _THIN, _THIN)
        sheet.row_dimensions[row].height = 24
    total = 4 + lines
    sheet.cell(total, 1, "合计")
    sheet.merge_cells(start_row=total, end_row=total, start_column=1, end_column=3)
    sheet.cell(total, 5, f"=SUM(E4:E{total - 1})")
    sheet.cell(total + 2, 1, "审核人:          填表人:{{填表人}}")
    if extra:
        sheet["H1"] = extra
    sheet.page_setup.orientation = "landscape"
    sheet.print_area = f"A1:F{total + 2}"
    sheet.column_dimensions["B"].width = 22
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def letter(*paragraphs: str) -> bytes:
    """A Word document of these paragraphs."""
    document = Document()
    for text in paragraphs:
        document.add_paragraph(text)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()
