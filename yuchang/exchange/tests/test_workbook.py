"""A workbook of postings: judged cell by cell, posted once, taken back while nobody uses it."""

import io
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from python_calamine import CalamineWorkbook

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden
from yuchang.core.models import AuditEntry
from yuchang.exchange import actions
from yuchang.exchange.actions import imports
from yuchang.exchange.actions.imports import POSTINGS
from yuchang.exchange.models import Posting
from yuchang.exchange.tests.world import facts, household, organisation
from yuchang.exchange.workbook import COLUMNS, read_row
from yuchang.registry.models import Household
from yuchang.sheets import actions as sheets
from yuchang.sheets import queries
from yuchang.sheets.export import write_workbook
from yuchang.sheets.models import ImportBatch

pytestmark = pytest.mark.django_db


@pytest.fixture
def home() -> Household:
    return household()


def row(home: Household, **changes: str) -> dict[str, str]:
    given = {
        "direction": "供给",
        "category": "胡桃",
        "quantity": "300",
        "unit": "斤",
        "limit": "10",
        "window_from": "2026-12-01",
        "window_to": "2027-03-31",
        "household": home.number,
        "certificates": "有机产品、绿色食品",
        "note": "高山核桃",
    }
    return given | changes


def content(*rows: dict[str, str]) -> bytes:
    target = io.BytesIO()
    headers = [c.header for c in COLUMNS]
    lines = [[one.get(c.name, "") for c in COLUMNS] for one in rows]
    write_workbook(target, title="供需", headers=headers, rows=lines)
    return target.getvalue()


def bring(actor: Any, *rows: dict[str, str]) -> ImportBatch:
    return sheets.import_workbook(
        actor=actor,
        kind=POSTINGS,
        area_id=people.villages()[0].pk,
        file_name="供需.xlsx",
        content=content(*rows),
        observed_on=clock.today(),
    )


def test_what_is_right_is_posted_in_the_categorys_unit(home: Household) -> None:
    village = {"household": "", "village": people.villages()[0].code, "direction": "需求", "quantity": "40"}
    batch = bring(people.li().actor, row(home), row(home, **village))
    assert (batch.state, batch.counts["created"]) == ("done", 2), batch.message
    offer, need = Posting.objects.order_by("pk")
    assert (offer.quantity, offer.limit_fen, offer.entered_unit, offer.household_id) == (
        150,
        2000,
        "斤",
        home.pk,
    )
    assert (offer.certificates, offer.import_batch_id) == (["organic", "green"], batch.pk)
    assert (need.owner_kind, need.direction, need.quantity) == ("village", "need", 20)
    assert "~goods.walnut" in offer.terms
    assert AuditEntry.objects.filter(action="exchange.post").count() == 2


@pytest.mark.parametrize(
    "said", ["2026年12月1日", "2026/12/1", "2026\uff0f12\uff0f01", "20261201", " 2026.12.1 "]
)
def test_a_day_a_price_and_certificates_are_read_as_people_type_them(said: str) -> None:
    cells = {
        "direction": "供给",
        "category": "核桃",
        "quantity": "３０",
        "limit": "10元",
        "window_from": said,
    }
    cells |= {"window_to": "2027-03-31", "certificates": "有机产品\uff0c绿色食品"}
    read = read_row(cells, {"核桃": ["goods.walnut"]}, {"goods.walnut": "千克"})
    assert read.faults == [] and read.said["window_from"] == date(2026, 12, 1)
    assert (read.said["limit_fen"], read.said["quantity"]) == (1000, 30)
    assert read.said["certificates"] == ("organic", "green")


def test_the_same_workbook_twice_changes_nothing(home: Household) -> None:
    li = people.li().actor
    bring(li, row(home))
    batch = bring(li, row(home))
    assert (batch.state, batch.counts["unchanged"]) == ("done", 1)
    assert Posting.objects.count() == 1


def test_every_fault_is_named_at_its_cell(home: Household) -> None:
    bad = [
        ("unknown word", {"direction": "换"}),
        ("no category", {"category": "独角兽"}),
        ("no whole number", {"quantity": "许多"}),
        ("no whole number", {"quantity": "inf"}),
        ("no whole number", {"quantity": "nan"}),
        ("no price", {"limit": "1e400"}),
        ("no day", {"window_to": "99999999999-01-01"}),
        ("unit mismatch", {"quantity": "3"}),
        ("unit mismatch", {"unit": "亩"}),
        ("quantity", {"quantity": "0"}),
        ("quantity", {"quantity": "9000000000", "unit": ""}),
        ("no price", {"limit": "面议"}),
        ("limit", {"limit": "-1"}),
        ("no day", {"window_from": "年底"}),
        ("window order", {"window_to": "2026-11-30"}),
        ("window past", {"window_from": "2020-01-01", "window_to": "2020-02-01"}),
        ("lot", {"min_lot": "400"}),
        ("unknown word", {"certificates": "祖传"}),
        ("unknown word", {"repeats": "每周"}),
        ("window repeats", {"repeats": "每月"}),
        ("no owner", {"household": "X1"}),
        ("no owner", {"household": "", "village": "999999999999"}),
        ("radius", {"radius": "99999"}),
    ]
    rows = [row(home, **changes) for _code, changes in bad]
    batch = bring(people.li().actor, *rows, row(home), row(home))
    found = {(f.row, f.code) for f in batch.findings.all()}
    for number, (code, _changes) in enumerate(bad, 2):
        assert (number, code) in found, code
    assert (len(bad) + 3, "twin") in found
    assert (batch.counts["created"], batch.counts["rejected"]) == (1, len(bad) + 1)
    notes = CalamineWorkbook.from_filelike(io.BytesIO(queries.annotated_copy(batch))).sheet_names
    assert "检查结果" in notes


def test_the_same_fault_again_and_again_is_summed_up(home: Household) -> None:
    batch = bring(people.li().actor, *[row(home)] * 4, row(home, quantity="3"), row(home, quantity="7"))
    kinds = {k["code"]: (k["n"], k["message"]) for k in queries.findings_by_kind(batch)}
    assert kinds["twin"][0] == 3 and "…" in kinds["twin"][1]
    assert kinds["unit mismatch"][0] == 2


def test_ten_thousand_rows_of_one_household_are_too_many(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LIVE_MAX", 3)
    batch = bring(people.li().actor, *(row(home, quantity=str(2 * n)) for n in range(1, 7)))
    assert (batch.counts["created"], batch.counts["rejected"]) == (3, 3)


def test_nobody_imports_for_others(home: Household) -> None:
    with pytest.raises(Hidden):
        bring(people.outsider().actor, row(home))
    away = household(people.villages(people.WEN)[0])
    batch = bring(people.li().actor, row(away))
    assert batch.counts["rejected"] == 1 and not Posting.objects.exists()


def test_an_import_is_taken_back_until_somebody_talks(home: Household) -> None:
    li, wang = people.li().actor, people.wang().actor
    batch = bring(li, row(home))
    batch = sheets.undo_import(actor=li, batch_id=batch.pk, version=batch.version)
    assert (batch.state, Posting.objects.get().state) == ("undone", "withdrawn")
    batch = bring(li, row(home))
    zhao = people.zhao(organisation().pk).actor
    actions.post(actor=zhao, facts=facts("need", organisation_id=zhao.organisation_ids("exchange.post")[0]))
    run = actions.run_clearing(actor=wang, on=clock.today(), county=people.county())
    actions.publish_clearing(actor=wang, clearing_id=run.pk, version=1)
    match = run.matches.get()
    actions.answer_match(actor=zhao, match_id=match.pk, version=1, side="need", answer="accepted")
    with pytest.raises(Conflict):
        sheets.undo_import(actor=li, batch_id=batch.pk, version=batch.version)


def test_the_pages_lead_through(home: Household) -> None:
    client = people.li().client()
    listing = reverse("sheets:import_list", args=[POSTINGS])
    assert client.get(listing).status_code == 200
    blank = client.get(reverse("sheets:import_template", args=[POSTINGS]))
    assert (
        CalamineWorkbook.from_filelike(io.BytesIO(blank.content)).get_sheet_by_index(0).to_python()[0][0]
        == "供需"
    )
    upload = SimpleUploadedFile("供需.xlsx", content(row(home), row(home, quantity="0")))
    reply = client.post(listing, {"area": people.villages()[0].pk, "file": upload})
    batch = ImportBatch.objects.get()
    assert reply["Location"] == reverse("sheets:import", args=[POSTINGS, batch.pk])
    assert "列对应" in client.get(reply["Location"]).content.decode()
    columns = {f"column-{name}": str(at) for name, at in batch.mapping["columns"].items()}
    client.post(reverse("sheets:import_mapping", args=[POSTINGS, batch.pk]), {"version": 1, **columns})
    sheets.check_import(batch.pk)
    page = client.get(reply["Location"]).content.decode()
    assert "确认写入" in page and "数量须为" in page
    batch.refresh_from_db()
    step = reverse("sheets:import_step", args=[POSTINGS, batch.pk, "confirm"])
    assert client.post(step, {"version": batch.version}).status_code == 302
    sheets.write_import(batch.pk)
    assert Posting.objects.get().quantity == 150
    assert client.get(reverse("sheets:import_annotated", args=[POSTINGS, batch.pk])).status_code == 200
    assert client.get(reverse("sheets:import_list", args=["no.such"])).status_code == 404
    assert people.auditor().client().get(listing).status_code == 403
