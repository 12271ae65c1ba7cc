"""What people upload: read when it is a table, refused in a sentence when it is not, and quickly."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from yuchang.core.errors import Invalid
from yuchang.sheets.annotated import Note, Words, annotate
from yuchang.sheets.cells import as_text, hide_numbers, is_risky
from yuchang.sheets.export import write_blank, write_workbook
from yuchang.sheets.headers import Wanted, column_letter, find_headers
from yuchang.sheets.kinds import Column
from yuchang.sheets.parts import STRIDE, Part, find_parts, part_at, row_word, spans
from yuchang.sheets.reading import Sheet, hidden_rows, read_sheets

OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def book(rows, merged=(), **options) -> bytes:
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream)
    sheet = workbook.add_worksheet("户册")
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(r, c, value)
            elif value is not None:
                sheet.write(r, c, value)
    for area, value in merged:
        sheet.merge_range(area, value)
    workbook.close()
    return stream.getvalue()


def repacked(content: bytes, **parts: bytes) -> bytes:
    """The same workbook with some parts replaced."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, data in parts.items():
            new.writestr(name, data)
    return target.getvalue()


SOUND = book([["姓名", "人数"], ["赵甲", 3]])
SHEET = "xl/worksheets/sheet1.xml"


def sheet_with(cells: str) -> bytes:
    xml = (
        '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{cells}</sheetData></worksheet>"
    )
    return repacked(SOUND, **{SHEET: xml.encode()})


def bomb() -> bytes:
    return repacked(SOUND, **{SHEET: b"<a>" + b"0" * (300 << 20)})


def lying_bomb() -> bytes:
    """The directory says a few bytes; the part unpacks to a hundred megabytes."""
    content = repacked(SOUND, **{SHEET: b"0" * (100 << 20)})
    size = (100 << 20).to_bytes(4, "little")
    return content.replace(size, (1000).to_bytes(4, "little"))


BAD = {
    "empty": (lambda: b"", "空的"),
    "old xls": (lambda: OLE + b"\x00" * 600, "旧版"),
    "password": (lambda: OLE + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"), "密码"),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n\x00\x00", "不是表格"),
    "broken zip": (lambda: SOUND[: len(SOUND) // 2], "损坏"),
    "a zip of something else": (lambda: repacked(SOUND)[:0] + _other_zip(), "损坏"),
    "bomb": (bomb, "过大"),
    "bomb that lies": (lying_bomb, "损坏"),
    "a far cell": (lambda: sheet_with('<row r="1"><c r="XFD1048576"><v>1</v></c></row>'), "延伸"),
    "a far row": (lambda: sheet_with('<row r="1048576"><c><v>1</v></c></row>'), "延伸"),
    "entities": (lambda: repacked(SOUND, **{SHEET: b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'}), "实体"),
    "nothing in it": (lambda: book([]), "没有任何内容"),
    "no encoding": (lambda: b"\xff\xff\xff\xff\x81\x20\xff", "编码"),
    "half a sign of wide text": (lambda: b"\xff\xfe\xd3\x59\x00", "编码"),
    "a web page called .xls": (lambda: b"<html><table><tr><td>a</td></tr></table></html>", "网页"),
    "pdf without a zero byte": (lambda: b"%PDF-1.4 abc", "不是表格"),
}


def _other_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "a")
    return stream.getvalue()


@pytest.mark.parametrize("name", BAD)
def test_what_is_unsafe_or_unreadable_is_refused_with_a_remedy(name):
    make, word = BAD[name]
    content = make()
    with pytest.raises(Invalid) as caught:
        read_sheets("台账.xlsx", content)
    problem = caught.value.problems[0]
    assert word in problem.message and problem.remedy


def test_a_bomb_is_refused_within_two_seconds_and_little_memory():
    content = bomb()
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(Invalid):
        read_sheets("a.xlsx", content)
    assert time.process_time() - started < 2
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_is_read_in_either_encoding_with_rare_characters(encoding):
    sheets = read_sheets("a.csv", "姓名,人数\n𠅤㐂·䶮,3\n".encode(encoding))
    assert sheets[0].rows == [["姓名", "人数"], ["𠅤㐂·䶮", "3"]]


WANTED = [
    Wanted("name", ("姓名",), True),
    Wanted("size", ("人数", "家庭人口"), True),
    Wanted("months", ("务工时间(月)",), False),
]


def test_headers_are_found_below_titles_in_any_order_and_writing():
    rows = [["某县台账"], [], ["* 家庭 人口", "务工时间(月)", " 姓 名"], [3, 2, "赵甲"]]
    found = find_headers([Sheet("说明", [["请看第二页"]]), Sheet("户册", rows)], WANTED)
    assert (found.sheet, found.header_row) == ("户册", 3)
    assert found.columns == {"size": 0, "months": 1, "name": 2} and found.missing(WANTED) == []


def test_a_heading_over_two_lines_is_read_as_one():
    content = book([[None, None, "家庭人口"], ["姓名"]], merged=[("A1:B1", "基本情况")])
    found = find_headers(read_sheets("a.xlsx", content), WANTED)
    assert found.columns["name"] == 0 and found.columns["size"] == 2


def test_merged_header_cells_are_named():
    content = book([["x"]], merged=[("A1:B1", "姓名")])
    found = find_headers(read_sheets("a.xlsx", content), WANTED)
    assert found.missing(WANTED) == ["size"] and found.merged == ["A1:B1"]


def test_a_header_that_stands_twice_is_reported():
    found = find_headers([Sheet("a", [["姓名", "人数", "姓名"]])], WANTED)
    assert found.doubled == {"姓名": [0, 2]}


RISKY = ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠a", " =1", "\u3000=1"]


def live_cells(content: bytes) -> list[str]:
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    return [c.coordinate for s in workbook for row in s.iter_rows() for c in row if c.data_type == "f"]


@pytest.mark.parametrize("text", RISKY)
def test_no_cell_of_an_export_can_run_as_a_formula(text):
    assert is_risky(text)
    stream = io.BytesIO()
    write_workbook(stream, title="a", headers=[text], rows=[[text, 5]], mark="模拟数据")
    assert live_cells(stream.getvalue()) == []
    workbook = openpyxl.load_workbook(io.BytesIO(stream.getvalue()))
    cell = workbook.active.cell(3, 1)
    assert cell.quotePrefix and cell.data_type in ("s", "inlineStr")


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
        min_size=1,
        max_size=4,
    )
)
def test_text_comes_back_from_an_export_as_it_was(values):
    stream = io.BytesIO()
    write_workbook(stream, title="a", headers=["h"] * len(values), rows=[values])
    rows = read_sheets("a.xlsx", stream.getvalue())[0].rows
    back = list(rows[1]) + [""] * len(values) if len(rows) > 1 else [""] * len(values)
    assert back[: len(values)] == [v.replace("\uffff", "").replace("\ufffe", "") for v in values]


WORDS = Words("检查结果", ["表", "行", "列", "表头", "级别", "问题", "怎么办"])


@pytest.mark.parametrize("limit", [10**9, 0], ids=["layout kept", "rebuilt"])
def test_an_annotated_copy_marks_the_cell_and_runs_no_formula(limit, monkeypatch):
    monkeypatch.setattr("yuchang.sheets.annotated.KEEP_LAYOUT_CELLS", limit)
    stream = io.BytesIO()
    workbook = openpyxl.Workbook()
    workbook.active.title = "户册"
    for row in (["姓名", "人数"], ['=HYPERLINK("x")', 3], ["赵甲", "=1+1"]):
        workbook["户册"].append(row)
    workbook.save(stream)
    notes = [
        Note(3, 1, "rejected", "错误", "人数", "=人数不对。", "请更正。"),
        Note(2, 0, "warning", "提醒", "姓名", "奇怪。", ""),
    ]
    copy = annotate("a.xlsx", stream.getvalue(), ["户册"], notes, WORDS)
    assert live_cells(copy) == []
    back = openpyxl.load_workbook(io.BytesIO(copy))
    assert (
        back["户册"]["B3"].fill.start_color.rgb[-6:] == "FFC7CE" and "不对" in back["户册"]["B3"].comment.text
    )
    listing = [[c.value for c in row] for row in back["检查结果"].iter_rows()]
    assert listing[1] == ["户册", 3, "B", "人数", "错误", "=人数不对。", "请更正。"]
    assert back["检查结果"].freeze_panes == "A2" and back["检查结果"].column_dimensions["G"].width > 50


def test_a_marked_copy_that_was_corrected_and_sent_again_shows_only_what_is_wrong_now():
    content = book([["姓名", "人数"], ["赵甲", 3], ["钱乙", 4]])
    first = annotate(
        "a.xlsx", content, ["户册"], [Note(2, 1, "rejected", "错误", "人数", "不对。", "")], WORDS
    )
    again = annotate("a.xlsx", first, ["户册"], [Note(3, 0, "warning", "提醒", "姓名", "奇怪。", "")], WORDS)
    back = openpyxl.load_workbook(io.BytesIO(again))
    assert back.sheetnames == ["户册", "检查结果"] and back["检查结果"].max_row == 2
    marked = [c.coordinate for row in back["户册"].iter_rows() for c in row if c.comment or c.fill.fill_type]
    assert marked == ["A3"]


def test_open_sheets_of_one_layout_are_read_together_and_others_are_named():
    rows = [["姓名", "人数"], ["赵甲", 3]]
    sheets = [Sheet("去年", [*rows, *rows], height=4, is_hidden=True)]
    sheets += [Sheet(n, rows, height=2) for n in ("东村", "西村")]
    sheets += [Sheet("空表", rows[:1], height=1)]
    sheets += [Sheet("南村", [["说明"], ["人数", "姓名"], [3, "钱乙"]], height=3)]
    sheets += [Sheet("旧版", [["姓名"], ["孙丙"]], height=2)]
    wanted = [Wanted("name", ("姓名",), True), Wanted("size", ("人数",), False)]
    chosen = find_headers(sheets, wanted)
    found, others = find_parts(sheets, wanted, chosen, {"南村": [1, 3], "西村": [2]})
    assert chosen.sheet == "东村" and [p.sheet for p in found] == ["东村", "西村", "南村"]
    assert found[2].columns == {"name": 1, "size": 0} and found[2].header_row == 2
    assert [(p.hidden, p.hidden_where) for p in found] == [(0, ""), (1, "2"), (1, "3")]
    assert others == ["旧版"] and find_headers(sheets[:1], WANTED).sheet == "去年"


def test_a_row_of_several_sheets_is_named_as_excel_names_it():
    several = [Part(n, 1, ["姓名"], {"name": 0}) for n in ("东村", "西村")]
    assert row_word(several, STRIDE + 5) == "西村!5" and row_word(several[:1], 5) == "5"
    assert part_at(several, 7)[1] == 7
    assert spans([5, 6, 7, 20]) == "5–7、20" and spans(range(1, 60, 2)).endswith("…")


def test_hidden_and_filtered_rows_are_found_unless_they_are_empty():
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "户册"
    for row in (["姓名"], ["赵甲"], ["钱乙"], ["孙丙"]):
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    sheet.row_dimensions[9].hidden = True
    workbook.create_sheet("空")
    stream = io.BytesIO()
    workbook.save(stream)
    assert hidden_rows(stream.getvalue()) == {"户册": [3]}
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    target = book.add_worksheet("名册")
    for line in range(40_000):
        target.write_string(line, 0, f"第 {line} 行")
        if line % 1000 == 999:
            target.set_row(line, None, None, {"hidden": True})
    book.close()
    assert hidden_rows(stream.getvalue()) == {"名册": list(range(1000, 40_001, 1000))}
    unnumbered = sheet_with(
        '<row><c><v>1</v></c></row><row hidden="true"><c t="inlineStr"><is><t>a</t></is></c></row>'
    )
    assert hidden_rows(unnumbered) == {"户册": [2]} and hidden_rows(b"a,b\n") == {}


def test_a_blank_keeps_numbers_as_text_offers_what_may_stand_and_is_read_as_empty():
    columns = [
        Column("id", "证件号码", required=True, is_text=True),
        Column("cause", "致贫原因", choices=("因病", "因学")),
    ]
    stream = io.BytesIO()
    write_blank(stream, title="空白台账", columns=columns, guide="填写说明", headings=["表头", "必填"])
    blank = openpyxl.load_workbook(io.BytesIO(stream.getvalue()))
    sheet, guide = blank["空白台账"], blank["填写说明"]
    assert sheet.column_dimensions["A"].width > 20 and sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["A"].number_format == "@"
    offered = sheet.data_validations.dataValidation[0]
    assert (str(offered.sqref).split(":")[0], offered.formula1) == ("B2", "'填写说明'!$E$3:$F$3")
    assert [c.value for c in guide[3]][-2:] == ["因病", "因学"]
    assert sheet.print_title_rows == "$1:$1" and "&P" in (sheet.oddFooter.center.text or "")


def test_the_columns_of_an_export_are_as_wide_as_what_stands_in_them():
    stream = io.BytesIO()
    rows = [["赵甲", "999999197503010011", 1234567.5]]
    write_workbook(stream, title="a", headers=["姓名", "证件号码", "金额(元)"], rows=rows)
    wide = openpyxl.load_workbook(io.BytesIO(stream.getvalue())).active.column_dimensions
    assert wide["A"].width < 10 < 20 <= wide["B"].width and wide["C"].width >= 13


def test_previews_hide_long_numbers():
    assert hide_numbers("999999197503010011") == "●●●(18)" and hide_numbers("3 人") == "3 人"


def test_cells_become_text():
    assert [as_text(v) for v in (3.0, 3.5, True, None, " 赵 ")] == ["3", "3.5", "是", "", "赵"]
    assert [column_letter(n) for n in (0, 25, 26, 701)] == ["A", "Z", "AA", "ZZ"]
