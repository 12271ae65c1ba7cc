"""Monthly reports: frozen once, verifiable, comparable, corrected only by a new edition."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from tests import people, things
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.registry.models import Household
from yuchang.sheets import outputs, reads
from yuchang.sheets.models import Output, OutputPiece, Report, ReportPlan
from yuchang.sheets.outputs import building
from yuchang.sheets.tests.test_templates import saved

pytestmark = pytest.mark.django_db
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuchang.core.clock.today", lambda: date(2026, 11, 21))


def planned(person: people.Person, area: Any, **more: Any) -> ReportPlan:
    given: dict[str, Any] = {
        "name": "月报", "kind": "report", "source": "registry.households", "narrow": {},
        "fields": ["household_number", "head_name", "size", "net_income_per_head_fen"], "template_id": None,
        "starts_on": SEPTEMBER,
    }  # fmt: skip
    return outputs.save_plan(actor=person.actor, area_id=area.pk, **(given | more))


def frozen(person: people.Person, plan: ReportPlan, month: date, reason: str = "") -> Report:
    output = outputs.freeze_month(actor=person.actor, plan_id=plan.pk, period=month, reason=reason)
    outputs.make_output(output.pk)
    output.refresh_from_db()
    assert output.state == "done", output.message
    return Report.objects.get(output=output)


def world() -> tuple[Any, people.Person, list[Household]]:
    village = people.villages()[0]
    homes = [things.household(village, name=f"王{n}") for n in range(3)]
    for home in homes:
        things.facts(home, per_head_yuan=4000)
    return village, people.wang(), homes


def test_a_month_is_frozen_with_hashes_and_rebuilds_to_the_same_file() -> None:
    village, wang, _homes = world()
    report = frozen(wang, planned(wang, village), OCTOBER)
    assert (report.number, report.rows, report.totals["size"]) == (1, 3, 9)
    assert report.output.as_of == date(2026, 10, 31)
    assert reads.verify_report(report) == reads.Verdict(True, True, "same")
    assert report.sha256 in AuditEntry.objects.filter(action="sheets.finish_output").latest("id").body


def test_a_report_over_a_template_rebuilds_too() -> None:
    village, wang, _homes = world()
    plan = planned(wang, village, template_id=saved(wang, people.county()).pk)
    report = frozen(wang, plan, OCTOBER)
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(reads.file_of(report.output)))).worksheets[0]
    assert sheet["B4"].value == "王0"
    assert reads.verify_report(report) == reads.Verdict(True, True, "same")


@pytest.mark.parametrize("is_form", [False, True])
def test_another_layout_of_the_same_figures_is_told_apart_from_other_figures(
    is_form: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    village, wang, _homes = world()
    template_id = saved(wang, people.county()).pk if is_form else None
    report = frozen(wang, planned(wang, village, template_id=template_id), OCTOBER)

    def rebuilt(column: str, value: Any, width: float) -> Any:
        def build(output: Output, folder: Path) -> Path:
            path = building.build(output, folder)
            book = openpyxl.load_workbook(path)
            book.worksheets[0].column_dimensions["C"].width = width
            if value is not None:
                book.worksheets[0][column] = value
            book.save(path)
            return path

        return build

    monkeypatch.setattr(reads, "build", rebuilt("C4", None, 33))
    assert reads.verify_report(report) == reads.Verdict(True, True, "looks")
    client = wang.client()
    page = client.post(reverse("sheets:report_verify", args=[report.pk])).content.decode()
    assert "内容相同,只是版式不同" in page and "内容不同" not in page.replace("内容相同,只是版式不同", "")
    monkeypatch.setattr(reads, "build", rebuilt("C4", "另一个", 33))
    verdict = reads.verify_report(report)
    assert (verdict.file, verdict.rebuilt) == (True, "figures")
    assert [(d.cell, d.after) for d in verdict.differences] == [("C4", "另一个")]
    assert "另一个" in client.post(reverse("sheets:report_verify", args=[report.pk])).content.decode()


def test_a_plan_may_be_called_what_no_sheet_can_and_says_which_months_are_missing() -> None:
    village, wang, _homes = world()
    plan = planned(wang, village, name="脱贫户/监测户 [月报]: 9*")
    report = frozen(wang, plan, OCTOBER)
    book = openpyxl.load_workbook(io.BytesIO(b"".join(reads.file_of(report.output))))
    assert book.sheetnames == ["脱贫户 监测户  月报   9  2026-10"]
    assert "net_income_per_head_fen" not in report.totals
    assert reads.missing_months(plan, date(2026, 11, 21)) == [SEPTEMBER]
    with pytest.raises(Conflict, match="从 2026-09 开始"):
        outputs.freeze_month(actor=wang.actor, plan_id=plan.pk, period=date(2026, 8, 1))


def test_nothing_frozen_can_be_changed_or_removed() -> None:
    village, wang, _homes = world()
    report = frozen(wang, planned(wang, village), OCTOBER)
    attacks = [
        lambda: Report.objects.filter(pk=report.pk).update(rows=1),
        lambda: report.delete(),
        lambda: OutputPiece.objects.filter(output=report.output).delete(),
        lambda: Output.objects.filter(pk=report.output_id).update(sha256="0" * 64),
        lambda: OutputPiece.objects.create(output=report.output, part="file", number=99, sealed=b"x"),
    ]
    for attack in attacks:
        with pytest.raises(DatabaseError), transaction.atomic():
            attack()


def test_a_month_that_is_not_over_or_frozen_already_is_refused() -> None:
    village, wang, _homes = world()
    plan = planned(wang, village)
    with pytest.raises(Conflict, match="没有结束"):
        outputs.freeze_month(actor=wang.actor, plan_id=plan.pk, period=date(2026, 11, 1))
    started = outputs.freeze_month(actor=wang.actor, plan_id=plan.pk, period=OCTOBER)
    with pytest.raises(Conflict, match="正在生成"):
        outputs.freeze_month(actor=wang.actor, plan_id=plan.pk, period=OCTOBER)
    outputs.make_output(started.pk)
    with pytest.raises(Conflict, match="已经冻结"):
        outputs.freeze_month(actor=wang.actor, plan_id=plan.pk, period=OCTOBER)


def test_a_correction_is_a_new_edition_with_its_reason() -> None:
    village, wang, homes = world()
    plan = planned(wang, village)
    first = frozen(wang, plan, OCTOBER)
    Household.objects.filter(pk=homes[0].pk).update(head_name="王改")
    with pytest.raises(Invalid, match="原因"):
        outputs.correct_report(actor=wang.actor, report_id=first.pk, reason=" ")
    output = outputs.correct_report(actor=wang.actor, report_id=first.pk, reason="户主更名")
    outputs.make_output(output.pk)
    second = Report.objects.get(plan=plan, period=OCTOBER, number=2)
    assert (second.reason, second.sha256 == first.sha256) == ("户主更名", False)
    assert reads.verify_report(first).file


def test_the_difference_of_two_months_names_every_field() -> None:
    village, wang, homes = world()
    plan = planned(wang, village)
    before = frozen(wang, plan, SEPTEMBER)
    things.facts(homes[1], per_head_yuan=5000, on=date(2026, 10, 5))
    Household.objects.filter(pk=homes[2].pk).update(state="removed")
    things.household(village, name="新户")
    after = frozen(wang, plan, OCTOBER)
    found = reads.compare_reports(before, after)
    assert (found.new, found.left, found.changed, found.same) == (1, 1, 1, 1)
    changed = next(line for line in found.lines if line["kind"] == "changed")
    assert changed["changes"] == [("人均纯收入(元)", 4000, 5000)]


def test_the_nightly_task_freezes_each_plan_once_and_notes_who_lost_the_right() -> None:
    village, wang, _homes = world()
    plan = planned(wang, village)
    other = people.wang()
    lost = planned(other, village, name="别的")
    other.user.role_grants.update(valid_to=people.FROM)
    assert outputs.freeze_due() == 1
    outputs.make_output(Output.objects.get(kind="report").pk)
    assert outputs.freeze_due() == 0
    assert Report.objects.get().plan == plan
    lost.refresh_from_db()
    assert lost.message


def test_readers_of_the_area_may_fetch_it_and_the_neighbour_not() -> None:
    village, wang, _homes = world()
    report = frozen(wang, planned(wang, village), OCTOBER)
    assert reads.output_for(people.li(village).actor, report.output_id)
    assert reads.output_for(people.auditor().actor, report.output_id)
    with pytest.raises(Hidden):
        reads.report_for(people.outsider().actor, report.pk)
    with pytest.raises(Refused):
        reads.report_for(people.administrator().actor, report.pk)
    with pytest.raises(Refused):
        planned(people.li(village), village, name="村报")
