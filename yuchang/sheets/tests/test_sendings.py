"""Only what changed is sent, and what comes back is compared and decided by a person."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
import pytest
from django.db import transaction
from django.urls import reverse

from tests import people
from yuchang.accounts.factors import real_now
from yuchang.core.errors import Conflict, Hidden, Invalid, Stale
from yuchang.core.models import AuditEntry
from yuchang.registry.actions import remove_household
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.layout import OFFICIAL
from yuchang.registry.models import Household, Member
from yuchang.registry.tests.workbooks import ON, family, workbook
from yuchang.sheets import outputs, reads
from yuchang.sheets.actions import import_workbook
from yuchang.sheets.models import Output, ReadBack, Sending, Sent, StagedSent
from yuchang.sheets.outputs import Wish, making

pytestmark = pytest.mark.django_db
NAMES = [c.name for c in OFFICIAL]


def taken_in(person: people.Person, rows: list[dict[str, Any]]) -> None:
    batch = import_workbook(
        actor=person.actor, kind=HOUSEHOLD_WORKBOOK, area_id=people.county().pk, file_name="a.xlsx",
        content=workbook(rows), observed_on=ON,
    )  # fmt: skip
    assert batch.state == "done", batch.message


def sent(person: people.Person, **options: Any) -> Output:
    wish = Wish(
        kind="changes", source="registry.official", area_id=people.county().pk, clear=True, options=options
    )
    output = outputs.start_output(actor=person.actor, wish=wish)
    outputs.make_output(output.pk)
    output.refresh_from_db()
    return output


def lines(output: Output) -> list[dict[str, Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(reads.file_of(output)))).worksheets[0]
    return [
        dict(zip([*NAMES, "status"], [c.value for c in row], strict=True))
        for row in sheet.iter_rows(min_row=2)
    ]


def marked(output: Output) -> list[tuple[int, str]]:
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(reads.file_of(output)))).worksheets[0]
    return [
        (r, [*NAMES, "status"][c])
        for r, row in enumerate(sheet.iter_rows(min_row=2))
        for c, cell in enumerate(row)
        if cell.fill.start_color.rgb == "FFFFEB9C"
    ]


def world() -> tuple[people.Person, list[dict[str, Any]]]:
    village, wang = people.villages()[0], people.wang()
    rows = [*family(1, village), *family(2, village), *family(3, village)]
    taken_in(wang, rows)
    return wang, rows


def test_the_first_sending_is_everything_and_without_a_change_there_is_no_second() -> None:
    wang, rows = world()
    first = sent(wang)
    assert first.state == "done", first.message
    assert [line["status"] for line in lines(first)] == ["新增"] * len(rows)
    assert lines(first)[0]["id_number"] == rows[0]["id_number"]
    second = sent(wang)
    assert second.state == "cancelled" and "自第 1 次导出" in second.message
    assert [s.number for s in Sending.objects.order_by("number")] == [1]
    assert not StagedSent.objects.exists() and not second.pieces.exists()
    page = wang.client().get(reverse("sheets:output", args=[second.pk])).content.decode()
    assert "以来没有变动" in page and "没有变动" in page and 'role="alert"' not in page
    assert lines(sent(wang, everything=True)) != [] and Sending.objects.count() == 2


def test_the_next_has_only_the_new_the_changed_with_marks_and_the_left() -> None:
    wang, rows = world()
    sent(wang)
    changed = [dict(r) for r in rows[3:6]]
    for row in changed:
        row["hamlet"] = "下庄"
    changed[1]["phone"] = "10000009999"
    taken_in(wang, [*changed, *family(4, people.villages()[0])])
    gone = Household.objects.get(number=rows[0]["household_number"])
    remove_household(actor=wang.actor, household_id=gone.pk, version=gone.version, reason="重复")
    output = sent(wang)
    assert output.options["counts"] == {"new": 1, "changed": 1, "left": 1}
    found = lines(output)
    assert [x["status"] for x in found] == ["更新"] * 3 + ["新增"] * 3 + ["减少"] * 3
    assert {(r, n) for r, n in marked(output)} == {(0, "hamlet"), (1, "hamlet"), (1, "phone"), (2, "hamlet")}
    assert found[-1]["household_number"] == gone.number
    assert found[-1]["id_number"] is None
    assert sent(wang).state == "cancelled" and Sending.objects.count() == 2


def test_an_area_without_households_has_nothing_to_send() -> None:
    found = sent(people.wang())
    assert found.state == "cancelled" and "没有可以导出的户" in found.message
    assert not Sending.objects.exists()


def test_a_killed_sending_leaves_the_mark_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PORTION", 1)
    wang, rows = world()
    wish = Wish(kind="changes", source="registry.official", area_id=people.county().pk, clear=True)
    output = outputs.start_output(actor=wang.actor, wish=wish)
    making._begin(wang.actor, output.pk)
    making._gather_portion(wang.actor, output.pk)
    assert not Sent.objects.exists()
    outputs.make_output(output.pk)
    output.refresh_from_db()
    assert len(lines(output)) == len(rows)
    assert Sent.objects.count() == 3


def test_of_two_sendings_at_once_only_one_is_recorded() -> None:
    wang, _rows = world()
    wish = Wish(kind="changes", source="registry.official", area_id=people.county().pk, clear=True)
    late = outputs.start_output(actor=wang.actor, wish=wish)
    making._begin(wang.actor, late.pk)
    making._gather_portion(wang.actor, late.pk)
    sent(wang)
    outputs.make_output(late.pk)
    late.refresh_from_db()
    assert late.state == "failed"
    assert "另一次变动导出" in late.message
    assert Sending.objects.count() == 1


def test_no_value_can_be_read_from_what_is_kept() -> None:
    wang, rows = world()
    sent(wang)
    text = str(list(Sent.objects.values_list("cells", flat=True)))
    assert rows[0]["id_number"] not in text
    assert rows[0]["name"] not in text


def read_back(person: people.Person, rows: list[dict[str, Any]], *, is_whole: bool = True) -> ReadBack:
    row = outputs.start_readback(
        actor=person.actor, source="registry.official", area_id=people.county().pk, file_name="国家.xlsx",
        content=workbook(rows), observed_on=date(2024, 7, 1), is_whole=is_whole,
    )  # fmt: skip
    outputs.compare_readback(row.pk)
    row.refresh_from_db()
    return row


def test_a_workbook_of_headers_alone_is_no_read_back() -> None:
    wang, _rows = world()
    with pytest.raises(Invalid, match="没有数据"):
        read_back(wang, [])


def test_a_workbook_with_a_sheet_per_village_is_compared_as_one() -> None:
    wang, rows = world()
    book = openpyxl.load_workbook(io.BytesIO(workbook(rows[:3], sheet="东村")))
    west = openpyxl.load_workbook(io.BytesIO(workbook(rows[3:]))).worksheets[0]
    sheet = book.create_sheet("西村")
    for line in west.iter_rows(values_only=True):
        sheet.append(line)
    sheet.cell(3, NAMES.index("work_months") + 1).value = 9
    stream = io.BytesIO()
    book.save(stream)
    row = outputs.start_readback(
        actor=wang.actor, source="registry.official", area_id=people.county().pk, file_name="国家.xlsx",
        content=stream.getvalue(), observed_on=date(2024, 7, 1), is_whole=True,
    )  # fmt: skip
    outputs.compare_readback(row.pk)
    row.refresh_from_db()
    assert row.counts["total"] == 1, row.counts
    page = wang.client().get(reverse("sheets:readback", args=[row.pk])).content.decode()
    assert "第 西村!3 行" in page


def test_the_same_workbook_has_no_difference() -> None:
    wang, rows = world()
    row = read_back(wang, rows)
    assert (row.state, row.counts["total"]) == ("closed", 0), row.message


def test_sealed_values_of_both_sides_are_shown_after_a_proof_alone_and_leave_a_trace() -> None:
    wang, rows = world()
    theirs = [dict(r) for r in rows]
    theirs[0]["phone"] = "13900005555"
    found = read_back(wang, theirs)
    client = wang.client()
    page = client.get(f"/sheets/readbacks/{found.pk}")
    assert "13900005555" not in page.content.decode() and "显示完整内容" in page.content.decode()
    session = client.session
    session["proven_at"] = 1
    session.save()
    answer = client.post(f"/sheets/readbacks/{found.pk}/clear")
    assert answer.status_code == 302 and "/prove" in answer["Location"]
    assert not AuditEntry.objects.filter(action="sheets.show_differences").exists()
    session["proven_at"] = int(real_now().timestamp())
    session.save()
    assert "13900005555" in client.post(f"/sheets/readbacks/{found.pk}/clear").content.decode()
    assert AuditEntry.objects.get(action="sheets.show_differences").object_id == str(found.pk)


def test_differences_are_listed_by_household_and_field_and_theirs_is_taken_through_the_register() -> None:
    wang, rows = world()
    theirs = [dict(r) for r in rows[3:]]
    for row in theirs[:3]:
        row["hamlet"] = "下庄"
    theirs[1]["work_months"] = 9
    theirs += family(8, people.villages()[0])
    found = read_back(wang, theirs)
    listed = reads.difference_lines(found, found.differences.order_by("number"))
    assert [
        (x["difference"].kind, x["difference"].object_key, x["title"], x["ours"], x["theirs"]) for x in listed
    ] == [
        ("only_ours", rows[0]["household_number"], "", "", ""),
        ("value", rows[3]["household_number"], "自然村", "上庄", "下庄"),
        ("value", rows[3]["household_number"], "务工时间(月)", "6", "9"),
        ("only_theirs", "H0000008", "", "", ""),
    ]
    outcome = outputs.decide_differences(
        actor=wang.actor, readback_id=found.pk, version=found.version, numbers=[1, 2, 3, 4], decision="theirs"
    )
    assert (outcome.decided, len(outcome.refused)) == (2, 2)
    home = Household.objects.get(number=rows[3]["household_number"])
    assert (home.hamlet, home.verified_by) == ("下庄", None)
    member = Member.objects.get(number=theirs[1]["person_number"], left_on=None)
    assert member.facts.latest("observed_on").work_months == 9
    with pytest.raises(Stale):
        outputs.decide_differences(
            actor=wang.actor, readback_id=found.pk, version=found.version, numbers=[1], decision="ours"
        )
    found.refresh_from_db()
    outputs.close_readback(actor=wang.actor, readback_id=found.pk, version=found.version)
    found.refresh_from_db()
    assert found.state == "closed"
    assert found.differences.filter(decision="ours").count() == 2
    with pytest.raises(Conflict):
        outputs.close_readback(actor=wang.actor, readback_id=found.pk, version=found.version)


def test_their_value_that_breaks_a_rule_stays_open_with_the_reason() -> None:
    wang, rows = world()
    theirs = [dict(r) for r in rows]
    theirs[0]["id_number"] = "999999197503010999"
    found = read_back(wang, theirs)
    outcome = outputs.decide_differences(
        actor=wang.actor, readback_id=found.pk, version=found.version, numbers=[1], decision="theirs"
    )
    assert outcome.decided == 0
    assert rows[0]["household_number"] in outcome.refused[0]
    assert found.differences.get(number=1).decision == ""


def test_a_killed_decision_decides_nothing() -> None:
    wang, rows = world()
    theirs = [dict(r, hamlet="下庄") for r in rows[:3]]
    found = read_back(wang, theirs, is_whole=False)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outputs.decide_differences(
            actor=wang.actor, readback_id=found.pk, version=found.version, numbers=[1], decision="theirs"
        )
        raise ZeroDivisionError
    assert found.differences.get(number=1).decision == ""
    assert Household.objects.get(number=rows[0]["household_number"]).hamlet == "上庄"


def test_the_neighbour_sees_nothing_and_a_wrong_file_is_named() -> None:
    wang, rows = world()
    found = read_back(wang, rows[:3], is_whole=False)
    with pytest.raises(Hidden):
        reads.readback_for(people.outsider().actor, found.pk)
    with pytest.raises(Invalid, match="人编号"):
        outputs.start_readback(
            actor=wang.actor, source="registry.official", area_id=people.county().pk, file_name="a.csv",
            content="户编号,姓名\n1,王\n".encode("gb18030"), observed_on=ON, is_whole=False,
        )  # fmt: skip
