"""Exports: what was asked for, no more, masked, resumable, and only for who asked."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from tests import people, things
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.tests.workbooks import ON, families, workbook
from yuchang.sheets import outputs, reads, tasks
from yuchang.sheets.actions import import_workbook
from yuchang.sheets.models import Output, OutputPiece
from yuchang.sheets.outputs import Wish, making
from yuchang.sheets.outputs.pieces import ROWS

pytestmark = pytest.mark.django_db
HOUSEHOLDS = "registry.households"


def village_of(count: int, **more: Any) -> Any:
    village = people.villages()[0]
    for n in range(count):
        things.facts(things.household(village, name=f"王{n}", **more), per_head_yuan=4000 + n)
    return village


def made(person: people.Person, **wish: Any) -> Output:
    given: dict[str, Any] = {"kind": "table", "source": HOUSEHOLDS} | wish
    output = outputs.start_output(actor=person.actor, wish=Wish(**given))
    outputs.make_output(output.pk)
    output.refresh_from_db()
    return output


def content(output: Output) -> bytes:
    return b"".join(reads.file_of(output))


def table(output: Output) -> list[list[Any]]:
    book = openpyxl.load_workbook(io.BytesIO(content(output)))
    return [[c.value for c in row] for row in book.worksheets[0].iter_rows()]


def test_an_officer_exports_chosen_fields_of_a_village() -> None:
    village = village_of(3)
    output = made(
        people.wang(), area_id=village.pk, fields=("head_name", "net_income_per_head_fen", "village")
    )
    assert output.state == "done", output.message
    assert table(output) == [
        ["户主姓名", "人均纯收入(元)", "行政村"],
        *[[f"王{n}", 4000 + n, village.name] for n in range(3)],
    ]
    entry = AuditEntry.objects.get(action="sheets.finish_output")
    assert output.sha256 in entry.body
    assert not output.pieces.filter(part=ROWS).exists()


def test_the_filter_and_nothing_else_is_exported() -> None:
    village = village_of(2)
    things.household(village, name="李四", state="exited")
    output = made(people.wang(), area_id=village.pk, fields=("head_name",), narrow={"state": "exited"})
    assert table(output)[1:] == [["李四"]]


def test_an_area_next_door_is_hidden() -> None:
    with pytest.raises(Hidden):
        made(people.wang(), area_id=people.county(people.WEN).pk)


def test_an_auditor_may_not_export() -> None:
    with pytest.raises(Refused):
        made(people.auditor(), area_id=people.county().pk)


def test_an_unknown_field_is_no_field() -> None:
    with pytest.raises(Invalid):
        made(people.wang(), area_id=people.county().pk, fields=("nonsense",))


def test_an_id_number_is_clear_only_when_asked_for_by_who_may_see_it() -> None:
    village = people.villages()[0]
    wang = people.wang()
    rows = families(1, [village])
    import_workbook(
        actor=wang.actor, kind=HOUSEHOLD_WORKBOOK, area_id=village.pk, file_name="a.xlsx",
        content=workbook(rows), observed_on=ON,
    )  # fmt: skip
    masked = made(wang, area_id=village.pk, fields=("head_name", "head_id", "head_phone"))
    assert table(masked)[1] == [rows[0]["name"], None, None]
    assert not masked.with_secrets
    clear = made(wang, area_id=village.pk, fields=("head_name", "head_id", "head_phone"), clear=True)
    assert table(clear)[1] == [rows[0]["name"], rows[0]["id_number"], rows[0]["phone"]]
    assert clear.with_secrets
    official = made(wang, area_id=village.pk, source="registry.official", clear=True)
    assert table(official)[1][7] == rows[0]["id_number"]
    assert len(table(official)) == 1 + len(rows)


@pytest.mark.parametrize(("format", "encoding"), [("csv", "utf-8-sig"), ("csv-gb", "gb18030")])
def test_csv_in_both_encodings_keeps_every_sign_and_disarms_formulas(format: str, encoding: str) -> None:
    village = people.villages()[0]
    for name in ("=cmd|'/c calc'!A1", "+1", "＝1", "𠮷野·㐂", "王三"):
        things.household(village, name=name)
    output = made(people.wang(), area_id=village.pk, fields=("head_name",), format=format)
    rows = list(csv.reader(io.StringIO(content(output).decode(encoding))))
    assert [r[0] for r in rows] == ["户主姓名", "'=cmd|'/c calc'!A1", "'+1", "'＝1", "𠮷野·㐂", "王三"]


def test_a_simulated_csv_says_so_in_every_row_and_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuchang.core.clock.is_simulated", lambda: True)
    village, wang = people.villages()[0], people.wang()
    rows = families(2, [village])
    ask: dict[str, Any] = {"actor": wang.actor, "kind": HOUSEHOLD_WORKBOOK, "area_id": village.pk}
    import_workbook(**ask, file_name="a.xlsx", content=workbook(rows), observed_on=ON)
    output = made(wang, area_id=village.pk, source="registry.official", clear=True, format="csv", fields=())
    assert output.file_name.startswith("模拟数据-")
    lines = list(csv.reader(io.StringIO(content(output).decode("utf-8-sig"))))
    assert lines[0][:2] == ["县", "乡"] and lines[0][-1] == "数据说明"
    assert {line[-1] for line in lines[1:]} == {"模拟数据"} and len(lines) == 1 + len(rows)
    again = import_workbook(**ask, file_name="a.csv", content=content(output), observed_on=ON)
    assert (again.counts["unchanged"], again.counts.get("rejected")) == (2, None)


def test_a_workbook_holds_no_live_formula() -> None:
    village = people.villages()[0]
    things.household(village, name="=1+1")
    output = made(people.wang(), area_id=village.pk, fields=("head_name",))
    cell = openpyxl.load_workbook(io.BytesIO(content(output))).worksheets[0]["A2"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == ("=1+1", "s", True)


def test_sheets_split_at_the_row_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuchang.sheets.tables.XLSX_ROWS", 3)
    village = village_of(5)
    output = made(people.wang(), area_id=village.pk, fields=("head_name",))
    book = openpyxl.load_workbook(io.BytesIO(content(output)))
    assert [s.max_row for s in book.worksheets] == [3, 3, 2]
    assert all(s["A1"].value == "户主姓名" for s in book.worksheets)


def test_a_killed_export_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PORTION", 2)
    village = village_of(5)
    wang = people.wang()
    wish = Wish(kind="table", source=HOUSEHOLDS, area_id=village.pk, fields=("head_name",))
    output = outputs.start_output(actor=wang.actor, wish=wish)
    making._begin(wang.actor, output.pk)
    assert making._gather_portion(wang.actor, output.pk)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        making._gather_portion(wang.actor, output.pk)
        raise ZeroDivisionError  # killed before the commit
    outputs.make_output(output.pk)
    output.refresh_from_db()
    assert [r[0] for r in table(output)[1:]] == [f"王{n}" for n in range(5)]
    outputs.make_output(output.pk)  # a second worker comes too late
    assert Output.objects.get(pk=output.pk).sha256 == output.sha256


def test_one_that_cannot_be_made_says_so_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    village = village_of(1)
    wish = Wish(kind="table", source=HOUSEHOLDS, area_id=village.pk, title='户册 7/8"')
    faulty, sound = (outputs.start_output(actor=people.wang().actor, wish=wish) for _ in range(2))
    Output.objects.update(updated_at=Now() - timedelta(minutes=3))
    build = making.build

    def broken(output: Output, folder: Any) -> Any:
        if output.pk == faulty.pk:
            raise TypeError("a fault")
        return build(output, folder)

    monkeypatch.setattr(making, "build", broken)
    tasks.resume_outputs(0)
    faulty.refresh_from_db()
    sound.refresh_from_db()
    assert (faulty.state, sound.state) == ("failed", "done")
    assert str(faulty.pk) in faulty.message and "TypeError" not in faulty.message
    assert sound.file_name == f"户册 78-{village.name}-{sound.as_of}-{sound.pk}.xlsx"


def test_only_who_asked_may_fetch_the_file() -> None:
    village = village_of(1)
    wang = people.wang()
    output = made(wang, area_id=village.pk)
    assert reads.output_for(wang.actor, output.pk) == output
    with pytest.raises(Hidden):
        reads.output_for(people.wang().actor, output.pk)
    outputs.record_download(actor=wang.actor, output_id=output.pk)
    assert AuditEntry.objects.filter(action="sheets.download", object_id=str(output.pk)).count() == 1


def test_who_lost_the_post_lost_the_file() -> None:
    village = village_of(1)
    wang = people.wang()
    output = made(wang, area_id=village.pk)
    wang.user.role_grants.update(valid_to=people.FROM)
    with pytest.raises((Hidden, Refused)):
        reads.output_for(wang.actor, output.pk)


def test_files_are_sealed_and_dropped_after_their_day(monkeypatch: pytest.MonkeyPatch) -> None:
    village = village_of(1)
    output = made(people.wang(), area_id=village.pk, format="csv")
    sealed = bytes(OutputPiece.objects.get(output=output).sealed)
    assert "王0".encode() not in sealed
    Output.objects.filter(pk=output.pk).update(expires_on=output.expires_on - timedelta(days=30))
    assert outputs.expire_outputs() == 1
    output.refresh_from_db()
    assert output.state == "expired"
    assert not output.pieces.exists()


def test_a_finished_file_cannot_be_cancelled_and_a_waiting_one_can() -> None:
    village = village_of(1)
    wang = people.wang()
    done = made(wang, area_id=village.pk)
    with pytest.raises(Conflict):
        outputs.cancel_output(actor=wang.actor, output_id=done.pk, version=done.version)
    waiting = outputs.start_output(
        actor=wang.actor, wish=Wish(kind="table", source=HOUSEHOLDS, area_id=village.pk)
    )
    with pytest.raises(Hidden):
        outputs.cancel_output(actor=people.wang().actor, output_id=waiting.pk, version=1)
    outputs.cancel_output(actor=wang.actor, output_id=waiting.pk, version=waiting.version)
    outputs.make_output(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"


def test_cards_are_one_page_each_and_hide_what_the_reader_may_not_see() -> None:
    village = village_of(3)
    output = made(people.wang(), kind="cards", area_id=village.pk, format="pdf")
    assert output.state == "done", output.message
    pdf = content(output)
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type/Page/") >= 3


def test_without_a_chinese_font_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuchang.sheets.printing.font", lambda: "")
    output = made(people.wang(), kind="cards", area_id=village_of(1).pk, format="pdf")
    assert output.state == "failed"
    assert "fonts-noto-cjk" in output.message


def test_a_piece_is_never_rewritten() -> None:
    output = made(people.wang(), area_id=village_of(1).pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        OutputPiece.objects.filter(output=output).update(sealed=b"x")
