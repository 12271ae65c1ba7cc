"""What people really upload: merged cells, hidden sheets, notes below, two header rows, dates as serials."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import RequestFactory
from openpyxl import Workbook

from tests import people
from yuchang.accounts.rules import Role
from yuchang.core.errors import Invalid
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.layout import OFFICIAL
from yuchang.registry.tests.workbooks import ON, family
from yuchang.sheets import actions, importing, queries
from yuchang.sheets.models import ImportBatch

pytestmark = pytest.mark.django_db
HEADERS = [c.header for c in OFFICIAL]
NAMES = [c.name for c in OFFICIAL]


def book_of(rows: list[dict[str, Any]], top: int = 0) -> Workbook:
    """The official workbook, written by openpyxl, ``top`` empty rows above."""
    book = Workbook()
    sheet = book.active
    for _ in range(top):
        sheet.append([""])
    sheet.append(HEADERS)
    for row in rows:
        sheet.append([row.get(n) for n in NAMES])
    return book


def content(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def checked(book: Workbook, name: str = "a.xlsx") -> ImportBatch:
    village = people.villages()[0]
    batch = actions.start_import(
        actor=people.wang().actor, kind=HOUSEHOLD_WORKBOOK, area_id=village.pk, file_name=name,
        content=content(book), observed_on=ON,
    )  # fmt: skip
    actor = people.person("复核", Role.COUNTY_OFFICER, place=people.county()).actor
    actions.confirm_mapping(actor=actor, batch_id=batch.pk, version=batch.version)
    actions.check_import(batch.pk)
    batch.refresh_from_db()
    return batch


def found(batch: ImportBatch) -> list[tuple[int, str, str]]:
    """Row, column letter and code of every finding."""
    lines = list(batch.findings.order_by("row", "id"))
    words = queries.finding_lines(batch, lines)
    assert all(w.message and w.remedy for w in words)
    return [(f.row, w.letter, f.code) for f, w in zip(lines, words, strict=True)]


def rows() -> list[dict[str, Any]]:
    return family(1, people.villages()[0])


def test_merged_household_cells_are_read_as_repeated() -> None:
    given = rows()
    book = book_of(given)
    sheet = book.active
    for name in ("household_number", "main_cause", "village"):
        column = NAMES.index(name) + 1
        sheet.merge_cells(start_row=2, end_row=4, start_column=column, end_column=column)
    batch = checked(book)
    assert batch.counts.get("created") == 1, found(batch)


def test_a_hidden_sheet_and_an_empty_one_do_not_matter() -> None:
    book = book_of(rows())
    hidden = book.create_sheet("备份", 0)
    hidden.sheet_state = "hidden"
    book.create_sheet("空表", 0)
    assert checked(book).counts.get("created") == 1


def test_a_note_below_the_table_is_named_with_its_row() -> None:
    book = book_of(rows())
    book.active.append([])
    book.active.append(["填表说明:以上数据截至 6 月底"])
    batch = checked(book)
    assert batch.counts.get("created") == 1
    assert [(r, code) for r, _letter, code in found(batch)] == [(6, "not_a_household")]


def test_rows_of_spaces_are_no_rows_and_totals_are_named_once() -> None:
    book = book_of(rows())
    for _ in range(3):
        book.active.append(["  ", "\u3000"])
    book.active.append(["合计", None, None, None, None, None, None, None, 3])
    batch = checked(book)
    assert batch.counts["rows"] == 4 and [(r, c) for r, _l, c in found(batch)] == [(8, "not_a_household")]


def test_an_unreadable_cell_is_named_once_and_the_first_row_in_its_own_words() -> None:
    given = rows()
    given[1]["net_income_per_head_fen"] = "约三千"
    given[2]["main_cause"] = "因学"
    batch = checked(book_of(given))
    assert {(r, c) for r, _l, c in found(batch)} == {(3, "not_a_number"), (4, "household_differs")}
    assert batch.findings.get(code="household_differs").arguments["first"] == given[0]["main_cause"]


def test_a_unit_behind_a_header_changes_nothing_unless_it_is_another() -> None:
    book = book_of(rows())
    heads = {h: i for i, h in enumerate(HEADERS, start=1)}
    book.active.cell(1, heads["人数"]).value = "人数(人)"
    assert checked(book).counts.get("created") == 1
    book.active.cell(1, heads["人均纯收入"]).value = "人均纯收入(万元)"
    columns = {n: i for i, n in enumerate(NAMES)}
    start = actions.start_import(
        actor=people.wang().actor, kind=HOUSEHOLD_WORKBOOK, area_id=people.county().pk, file_name="a.xlsx",
        content=content(book), observed_on=ON,
    )  # fmt: skip
    with pytest.raises(Invalid, match=r"Y 列的表头.*万元"):
        actions.confirm_mapping(
            actor=people.wang().actor, batch_id=start.pk, version=start.version, columns=columns
        )


def test_columns_once_chosen_are_found_again_under_the_same_headers() -> None:
    book = book_of(rows())
    place = NAMES.index("village")
    book.active.cell(1, place + 1).value = "住在哪个村"
    wang = people.wang().actor
    ask: dict[str, Any] = {
        "kind": HOUSEHOLD_WORKBOOK, "area_id": people.county().pk, "file_name": "a.xlsx", "observed_on": ON,
    }  # fmt: skip
    first = actions.start_import(actor=wang, content=content(book), **ask)
    assert "village" not in first.mapping["columns"]
    chosen = first.mapping["columns"] | {"village": place}
    actions.confirm_mapping(actor=wang, batch_id=first.pk, version=first.version, columns=chosen)
    actions.check_import(first.pk)
    assert actions.start_import(actor=wang, content=content(book), **ask).mapping["columns"] == chosen
    other = people.person("旁人", Role.COUNTY_OFFICER, place=people.county()).actor
    assert "village" not in actions.start_import(actor=other, content=content(book), **ask).mapping["columns"]


def test_nothing_is_offered_to_confirm_when_every_household_stays_out() -> None:
    given = rows()
    given[0]["ethnicity"] = "火星族"
    ask = RequestFactory().get("/")
    assert not importing.page_of(ask, checked(book_of(given)), OFFICIAL)["may_write"]
    assert importing.page_of(ask, checked(book_of(rows())), OFFICIAL)["may_write"]


def test_a_workbook_with_headers_alone_is_refused_at_once() -> None:
    with pytest.raises(Invalid, match="第 1 行的表头下没有数据"):
        checked(book_of([]))


def test_a_file_that_was_imported_before_and_sheets_left_out_are_told() -> None:
    book = book_of(rows())
    again = book.copy_worksheet(book.active)
    again.title = "西村"
    again.delete_cols(len(NAMES))
    first = checked(book)
    assert first.mapping["others"] == ["西村"] and first.mapping["earlier"] is None
    actions.confirm_import(actor=people.wang().actor, batch_id=first.pk, version=first.version)
    actions.write_import(first.pk)
    body = queries.stored_content(first)
    earlier = queries.earlier_import(HOUSEHOLD_WORKBOOK, first.place, body)
    assert earlier is not None and earlier["id"] == first.pk


def test_numbers_typed_as_text_are_read_and_an_id_typed_as_number_is_named() -> None:
    given = rows()
    given[0]["work_months"], given[0]["net_income_per_head_fen"] = "0", " 2,601.00 "
    given[1]["net_income_per_head_fen"] = given[2]["net_income_per_head_fen"] = "2601"
    assert checked(book_of(given)).counts.get("created") == 1
    given[1]["id_number"] = 999999197705020000
    again = [dict(r, household_number="H9", person_number=f"{r['person_number']}9") for r in given]
    assert (3, "H", "id_as_number") in found(checked(book_of(again)))


def test_a_date_serial_where_a_number_belongs_is_named() -> None:
    given = rows()
    for row in given:
        row["exit_year"] = 43466  # 2019-01-01 as Excel keeps it
    findings = found(checked(book_of(given)))
    assert (2, "AA", "number_range") in findings


def test_two_header_rows_and_a_title_above_are_found() -> None:
    book = book_of(rows(), top=2)
    sheet = book.active
    sheet["A1"] = "成县建档立卡户台账"
    sheet.merge_cells("A1:AA1")
    sheet["A2"] = "基本情况"
    sheet.merge_cells("A2:F2")
    assert checked(book).counts.get("created") == 1


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.xls", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "另存为"),
        ("a.et", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "另存为"),
        (
            "a.xlsx",
            bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"),
            "密码",
        ),
        ("a.xlsx", b"", "空的"),
        ("a.pdf", b"%PDF\x00\x01", "不是表格"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(name: str, body: bytes, said: str) -> None:
    with pytest.raises(Invalid) as error:
        actions.start_import(
            actor=people.wang().actor, kind=HOUSEHOLD_WORKBOOK, area_id=people.county().pk, file_name=name,
            content=body, observed_on=ON,
        )  # fmt: skip
    assert said in "".join(p.message + p.remedy for p in error.value.problems)


def test_a_workbook_with_only_empty_sheets_says_so() -> None:
    with pytest.raises(Invalid, match="没有任何内容"):
        actions.start_import(
            actor=people.wang().actor, kind=HOUSEHOLD_WORKBOOK, area_id=people.county().pk, file_name="a.xlsx",
            content=content(Workbook()), observed_on=ON,
        )  # fmt: skip
