"""Several sheets, hidden rows, rows that stayed out: nothing is read or left out without a word."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook

from tests import people
from yuchang.core.errors import Invalid
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.models import Household
from yuchang.registry.tests.workbooks import ON, families, family
from yuchang.sheets import actions, queries
from yuchang.sheets.models import ImportBatch, StagedRow
from yuchang.sheets.parts import STRIDE
from yuchang.sheets.tests.test_bad_workbooks import HEADERS, NAMES, book_of, content

pytestmark = pytest.mark.django_db
Rows = list[dict[str, Any]]


def start(book: Workbook) -> ImportBatch:
    return actions.start_import(
        actor=people.wang().actor, kind=HOUSEHOLD_WORKBOOK, area_id=people.county().pk, file_name="a.xlsx",
        content=content(book), observed_on=ON,
    )  # fmt: skip


def check(batch: ImportBatch, **chosen: Any) -> ImportBatch:
    actor = people.wang().actor
    actions.confirm_mapping(actor=actor, batch_id=batch.pk, version=batch.version, **chosen)
    actions.check_import(batch.pk)
    batch.refresh_from_db()
    return batch


def finish(batch: ImportBatch) -> ImportBatch:
    actions.confirm_import(actor=people.wang().actor, batch_id=batch.pk, version=batch.version)
    actions.write_import(batch.pk)
    batch.refresh_from_db()
    return batch


def two_villages(east: Rows, west: Rows) -> Workbook:
    """One sheet per village; that of the west has its columns the other way round, below a title."""
    book = book_of(east)
    book.active.title = "东村"
    sheet = book.create_sheet("西村")
    sheet.append(["西村台账"])
    sheet.append(HEADERS[::-1])
    for row in west:
        sheet.append([row.get(n) for n in NAMES[::-1]])
    return book


def broken(number: int) -> Rows:
    rows = family(number, people.villages()[0])
    rows[1]["ethnicity"] = "火星族"
    return rows


def test_sheets_of_one_layout_are_read_together_and_findings_name_the_sheet() -> None:
    east, west = families(2), broken(7)
    west[2]["id_number"] = east[0]["id_number"]
    batch = check(start(two_villages(east, west)))
    assert batch.mapping["others"] == [] and batch.counts["rows"] == 9
    lines = queries.finding_lines(batch, batch.findings.order_by("row", "id"))
    places = {(w.place, w.letter): w.message for w in lines if w.level == "rejected"}
    letter = openpyxl.utils.get_column_letter(len(NAMES) - NAMES.index("ethnicity"))
    assert "火星族" in places["西村!4", letter]
    assert any(place == "东村!2" and "西村!5" in message for (place, _l), message in places.items())
    marked = openpyxl.load_workbook(io.BytesIO(queries.annotated_copy(batch)))
    assert marked["西村"][f"{letter}4"].fill.start_color.rgb[-6:] == "FFC7CE"
    assert [c.value for c in marked["检查结果"]["A"][1:]][-1] == "西村"


def test_a_sheet_that_is_not_wanted_is_left_unread() -> None:
    book = two_villages(families(2), families(1, start=9))
    batch = check(start(book), sheets={1})
    assert batch.counts["rows"] == 3 and finish(batch).counts["created"] == 1
    assert list(Household.objects.values_list("number", flat=True)) == ["H0000009"]
    with pytest.raises(Invalid, match="没有选择工作表"):
        check(start(book), sheets=set())


def test_a_column_chosen_by_hand_is_found_on_the_other_sheets_too() -> None:
    book = two_villages(families(1), families(1, start=9))
    for sheet, row in (("东村", 1), ("西村", 2)):
        cell = next(c for c in book[sheet][row] if c.value == "民族")
        cell.value = "什么族"
    found = start(book)
    assert [p["sheet"] for p in found.mapping["parts"]] == ["东村", "西村"]
    chosen = found.mapping["columns"] | {"ethnicity": NAMES.index("ethnicity")}
    assert check(found, columns=chosen).counts["created"] == 2
    parts = found.mapping["parts"]
    assert parts[1]["columns"]["ethnicity"] == len(NAMES) - 1 - NAMES.index("ethnicity")


def test_hidden_rows_are_counted_and_somebody_must_say_whether_they_are_read() -> None:
    book = book_of(families(3))
    for row in (5, 6, 7):
        book.active.row_dimensions[row].hidden = True
    found = start(book)
    with pytest.raises(Invalid, match="3 行隐藏或被筛选掉:第 5–7 行"):
        check(found)
    assert check(found, with_hidden=False).counts["created"] == 2
    assert check(found, with_hidden=True).counts["created"] == 3


def test_the_page_asks_for_sheets_and_hidden_rows_and_may_be_asked_again() -> None:
    book = two_villages(families(2), families(1, start=9))
    book["东村"].row_dimensions[2].hidden = True
    client = people.wang().client()
    upload = SimpleUploadedFile("台账.xlsx", content(book))
    body = {"area": people.county().pk, "observed_on": ON.isoformat(), "file": upload}
    assert client.post(reverse("registry:import_new"), body).status_code == 302
    batch = ImportBatch.objects.get()
    page, address = (
        reverse("registry:import", args=[batch.pk]),
        reverse("registry:import_mapping", args=[batch.pk]),
    )
    text = client.get(page).content.decode()
    assert "读取哪些工作表" in text and "有 1 行看不见:第 2 行" in text
    columns = {f"column-{k}": v for k, v in batch.mapping["columns"].items()}
    asked = {"version": 1, "asks_sheets": "1", "sheet": ["0"], **columns}
    refused = client.post(address, asked)
    assert refused.status_code == 422 and "请选择这些行是否读取" in refused.content.decode()
    assert client.post(address, {**asked, "hidden": "read"}).status_code == 302
    actions.check_import(batch.pk)
    batch.refresh_from_db()
    assert batch.counts["created"] == 2 and "重新检查" in client.get(page).content.decode()
    again = {"version": batch.version, "asks_sheets": "1", "sheet": ["0", "1"], "hidden": "skip"}
    assert client.post(address, again).status_code == 302
    actions.check_import(batch.pk)
    batch.refresh_from_db()
    assert batch.counts["rows"] == 8


def test_rows_that_stayed_out_come_back_alone_with_the_reason_and_are_read_again() -> None:
    batch = finish(check(start(two_villages(families(2), broken(7)))))
    assert batch.counts["created"] == 2 and StagedRow.objects.count() == 3
    assert not StagedRow.objects.exclude(content={}).exists()
    client = people.wang().client()
    assert "只下载未写入的行" in client.get(reverse("registry:import", args=[batch.pk])).content.decode()
    body = client.get(reverse("registry:import_refused", args=[batch.pk])).content
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert book.sheetnames == ["西村"] and book["西村"].max_row == 4
    head = [c.value for c in book["西村"][1]]
    assert head == [*HEADERS[::-1], "原表行号", "未写入的原因"]
    reasons = [book["西村"].cell(r, len(head)).value for r in (2, 3, 4)]
    assert "本行无误" in reasons[0] and "火星族" in reasons[1] and "本行无误" in reasons[2]
    assert [book["西村"].cell(r, len(head) - 1).value for r in (2, 3, 4)] == [3, 4, 5]
    number = book["西村"].cell(2, head.index("证件号码") + 1)
    assert number.number_format == "@" and isinstance(number.value, str)
    assert all(c.data_type != "f" for line in book["西村"].iter_rows() for c in line)
    book["西村"].cell(3, head.index("民族") + 1).value = "汉族"
    again = finish(check(start(book)))
    assert again.counts["created"] == 1 and Household.objects.filter(number="H0000007").exists()
    assert "原表行号" in again.mapping["parts"][0]["headers"]


def test_a_batch_from_before_there_were_several_sheets_is_still_read() -> None:
    found = start(book_of(broken(3)))
    del found.mapping["parts"]
    found.save()
    batch = check(found)
    lines = queries.finding_lines(batch, batch.findings.all())
    assert [w.place for w in lines if w.level == "rejected"] == ["3"] and STRIDE > 3
