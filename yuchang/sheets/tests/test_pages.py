"""The pages: what an officer sees and can do, and that a long list costs what a short one costs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people, things
from yuchang.places.models import Place
from yuchang.sheets import outputs
from yuchang.sheets.models import Output, Report, ReportPlan, Template
from yuchang.sheets.outputs import Wish
from yuchang.sheets.tests.workbooks import blank_workbook

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yuchang.core.clock.today", lambda: date(2026, 11, 21))


def follow(client: Client, output_id: int) -> bytes:
    """Make it, open its page, fetch its file."""
    outputs.make_output(output_id)
    page = client.get(reverse("sheets:output", args=[output_id]))
    assert page.status_code == 200, page.content
    response: Any = client.get(reverse("sheets:output_file", args=[output_id]))
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    assert int(response["Content-Length"]) == len(content)
    return content


def test_an_officer_exports_what_the_list_shows() -> None:
    village = people.villages()[0]
    things.household(village, name="王在册")
    things.household(village, name="李退出", state="exited")
    client = people.wang().client()
    url = reverse("sheets:output_new") + "?state=exited&source=registry.households"
    assert "已退出" in client.get(url).content.decode()
    body = {"area": people.county().pk, "format": "csv", "fields_": ["head_name"], "state": "exited"}
    response = client.post(url, body)
    assert response.status_code == 302, response.content.decode()[:2000]
    content = follow(client, Output.objects.get().pk).decode("utf-8-sig")
    assert content.split() == ["户主姓名", "李退出"]
    assert b"HX" not in client.get(reverse("sheets:output_list")).content


def test_fields_leave_in_the_order_that_was_chosen_also_without_script() -> None:
    things.household(people.villages()[0], name="王在册")
    client, url = people.wang().client(), reverse("sheets:output_new") + "?source=registry.households"
    body = {"area": people.county().pk, "format": "csv", "fields_": ["size", "head_name", "village"]}
    page = client.post(url, {**body, "move": "village:up"})
    values = page.context["form"]["fields_"].value()
    assert page.status_code == 200 and values == ["size", "village", "head_name"]
    text = page.content.decode()
    assert text.index('value="village"') < text.index('value="head_name"') < text.index('value="county"')
    assert not Output.objects.exists()
    client.post(url, {**body, "fields_": values})
    assert (
        follow(client, Output.objects.get().pk).decode("utf-8-sig").split()[0] == "家庭人口,行政村,户主姓名"
    )


def test_a_county_exports_or_prints_one_of_its_villages_and_none_of_the_next_county() -> None:
    client, village = people.wang().client(), people.villages()[0]
    url = reverse("sheets:output_new") + "?kind=cards"
    assert village.full_name in client.get(url).content.decode()
    assert client.post(url, {"area": village.pk, "format": "pdf"}).status_code == 302
    assert Output.objects.get().place_id == village.pk
    elsewhere = Place.objects.filter(level=5).exclude(county_id=village.county_id)[0]
    assert client.post(url, {"area": elsewhere.pk, "format": "pdf"}).status_code == 422


def test_one_who_may_not_plan_a_report_is_not_led_to_it() -> None:
    page = people.li().client().get(reverse("sheets:plan_list")).content.decode()
    assert reverse("sheets:plan_new") not in page


def test_progress_asks_again_until_the_file_is_there() -> None:
    village, wang = people.villages()[0], people.wang()
    wish = Wish(kind="table", source="registry.households", area_id=village.pk)
    output = outputs.start_output(actor=wang.actor, wish=wish)
    client = wang.client()
    url = reverse("sheets:output_progress", args=[output.pk])
    assert b"hx-get" in client.get(url).content
    outputs.make_output(output.pk)
    assert client.get(url)["HX-Refresh"] == "true"


def test_a_template_is_uploaded_mapped_and_filled_in_the_browser() -> None:
    village = people.villages()[0]
    things.household(village, name="王在册")
    client = people.wang().client()
    body = {
        "area": people.county().pk, "name": "花名册", "kind": "workbook", "source": "registry.households",
        "file": SimpleUploadedFile("空白.xlsx", blank_workbook()),
    }  # fmt: skip
    response = client.post(reverse("sheets:template_new"), body)
    template = Template.objects.get()
    assert response["Location"] == reverse("sheets:template", args=[template.pk])
    page = client.get(response["Location"]).content.decode()
    assert "户主姓名" in page
    mapping = {"version": 1, "column-1": "household_number", "header": "3"}
    assert client.post(reverse("sheets:template_edition", args=[template.pk]), mapping).status_code == 302
    wrong = {"version": 2, "column-1": "nonsense", "header": "3"}
    assert client.post(reverse("sheets:template_edition", args=[template.pk]), wrong).status_code == 422
    client.post(reverse("sheets:template_fill", args=[template.pk]), {"area": people.county().pk})
    assert follow(client, Output.objects.get().pk).startswith(b"PK")


def test_a_report_is_planned_frozen_verified_compared_and_corrected_in_the_browser() -> None:
    village, wang = people.villages()[0], people.wang()
    things.household(village, name="王在册")
    client = wang.client()
    body = {
        "area": people.county().pk, "name": "月报", "kind": "report", "starts_on": "2026-09-03",
        "fields_": ["head_name", "size"],
    }  # fmt: skip
    client.post(reverse("sheets:plan_new"), body)
    plan = ReportPlan.objects.get()
    for month in ("2026-09", "2026-10"):
        client.post(reverse("sheets:plan_freeze", args=[plan.pk]), {"month": month})
        follow(client, Output.objects.latest("pk").pk)
    first, second = Report.objects.order_by("period")
    assert "月报" in client.get(reverse("sheets:plan", args=[plan.pk])).content.decode()
    assert (
        "由数据行重新生成" in client.post(reverse("sheets:report_verify", args=[second.pk])).content.decode()
    )
    compared = client.get(reverse("sheets:report_compare", args=[second.pk, first.pk]))
    assert compared.status_code == 200
    client.post(reverse("sheets:report_correct", args=[second.pk]), {"reason": "补录"})
    outputs.make_output(Output.objects.latest("pk").pk)
    assert Report.objects.filter(period=second.period).count() == 2
    assert client.get(reverse("sheets:report", args=[second.pk])).status_code == 200
    assert client.get(reverse("sheets:report_list") + "?month=2026-10").content.count(b"<tr>") == 3


def queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as context:
        assert client.get(url).status_code == 200
    return len(context)


@pytest.mark.parametrize(
    "name", ["output_list", "template_list", "plan_list", "report_list", "readback_list"]
)
def test_a_long_list_costs_as_many_queries_as_a_short_one(name: str) -> None:
    wang = people.wang()
    client, url = wang.client(), reverse(f"sheets:{name}")
    fill(wang, 2)
    short = queries(client, url)
    fill(wang, 30, start=2)
    assert queries(client, url) == short


def fill(person: people.Person, count: int, start: int = 0) -> None:
    county = people.county()
    for n in range(start, start + count):
        outputs.save_template(
            actor=person.actor, area_id=county.pk, name=f"模板{n}", kind="workbook",
            source="registry.households", file_name="a.xlsx", content=blank_workbook(),
        )  # fmt: skip
        plan = outputs.save_plan(
            actor=person.actor, area_id=county.pk, name=f"报表{n}", kind="report",
            source="registry.households", narrow={}, fields=["size"], template_id=None,
            starts_on=date(2026, 9, 1),
        )  # fmt: skip
        wish = Wish(kind="table", source="registry.households", area_id=county.pk, fields=("size",))
        outputs.start_output(actor=person.actor, wish=wish)
        frozen = outputs.freeze_month(actor=person.actor, plan_id=plan.pk, period=date(2026, 10, 1))
        outputs.make_output(frozen.pk)
