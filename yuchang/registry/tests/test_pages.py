"""Every page of the register opens for who may, with a constant number of queries, and posts go through."""

from __future__ import annotations

import io
import re
from datetime import date

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.people import county, li, outsider, villages, wang, zhang
from yuchang.registry import actions
from yuchang.registry.models import Household
from yuchang.registry.tests.test_import import bring_in
from yuchang.registry.tests.workbooks import families, id_number, workbook
from yuchang.sheets.actions import check_import, write_import
from yuchang.sheets.models import ImportBatch

pytestmark = pytest.mark.django_db


def queries_for(client, address) -> int:
    from django.db import connection

    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", ["household_list", "verify_queue"])
def test_a_list_costs_the_same_for_twenty_five_households_and_for_sixty(name):
    officer = wang()
    second = wang()
    page = f"{reverse(f'registry:{name}')}?size=20"  # with a page after it, for which the rows are counted
    bring_in(officer, families(25))
    few = queries_for(second.client(), page)
    bring_in(officer, families(60))
    assert queries_for(second.client(), page) == few


def test_notice_objection_import_and_resource_lists_cost_the_same_for_more_rows():
    officer, second = wang(), wang()
    bring_in(officer, families(3))
    actions.verify_households(actor=second.actor)
    names = ["notices", "objections", "import_list", "resource_list"]
    for place in villages()[:1]:
        ids = list(Household.objects.filter(place=place).values_list("pk", flat=True))
        assert ids
    pk = Household.objects.first().pk

    def add(count):
        for n in range(count):
            actions.declare_resource(
                actor=officer.actor,
                household_id=pk,
                direction="offer",
                kind="produce",
                category=f"goods.c{n}",
                quantity=5,
                unit="kg",
            )

    add(2)
    few = [queries_for(officer.client(), reverse(f"registry:{n}")) for n in names]
    add(20)
    bring_in(officer, families(3))
    assert [queries_for(officer.client(), reverse(f"registry:{n}")) for n in names] == few


def test_search_finds_by_name_initials_number_and_id_tail():
    officer = wang()
    bring_in(officer, families(5))
    client = officer.client()

    def found(text):
        page = client.get(reverse("registry:household_list"), {"q": text}).context["list"].page
        return {household.number for household in page.items}

    head = Household.objects.get(number="H0000001")
    assert "H0000001" in found(head.head_name) and "H0000001" in found(head.head_name[:2])
    assert found("H0000001") == {"H0000001"}
    assert "H0000001" in found("qyy")
    number = families(1)[0]["id_number"]
    assert "H0000001" in found(number[-6:]) and found(number) == {"H0000001"}
    assert found("不存在的人") == set()


def test_an_outsider_finds_nothing_and_opens_nothing():
    bring_in(wang(), families(2))
    pk = Household.objects.first().pk
    client = outsider().client()
    assert client.get(reverse("registry:household_list")).context["list"].lines == []
    for name in ("household", "household_correct", "household_facts", "household_resource"):
        assert client.get(reverse(f"registry:{name}", args=[pk])).status_code == 404
    for name in ("household_verify", "household_remove", "household_exit"):
        assert (
            client.post(reverse(f"registry:{name}", args=[pk]), {"version": 1, "reason": "不该"}).status_code
            == 404
        )


def test_a_cadre_enters_a_household_and_the_reviewer_verifies_it():
    cadre, reviewer = li(), zhang()
    client = cadre.client()
    assert client.get(reverse("registry:household_new")).status_code == 200
    body = {
        "village": villages()[0].pk,
        "observed_on": "2024-06-30",
        "attribute": "ordinary",
        "main_cause": "illness",
        "other_causes": ["skill"],
        "exit_attribute": "not_exited",
        "net_income_per_head_fen": "2500.50",
        "safe_water": "1",
        "m-TOTAL_FORMS": "2",
        "m-INITIAL_FORMS": "0",
        "m-0-name": "王小满",
        "m-0-relation": "head",
        "m-0-health": ["chronic"],
        "m-0-id_number": id_number(7, date(1980, 1, 2)),
        "m-0-phone": "10000001234",
        "m-1-name": "",
    }
    reply = client.post(reverse("registry:household_new"), body)
    assert reply.status_code == 302, reply.context["form"].errors
    household = Household.objects.get()
    assert household.number == f"{villages()[0].code}0001" and household.size == 1
    assert household.facts.get().net_income_per_head_fen == 250_050
    assert (
        client.post(reverse("registry:household_verify", args=[household.pk]), {"version": 1}).status_code
        == 403
    )
    address = reverse("registry:household_verify", args=[household.pk])
    assert reviewer.client().post(address, {"version": 1}).status_code == 302
    household.refresh_from_db()
    assert household.state == "verified" and household.verified_by_id == reviewer.user.pk
    assert reviewer.client().post(address, {"version": 1}).status_code == 409


def test_a_correction_keeps_sealed_values_and_goes_back_to_the_second_person():
    officer, second = wang(), wang()
    bring_in(officer, families(1))
    household = Household.objects.get()
    actions.verify_household(actor=second.actor, household_id=household.pk, version=1)
    client = officer.client()
    form = client.get(reverse("registry:household_correct", args=[household.pk]))
    assert "999999" not in form.content.decode()
    head = household.members.get(relation="head")
    sealed = bytes(head.id_sealed)
    body = {
        "version": 2,
        "observed_on": "2024-07-01",
        "attribute": "allowance",
        "main_cause": "skill",
        "exit_attribute": "not_exited",
        "net_income_per_head_fen": "3000",
        "m-TOTAL_FORMS": "4",
        "m-INITIAL_FORMS": "3",
    }
    for i, member in enumerate(household.members.order_by("id")):
        body |= {
            f"m-{i}-number": member.number,
            f"m-{i}-name": member.name,
            f"m-{i}-relation": member.relation,
            f"m-{i}-health": ["healthy"],
        }
    reply = client.post(reverse("registry:household_correct", args=[household.pk]), body)
    assert reply.status_code == 302, (reply.context["form"].errors, reply.context["members"].errors)
    household.refresh_from_db()
    head.refresh_from_db()
    assert (household.state, household.attribute, household.version) == ("entered", "allowance", 3)
    assert household.verified_by_id is None and bytes(head.id_sealed) == sealed
    assert client.post(reverse("registry:household_correct", args=[household.pk]), body).status_code == 409


def test_an_import_goes_through_its_pages_to_the_result_and_back():
    officer = wang()
    client = officer.client()
    rows = families(3)
    rows[3]["id_number"] = "12345"
    rows[0]["name"] = "=cmd|calc"
    assert client.get(reverse("registry:import_new")).status_code == 200
    upload = SimpleUploadedFile("台账.xlsx", workbook(rows))
    reply = client.post(
        reverse("registry:import_new"),
        {"area": county().pk, "observed_on": "2024-06-30", "file": upload},
    )
    assert reply.status_code == 302, reply.context["form"].errors
    batch = ImportBatch.objects.get()
    page = client.get(reverse("registry:import", args=[batch.pk]))
    assert page.status_code == 200 and "999999" not in page.content.decode()
    columns = {f"column-{k}": v for k, v in batch.mapping["columns"].items()}
    reply = client.post(reverse("registry:import_mapping", args=[batch.pk]), {"version": 1, **columns})
    assert reply.status_code == 302
    assert "progress" in client.get(reverse("registry:import", args=[batch.pk])).content.decode()
    assert client.get(reverse("registry:import_progress", args=[batch.pk])).status_code == 200
    check_import(batch.pk)
    assert client.get(reverse("registry:import_progress", args=[batch.pk]))["HX-Refresh"] == "true"
    batch.refresh_from_db()
    page = client.get(reverse("registry:import", args=[batch.pk]))
    assert "应为 18 位" in page.content.decode()
    copy = client.get(reverse("registry:import_annotated", args=[batch.pk]))
    book = openpyxl.load_workbook(io.BytesIO(copy.content))
    cell = book["Sheet1"].cell(5, 8)
    assert cell.fill.start_color.rgb.endswith("FFC7CE") and "5 位" in cell.comment.text
    assert all(c.data_type != "f" for sheet in book for line in sheet.iter_rows() for c in line)
    stale = client.post(reverse("registry:import_confirm", args=[batch.pk]), {"version": 1})
    assert stale.status_code == 409
    confirm = client.post(reverse("registry:import_confirm", args=[batch.pk]), {"version": batch.version})
    assert confirm.status_code == 302
    write_import(batch.pk)
    batch.refresh_from_db()
    assert batch.state == "done" and Household.objects.count() == 2
    undo = client.post(reverse("registry:import_undo", args=[batch.pk]), {"version": batch.version})
    assert undo.status_code == 302
    assert set(Household.objects.values_list("state", flat=True)) == {"removed"}


def test_a_missing_column_is_explained_on_the_mapping_page_and_can_be_chosen():
    officer = wang()
    client = officer.client()
    from yuchang.registry.layout import OFFICIAL

    columns = [(c.name, "关系?" if c.name == "relation" else c.header) for c in OFFICIAL]
    upload = SimpleUploadedFile("a.xlsx", workbook(families(1), columns))
    client.post(
        reverse("registry:import_new"), {"area": county().pk, "observed_on": "2024-06-30", "file": upload}
    )
    batch = ImportBatch.objects.get()
    chosen = {f"column-{k}": v for k, v in batch.mapping["columns"].items()}
    address = reverse("registry:import_mapping", args=[batch.pk])
    refused = client.post(address, {"version": 1, **chosen})
    assert refused.status_code == 422 and "与户主关系" in refused.content.decode()
    assert client.post(address, {"version": 1, **chosen, "column-relation": 9}).status_code == 302
    check_import(batch.pk)
    batch.refresh_from_db()
    assert batch.counts["created"] == 1


def test_an_outsider_reaches_no_import():
    bring_in(wang(), families(1))
    pk = ImportBatch.objects.get().pk
    client = outsider().client()
    for name in ("import", "import_progress", "import_annotated"):
        assert client.get(reverse(f"registry:{name}", args=[pk])).status_code == 404
    for name in ("import_mapping", "import_confirm", "import_undo", "import_cancel"):
        assert client.post(reverse(f"registry:{name}", args=[pk]), {"version": 9}).status_code == 404


def test_every_page_speaks_english_too():
    officer, second = wang(), wang()
    bring_in(officer, families(2))
    actions.verify_households(actor=second.actor)
    client = officer.client()
    pk = Household.objects.first().pk
    for name in (
        "household_list",
        "household_new",
        "verify_queue",
        "notices",
        "notice_new",
        "objections",
        "resource_list",
        "resource_new",
        "import_list",
        "import_new",
    ):
        assert client.get(reverse(f"registry:{name}"), headers={"Accept-Language": "en"}).status_code == 200
    assert client.get(reverse("registry:household", args=[pk])).status_code == 200


def test_a_single_village_is_chosen_already_and_one_of_many_is_not(db: None) -> None:
    chosen = re.compile(r'<select name="village".*?</select>', re.S)
    address = reverse("registry:household_new")
    for person, is_chosen in ((li(), True), (wang(), False)):
        found = chosen.search(person.client().get(address).content.decode())
        assert found and ("selected" in found[0].replace('value="" selected', "")) is is_chosen, found
