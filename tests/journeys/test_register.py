"""A cadre imports the official workbook and corrects it, the officer verifies and publishes, an outsider sees nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import people
from tests.journeys.helpers import PHONE, Site, check, fits
from yuchang.core.models import AuditEntry
from yuchang.registry.models import Household, Notice, NoticeEntry
from yuchang.registry.tests.workbooks import families, workbook
from yuchang.sheets import tasks
from yuchang.sheets.models import ImportBatch

pytestmark = pytest.mark.journey


def test_from_the_workbook_to_the_public_notice(site: Site, transactional_db: None, tmp_path: Path) -> None:
    village = people.villages()[0]
    cadre, officer, outsider = people.li(village), people.wang(), people.outsider()
    rows = families(4, [village])
    rows[3]["id_number"] = "12345"
    rows[0]["main_cause"] = rows[1]["main_cause"] = rows[2]["main_cause"] = "因学"
    file = tmp_path / "台账.xlsx"
    file.write_bytes(workbook(rows, above=["某村 2024 年台账"]))

    page = site.sign_in(cadre)
    page.goto("/registry/")
    check(page, "register-empty")
    page.click("text=导入台账 >> nth=0")
    page.click("main a.btn-primary >> nth=0")
    check(page, "import-upload")
    page.set_input_files("input[type=file]", file)
    page.fill("input[name=observed_on]", "2024-06-30")
    page.click("main .form-end button")
    page.wait_for_selector("text=表头在第 2 行")
    check(page, "import-columns")
    assert "999999" not in page.content()
    page.click("main button:has-text('检查')")
    page.wait_for_selector("#progress")
    batch = ImportBatch.objects.get()
    assert batch.state == "checking" and not Household.objects.exists()
    tasks.check(batch.pk)  # what the worker does
    page.wait_for_selector("text=将新增")
    check(page, "import-findings")
    assert "应为 18 位" in page.content() and Household.objects.count() == 0
    page.click("button:has-text('确认写入')")
    page.wait_for_selector("#progress")
    tasks.write(batch.pk)
    page.wait_for_selector("text=查看写入的户")
    check(page, "import-result")
    batch.refresh_from_db()
    assert (batch.state, batch.counts["created"], batch.counts["rejected"]) == ("done", 3, 1)
    assert Household.objects.count() == 3

    page.click("text=查看写入的户")
    assert page.get_attribute(".total-line", "data-count") == "3"
    check(page, "register-list")
    first = Household.objects.order_by("id").first()
    assert first is not None
    page.goto(f"/registry/{first.pk}")
    check(page, "register-household")
    page.click("text=更正 >> nth=0")
    check(page, "register-correct")
    page.select_option("select[name=main_cause]", "illness")
    page.click("main .form-end button")
    page.wait_for_selector("text=等待另一人核实")
    first.refresh_from_db()
    assert (first.main_cause, first.version, first.state) == ("illness", 2, "entered")
    assert page.query_selector("form[action$='verify'] button") is None

    county = site.sign_in(officer)
    county.goto("/registry/verify")
    check(county, "verify-queue")
    county.click("text=核实所选")
    county.wait_for_selector("text=已核实 3 户")
    assert set(Household.objects.values_list("state", "verified_by_id")) == {("verified", officer.user.pk)}
    county.goto("/registry/notices/new")
    check(county, "notice-new")
    county.click("main .form-end button")
    county.wait_for_selector("text=已在 1 个村公示")
    county.goto(f"/registry/notices/{Notice.objects.get().pk}")
    check(county, "notice")
    assert NoticeEntry.objects.count() == 3
    assert all(row.masked_name.endswith("某某") for row in NoticeEntry.objects.all())

    stranger = site.sign_in(outsider)
    stranger.goto("/registry/")
    assert stranger.get_attribute(".total-line", "data-count") == "0"
    for address in (
        f"/registry/{first.pk}",
        f"/registry/imports/{batch.pk}",
        f"/registry/{first.pk}/correct",
    ):
        reply = stranger.goto(address)
        assert reply is not None and reply.status == 404

    written = AuditEntry.objects.filter(object_kind="household").values_list("action", flat=True)
    assert {"registry.import_households", "registry.correct_household", "registry.verify_households"} <= set(
        written
    )

    phone = site.sign_in(cadre, size=PHONE)
    for address in ("/registry/", f"/registry/{first.pk}", "/registry/imports", "/registry/new"):
        phone.goto(address)
        fits(phone)
