"""A filled form shows its totals also where nothing calculates: phones, previews, other programs."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest

from yuchang.registry.sources import Households
from yuchang.sheets import blanks
from yuchang.sheets.calculating import Fault, Unknown, Values
from yuchang.sheets.tests.workbooks import blank_workbook

TABLE: list[list[Any]] = [
    ["户主", "人口", "致贫原因", "收入"],
    ["甲", 3, "因病", 1200.5],
    ["乙", 4, "因学", 800],
    ["丙", None, "因病", "不详"],
]


def worth(formula: str, **more: Any) -> Any:
    cells: dict[Any, Any] = {
        ("表", r, c): v for r, line in enumerate(TABLE, 1) for c, v in enumerate(line, 1) if v is not None
    }
    cells |= {("另 表", 1, 1): 100, ("表", 9, 9): formula}
    cells |= {("表", 20, i): v for i, v in enumerate(more.values(), 1)}
    return Values(cells).of(("表", 9, 9))


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("=SUM(B2:B4)", 7),
        ("=SUM(B2:B4,10,D2)", 1217.5),
        ("=AVERAGE(B2:B4)", 3.5),
        ("=COUNT(D2:D4)", 2),
        ("=COUNTA(A2:A4)", 3),
        ('=COUNTIF(C2:C4,"因病")', 2),
        ('=COUNTIF(D2:D4,">1000")', 1),
        ('=COUNTIF(C2:C4,"因*")', 3),
        ('=SUMIF(C2:C4,"因病",B2:B4)', 3),
        ("=MAX(B2:B4)-MIN(B2:B4)", 1),
        ("=ROUND(D2/B2,2)", 400.17),
        ("=ROUND(2.5,0)+ROUND(-2.5,0)", 0),
        ("=SUBTOTAL(9,B2:B4)", 7),
        ("=SUBTOTAL(103,A2:A4)", 3),
        ("=SUMPRODUCT(B2:B3,D2:D3)", 6801.5),
        ('=IF(B2>=3,"多","少")&B2', "多3"),
        ("=IFERROR(B2/B4,-1)", -1),
        ("=-2^2+3*(1+1)%", 4.06),
        ("='另 表'!A1+B2", 103),
        ("=ROW()+ROW(A3)+INT(2.9)+ABS(-1)", 15),
        ("=B4", 0),
    ],
)
def test_a_formula_comes_to_what_a_spreadsheet_says(formula: str, value: Any) -> None:
    assert worth(formula) == pytest.approx(value) if not isinstance(value, str) else worth(formula) == value


def test_what_is_not_understood_is_left_and_faults_are_named() -> None:
    for formula in ("=VLOOKUP(A1,A1:B2,2)", "=SUM(B:B)", "=I9", "=SUM(B2:B4", "=A1:A3", "=中文(1)"):
        with pytest.raises(Unknown):
            worth(formula)
    with pytest.raises(Fault, match="DIV"):
        worth("=B2/B4")
    with pytest.raises(Fault, match="VALUE"):
        worth("=A2+1")


def test_a_filled_blank_keeps_its_formula_and_its_value() -> None:
    book = openpyxl.load_workbook(io.BytesIO(blank_workbook(lines=2)))
    sheet = book.active
    sheet["F6"], sheet["G6"], sheet["H6"] = '=IF(E6>0,"<有>","无")', "=E6/0", "=SUM(E:E)"
    stream = io.BytesIO()
    book.save(stream)
    fields = Households.fields
    layout, _headings = blanks.find_layout("a.xlsx", stream.getvalue(), fields)
    chosen = [f for f in fields if f.name in ("head_name", "net_income_per_head_fen")]
    rows = [[f"王{n}", 100_050 * n] for n in range(1, 5)]
    filling = blanks.Filling(chosen, rows, {}, {}, datetime(2026, 11, 1, tzinfo=UTC))
    made = blanks.fill(stream.getvalue(), layout, filling)
    assert made == blanks.fill(stream.getvalue(), layout, filling)
    formulas, values = (openpyxl.load_workbook(io.BytesIO(made), data_only=b).active for b in (False, True))
    assert formulas.print_title_rows == "$3:$3"
    assert formulas["E8"].value == "=SUM(E4:E7)" and values["E8"].value == 10005
    assert values["F8"].value == "<有>" and values["G8"].value == "#DIV/0!"
    assert formulas["H8"].value == "=SUM(E:E)" and values["H8"].value is None
