"""What the simulator writes: the workbook as others read it, and the truth where no domain looks."""

from __future__ import annotations

import ast
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import python_calamine

from demo.county import reporting, truth, workbook
from demo.county.build import generate
from demo.county.tables import Recipe
from demo.tests.test_generated_county import seats

ROOT = Path(__file__).resolve().parent.parent.parent
COUNTY = generate(seats(12), Recipe(seed=2, households=300))
REPORT = reporting.fill_in(COUNTY)


def test_calamine_and_openpyxl_read_the_workbook_as_text(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    rows = workbook.write(path, REPORT.columns)
    sheet = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert tuple(sheet[0]) == reporting.COLUMNS
    assert len(sheet) == rows + 1
    for i, name in enumerate(reporting.COLUMNS):
        assert [row[i] for row in sheet[1:]] == REPORT.columns[name].tolist()
    other = openpyxl.load_workbook(path, read_only=True)
    assert [cell.value for cell in next(other.worksheets[0].iter_rows())] == list(reporting.COLUMNS)
    assert "模拟" in other.properties.title


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    workbook.write(first, REPORT.columns)
    workbook.write(second, REPORT.columns)
    assert first.read_bytes() == second.read_bytes()
    assert "模拟数据" in zipfile.ZipFile(first).read("docProps/core.xml").decode()


def test_the_truth_reads_back_and_carries_the_mark(tmp_path: Path) -> None:
    truth.write(tmp_path / "truth", COUNTY, REPORT)
    households = truth.read(tmp_path / "truth", "households")
    assert (households["is_poor"] == COUNTY.is_poor).all()
    assert np.allclose(households["net_per_head_yuan"], COUNTY.incomes[0].net_per_head)
    assert len(truth.read(tmp_path / "truth", "slips")["kind"]) == len(REPORT.slips)


def test_no_domain_knows_the_simulator_or_its_truth() -> None:
    for path in (ROOT / "yuchang").rglob("*.py"):
        text = path.read_text()
        if "tests" in path.parts or "demo" not in text:
            continue
        assert "demo/truth" not in text, path
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "demo" for name in names), path
