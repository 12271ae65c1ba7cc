"""A superior's blank filled, letters merged, and what both refuse."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from docx import Document
from docx.enum.section import WD_SECTION
from docx.oxml.ns import qn

from tests import people, things
from yuchang.core.errors import Hidden, Invalid, Refused, Stale
from yuchang.registry.sources import Households
from yuchang.sheets import blanks, letters, outputs, reads
from yuchang.sheets.models import Output, Template
from yuchang.sheets.outputs import Wish
from yuchang.sheets.tests.workbooks import blank_workbook, letter

HOUSEHOLDS = "registry.households"
FIELDS = Households.fields


def saved(person: people.Person, area: Any, **more: Any) -> Template:
    given: dict[str, Any] = {
        "name": "花名册", "kind": "workbook", "source": HOUSEHOLDS, "file_name": "空白.xlsx",
        "content": blank_workbook(),
    }  # fmt: skip
    return outputs.save_template(actor=person.actor, area_id=area.pk, **(given | more))


def filled(person: people.Person, template: Template, area: Any, **more: Any) -> Output:
    given: dict[str, Any] = {"kind": "form", "edition_id": reads.newest_edition(template).pk} | more
    wish = Wish(source=HOUSEHOLDS, area_id=area.pk, title=template.name, **given)
    output = outputs.start_output(actor=person.actor, wish=wish)
    outputs.make_output(output.pk)
    output.refresh_from_db()
    assert output.state == "done", output.message
    return output


def content(output: Output) -> bytes:
    return b"".join(reads.file_of(output))


def test_headers_lines_totals_and_labels_are_found() -> None:
    layout, headings = blanks.find_layout("a.xlsx", blank_workbook(), FIELDS)
    assert (layout.header, layout.first, layout.blanks, layout.total) == (3, 4, 3, 7)
    assert layout.columns == {
        "0": "#", "1": "head_name", "2": "household_number", "3": "size", "4": "net_income_per_head_fen",
    }  # fmt: skip
    assert layout.labels == {"A2": "unit"}
    assert [h.letter for h in headings] == list("ABCDEF")


def form_of(*heads: str, above: str = "", corner: str = "") -> bytes:
    """A form with these headers in row 3, a wide heading over the last two, a unit in its corner."""
    book = openpyxl.Workbook()
    book.active.append(["脱贫户收入情况统计表", None, corner])
    wide = [None] * (len(heads) - 2) + [above]
    book.active.append(wide)
    book.active.append(list(heads))
    if above:
        book.active.merge_cells(start_row=2, end_row=2, start_column=len(heads) - 1, end_column=len(heads))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("blank", "units", "shown"),
    [
        (form_of("户主姓名", "家庭人口(人)", "人均纯收入(元)"), {}, ["甲", 4, 6800]),
        (form_of("户主姓名", "家庭人口", "人均纯收入(万元)"), {"2": "万元"}, ["甲", 4, 0.68]),
        (form_of("户主姓名", "家庭人口", "人均纯收入", corner="单位:万元、人"), {"2": "万元"}, ["甲", 4, 0.68]),
        (form_of("户主姓名", "元", "万元", above="人均纯收入"), {"2": "万元"}, ["甲", 6800, 0.68]),
        (form_of("户主姓名", "工资性收入", "人均纯收入", above="收入(千元)"), {"1": "千元", "2": "千元"},
         ["甲", 1.5, 6.8]),
    ],
    ids=["yuan", "of the header", "of the sheet", "two columns of one name", "of the heading above"],
)  # fmt: skip
def test_money_is_filled_in_the_unit_that_the_form_asks_for(blank, units, shown) -> None:
    layout, _headings = blanks.find_layout("a.xlsx", blank, FIELDS)
    assert layout.units == units and len(layout.columns) == 3
    values = {"head_name": "甲", "size": 4, "net_income_per_head_fen": 680000, "wage_income_fen": 150000}
    fields = [f for f in FIELDS if f.name in values]
    row = [values[f.name] for f in fields]
    done = blanks.fill(blank, layout, blanks.Filling(fields, [row], {}, {}, datetime.now(UTC), "模拟数据"))
    sheet = openpyxl.load_workbook(io.BytesIO(done)).active
    assert [c.value for c in sheet[4]] == shown and sheet.oddHeader.left.text == "模拟数据"


def test_the_words_around_a_table_are_filled_as_people_write_them() -> None:
    book = openpyxl.load_workbook(io.BytesIO(form_of("户主姓名", "家庭人口", "人均纯收入")))
    said = {
        "A6": "填报单位\uff1a", "B6": "填报日期\uff1a    年  月  日", "A7": "审核人\uff1a      填表人\uff1a  ",
        "B7": "备注\uff1a",
    }  # fmt: skip
    for cell, text in said.items():
        book.active[cell] = text
    stream = io.BytesIO()
    book.save(stream)
    blank = stream.getvalue()
    layout, _headings = blanks.find_layout("a.xlsx", blank, FIELDS)
    assert layout.labels == {"A6": "unit", "B6": "day", "A7": "person"}
    assert blanks.texts_at("a.xlsx", blank, layout)["A6"] == said["A6"]
    words = {"unit": "成县", "day": "2026-09-05", "person": "王专员"}
    done = blanks.fill(blank, layout, blanks.Filling([], [], words, {}, datetime.now(UTC)))
    sheet = openpyxl.load_workbook(io.BytesIO(done)).active
    assert [sheet[c].value for c in ("A6", "B6", "B7")] == [
        "填报单位\uff1a成县", "填报日期\uff1a2026年9月5日", said["B7"],
    ]  # fmt: skip
    assert sheet["A7"].value.endswith("填表人\uff1a王专员")


def test_what_is_per_head_is_not_added_up() -> None:
    assert not next(f for f in FIELDS if f.name == "net_income_per_head_fen").is_summed


@pytest.mark.parametrize("count", [0, 2, 3, 10])
def test_the_blank_is_filled_and_keeps_its_layout(count: int) -> None:
    layout, _headings = blanks.find_layout("a.xlsx", blank_workbook(), FIELDS)
    fields = [f for f in FIELDS if f.name in layout.columns.values()]
    order = [f.name for f in fields]
    rows = []
    for n in range(count):
        values = {"head_name": f"=王{n}", "household_number": f"{n:010d}", "size": 3}
        rows.append([(values | {"net_income_per_head_fen": 400_050}).get(name) for name in order])
    totals = {"size": 3 * count, "net_income_per_head_fen": 400_050 * count}
    words = {"unit": "成县", "area": "甘肃省成县", "day": "2026-11-21", "person": "王专员"}
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    filling = blanks.Filling(fields, rows, words, totals, moment)
    made = blanks.fill(blank_workbook(), layout, filling)
    assert made == blanks.fill(blank_workbook(), layout, filling)  # the same bytes again
    sheet = openpyxl.load_workbook(io.BytesIO(made))["花名册"]
    extra = max(0, count - 3)
    assert (sheet["A1"].value, sheet["A1"].font.size) == ("甘肃省成县脱贫户花名册", 18)
    assert (sheet["A2"].value, sheet["E2"].value) == ("填报单位:成县", "2026-11-21")
    for n in range(count):
        line = 4 + n
        assert [c.value for c in sheet[line][:5]] == [n + 1, f"=王{n}", f"{n:010d}", 3, 4000.5]
        assert sheet.cell(line, 2).data_type == "s"
        assert sheet.cell(line, 6).border.left.style == "thin"
        assert sheet.row_dimensions[line].height == 24
    total = 7 + extra
    assert (sheet.cell(total, 1).value, sheet.cell(total, 4).value) == ("合计", 3 * count)
    assert sheet.cell(total, 5).value == f"=SUM(E4:E{6 + extra})"
    assert f"A{total}:C{total}" in {str(r) for r in sheet.merged_cells.ranges}
    assert sheet.cell(total + 2, 1).value.endswith("填表人:王专员")
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_area == f"'花名册'!$A$1:$F${9 + extra}"
    assert sheet.column_dimensions["B"].width == 22


def test_a_placeholder_nobody_can_fill_is_named_with_its_cell() -> None:
    book = blanks.open_blank("a.xlsx", blank_workbook(note="{{星座}}"))
    with pytest.raises(Invalid, match=r"E2.*星座"):
        blanks.check_placeholders(book, FIELDS)


@pytest.mark.parametrize("formula", ['=HYPERLINK("http://x")', "=cmd|'/c calc'!A1", "=[other.xlsx]A!A1"])
def test_a_formula_that_reaches_outside_is_refused_with_its_cell(formula: str) -> None:
    with pytest.raises(Invalid, match="H1"):
        blanks.open_blank("a.xlsx", blank_workbook(extra=formula))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "另存为"),
        (b"a,b\n1,2\n", "CSV"),
        (b"", "空的"),
        (b"PK\x03\x04broken", "损坏"),
    ],
)
def test_other_files_are_refused_with_what_to_save_them_as(content: bytes, words: str) -> None:
    with pytest.raises(Invalid) as error:
        blanks.open_blank("表.et", content)
    assert words in "".join(p.message + p.remedy for p in error.value.problems)


def test_a_wps_workbook_with_an_et_name_is_read_by_its_content() -> None:
    assert blanks.open_blank("表.et", blank_workbook()).sheetnames == ["花名册"]


@pytest.mark.django_db
def test_a_blank_is_saved_shared_filled_and_kept_by_edition() -> None:
    village, wang = people.villages()[0], people.wang()
    for n in range(5):
        things.facts(things.household(village, name=f"王{n}"), per_head_yuan=4000)
    template = saved(wang, people.county())
    cadre = people.li(village)
    assert reads.template_for(cadre.actor, template.pk) == template  # shared from above
    with pytest.raises(Hidden):
        reads.template_for(people.outsider().actor, template.pk)
    sheet = openpyxl.load_workbook(io.BytesIO(content(filled(cadre, template, village)))).worksheets[0]
    assert [sheet.cell(4 + n, 2).value for n in range(5)] == [f"王{n}" for n in range(5)]
    assert sheet.cell(9, 4).value == 15
    outputs.add_edition(
        actor=wang.actor, template_id=template.pk, version=1, columns={"1": "household_number"}, labels={},
        narrow={"state": "exited"},
    )  # fmt: skip
    template.refresh_from_db()
    assert template.newest == 2
    assert template.editions.get(number=1).layout["columns"]["1"] == "head_name"
    assert reads.newest_edition(template).narrow == {"state": "exited"}


@pytest.mark.django_db
def test_who_may_not_design_is_refused_and_a_stale_edition_too() -> None:
    wang = people.wang()
    template = saved(wang, people.county())
    with pytest.raises(Refused):
        saved(people.li(), people.villages()[0])
    with pytest.raises(Stale):
        outputs.add_edition(actor=wang.actor, template_id=template.pk, version=7, columns={"1": "size"})
    with pytest.raises(Invalid, match="没有这些字段"):
        outputs.add_edition(actor=wang.actor, template_id=template.pk, version=1, columns={"1": "nonsense"})
    with pytest.raises(Hidden):
        outputs.retire_template(actor=people.outsider().actor, template_id=template.pk, version=1)


@pytest.mark.django_db
def test_a_template_with_an_id_number_is_refused() -> None:
    with pytest.raises(Invalid, match="证件号码"):
        saved(people.wang(), people.county(), content=blank_workbook(extra="99999919750301123X"))


@pytest.mark.django_db
def test_letters_are_merged_per_household_with_a_chinese_font() -> None:
    village, wang = people.villages()[0], people.wang()
    for n in range(2):
        things.facts(things.household(village, name=f"王{n}&<"), per_head_yuan=4000)
    template = saved(
        wang, people.county(), kind="letter", file_name="信.docx",
        content=letter("{{ 户主 }}同志:", "{% for 成员 in 成员列表 %}{{ 成员.姓名 }};{% endfor %}{{ 日期 }}"),
    )  # fmt: skip
    output = filled(wang, template, village, kind="letters", format="zip")
    with zipfile.ZipFile(io.BytesIO(content(output))) as archive:
        assert len(archive.namelist()) == 2
        document = Document(io.BytesIO(archive.read(archive.namelist()[0])))
    assert document.paragraphs[0].text == "王0&<同志:"
    assert document.paragraphs[1].text.startswith("王0&<;2026")
    fonts = document.paragraphs[0].runs[0]._element.rPr.find(qn("w:rFonts"))
    assert fonts.get(qn("w:eastAsia"))


WORDS = Households().words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ 星座 }}", "星座"),
        ("{% for 成员 in 成员列表 %}{{ 成员.星座 }}{% endfor %}", "星座"),
        ("{{ 户主.__class__ }}", "__class__"),
        ("{{ 户主.upper() }}", "Call"),
        ("{% for x in range(9) %}{% endfor %}", "Call"),
        ("{{ 'a' * 999 }}", "Mul"),
        ("{{ 户主 ", "写法有误"),
    ],
)
def test_a_letter_names_what_it_cannot_fill_and_calculates_nothing(text: str, said: str) -> None:
    with pytest.raises(Invalid) as error:
        letters.check_letter(letter(text), WORDS)
    assert said in "".join(p.message + p.remedy for p in error.value.problems)


def test_a_letter_over_simulated_data_says_so_above_each_page() -> None:
    made = Document(io.BytesIO(letters.merge(letter("{{ 户主 }}"), {"户主": "甲"}, "模拟数据")))
    assert made.sections[0].header.paragraphs[0].text == "模拟数据" and made.paragraphs[0].text == "甲"
    assert {"成员.姓名", "单位", "成员列表"} <= set(letters.all_words(Households().words))


def test_what_is_no_letter_is_refused() -> None:
    for content in (b"", b"PK\x03\x04", blank_workbook()):
        with pytest.raises(Invalid, match=r"docx|空"):
            letters.check_letter(content, WORDS)


def numbered_letter(header: str = "") -> bytes:
    """A letter with a title, an automatic list, a table at its end, and page numbers."""
    document = Document()
    document.add_heading("{{ 户主 }}同志", 1)
    for text in ("请于本月内办理。", "带齐证件。"):
        document.add_paragraph(text, style="List Number")
    first = (
        document.paragraphs[1]._p.get_or_add_pPr().get_or_add_numPr()
    )  # the second is numbered by its style
    first.get_or_add_numId().val = document.styles["List Number"].element.pPr.numPr.numId.val
    first.get_or_add_ilvl().val = 0
    document.add_table(1, 1).cell(0, 0).text = "{{ 户编号 }}"
    document.sections[0].header.paragraphs[0].text = header
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def village_of(count: int) -> Any:
    village = people.villages()[0]
    for n in range(count):
        things.facts(things.household(village, name=f"王{n}"), per_head_yuan=4000)
    return village


@pytest.mark.django_db
def test_the_letters_of_a_village_come_as_one_document_each_on_its_own_pages() -> None:
    village, wang = village_of(3), people.wang()
    template = saved(
        wang, people.county(), kind="letter", file_name="信.docx", content=numbered_letter("{{ 单位 }}")
    )
    output = filled(wang, template, village, kind="letters", format="docx")
    assert output.state == "done" and output.file_name.endswith(".docx"), output.message
    whole = Document(io.BytesIO(content(output)))
    text = [p.text for p in whole.paragraphs]
    assert [t for t in text if t.endswith("同志")] == [f"王{n}同志" for n in range(3)]
    assert len(whole.tables) == 3 and len(whole.sections) == 3
    assert {s.start_type for s in whole.sections} == {WD_SECTION.NEW_PAGE}
    starts = [s._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) for s in whole.sections]
    assert starts == ["1", "1", "1"]
    numbers = [p._p.pPr.numPr for p in whole.paragraphs if p.style.name == "List Number"]
    lists = [n.numId.val for n in numbers[2:]]
    assert lists[0] == lists[1] != lists[2] == lists[3] and numbers[0].numId.val not in lists
    assert (output.objects_done, output.rows_done) == (3, 3)
    overridden = whole.part.numbering_part.element.xpath("w:num[last()]/w:lvlOverride/w:startOverride")
    assert overridden
    again = filled(wang, template, village, kind="letters", format="docx")
    assert again.rows_sha256 == output.rows_sha256 and again.sha256 == output.sha256


@pytest.mark.django_db
def test_one_document_is_refused_where_every_header_is_another() -> None:
    village, wang = village_of(2), people.wang()
    template = saved(
        wang, people.county(), kind="letter", file_name="信.docx", content=numbered_letter("{{ 户编号 }}")
    )
    with pytest.raises(Invalid, match="户编号"):
        filled(wang, template, village, kind="letters", format="docx")
    assert filled(wang, template, village, kind="letters", format="zip").state == "done"
    with pytest.raises(Invalid, match="没有这种格式"):
        outputs.start_output(
            actor=wang.actor,
            wish=Wish(kind="table", source="registry.households", area_id=village.pk, format="docx"),
        )
