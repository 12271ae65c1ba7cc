"""The windows: lists that are kept and taken along, a household's own page, who stands out, tallies of busy tables."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest
from django.test import RequestFactory
from python_calamine import load_workbook

from tests import people
from tests.people import person
from yuchang.accounts.models import RoleGrant
from yuchang.accounts.rules import Role
from yuchang.core.lists import listing, moved, number
from yuchang.core.models import AuditEntry, TallyDelta
from yuchang.core.tallies import fold, recount
from yuchang.places.models import Place
from yuchang.procedures.models import Case
from yuchang.registry.models import Household
from yuchang.workbench.help import GENERAL, PAGES, help_for
from yuchang.workbench.models import SavedView
from yuchang.workbench.queries.sources import HOUSEHOLDS_KEY, HOUSEHOLDS_TALLY
from yuchang.workbench.queries.tallied import BUSY, CAUSES, PAID
from yuchang.workbench.rules import outliers
from yuchang.workbench.tests.scene import Scene, build_scene


def test_a_kept_filter_is_its_owners_alone(db: None) -> None:
    one, other = people.wang(), people.wang()
    given = {"page": "registry.households", "name": "待核实", "query": "state=entered", "next": "/registry/"}
    assert one.client().post("/saved-views", given)["Location"] == "/registry/"
    row = SavedView.objects.get()
    assert "待核实" in one.client().get("/registry/").content.decode()
    assert f"/saved-views/{row.pk}/forget" not in other.client().get("/registry/").content.decode()
    assert other.client().post(f"/saved-views/{row.pk}/forget").status_code == 404
    assert (
        one.client().post("/saved-views", {**given, "next": "https://elsewhere.example/"})["Location"] == "/"
    )
    assert one.client().post(f"/saved-views/{row.pk}/forget").status_code == 302
    assert not SavedView.objects.exists()


def test_an_export_holds_exactly_the_rows_and_columns_shown(db: None) -> None:
    build_scene(households=6)
    client = people.wang().client()
    address = "/registry/?state=listed&cols=head&cols=number"
    shown = client.get(address).context["list"]
    answer = client.get(f"{address}&export=xlsx")
    rows = load_workbook(BytesIO(b"".join(answer.streaming_content))).get_sheet_by_index(0).to_python()
    found = [row[:2] for row in rows if row[0] and row[1]]
    assert found[0] == ["户主", "户编号"]
    assert found[1:] == [[cell.text for cell in line] for line in shown.lines]
    entry = AuditEntry.objects.filter(action="list.export").latest("id")
    assert entry.object_id == "registry.households"


def test_columns_stand_in_the_order_chosen_on_the_page_and_in_the_export(db: None) -> None:
    build_scene(households=3)
    client = people.wang().client()
    asked = "/registry/?state=listed&cols=number&cols=head&cols=nonsense"
    shown = client.get(asked).context["list"]
    assert [c.key for c in shown.shown] == ["number", "head"]
    assert [c.key for c, is_shown in shown.choices][:2] == ["number", "head"]
    answer = client.get(f"{asked}&export=xlsx")
    rows = load_workbook(BytesIO(b"".join(answer.streaming_content))).get_sheet_by_index(0).to_python()
    assert ["户编号", "户主"] in [row[:2] for row in rows]
    by_button = client.get(f"{asked}&move=head:up")
    found = by_button.context["list"]
    assert [c.key for c in found.shown] == ["head", "number"]
    assert "cols=head&cols=number" in found.query and "move" not in found.query + found.address(size=20)
    assert b'<details class="drop" open>' in by_button.content and "arrange" not in found.query
    assert moved(["a", "b"], "a:up") == ["a", "b"] == moved(["a", "b"], "c:down")


def test_an_export_prints_on_pages_with_heads_and_money_with_two_decimals(db: None) -> None:
    build_scene(households=6)
    answer = people.wang().client().get("/exchange/postings?export=xlsx")
    sheet = openpyxl.load_workbook(BytesIO(b"".join(answer.streaming_content))).worksheets[0]
    lines = [list(row) for row in sheet.iter_rows(values_only=True)]
    top = next(number for number, line in enumerate(lines) if "底线（元）" in line)
    price = sheet.cell(top + 2, lines[top].index("底线（元）") + 1)
    assert price.number_format == "#,##0.00"
    assert sheet.print_title_rows == f"$1:${top + 1}" and sheet.auto_filter.ref.startswith(f"A{top + 1}:")


def test_an_export_says_the_unit_of_every_number_whose_rows_differ_in_it(
    db: None, rf: RequestFactory
) -> None:
    build_scene(households=1)
    kilograms = number("quantity", "数量", lambda row: row.size, unit=lambda row: "公斤")
    found = listing(rf.get("/"), Household.objects.all(), [kilograms], name="a", label="a")
    assert found.workbook_heads == ["数量", "计量单位"]
    assert list(found.everything()) == [[row.size, "公斤"] for row in found.page.items]


def test_without_the_right_to_export_the_address_shows_the_page(db: None) -> None:
    build_scene()
    answer = people.auditor().client().get("/registry/?export=xlsx")
    assert answer["Content-Type"].startswith("text/html") and "导出所示" not in answer.content.decode()


def test_lists_sort_by_the_columns_that_say_so(db: None) -> None:
    build_scene(households=6)
    client = people.wang().client()
    days = [line[0].text for line in client.get("/monitoring/?sort=-due").context["list"].lines]
    assert days and days == sorted(days, reverse=True)
    assert client.get("/monitoring/?sort=nonsense").status_code == 200


def of_household(scene: Scene) -> people.Person:
    """Somebody of the household, signed in by telephone."""
    found = person("本户", Role.VILLAGE_CADRE, place=scene.village)
    found.user.role_grants.all().delete()
    found.user.role_grants.create(
        role=Role.HOUSEHOLD, scope_kind="household", target_id=scene.household.pk, valid_from=people.FROM
    )
    return found


def test_a_household_sees_itself_alone_and_may_appeal_once(db: None) -> None:
    scene = build_scene()
    client = of_household(scene).client()
    assert client.get("/")["Location"] == "/mine"
    assert "512" in client.get("/mine").content.decode()
    assert client.get(f"/mine?household={scene.households[0].pk}").status_code == 404
    assert client.get("/registry/").status_code == 403
    said = {"household": scene.household.pk, "text": "人口记错了"}
    assert client.post("/mine/appeal", said).status_code == 302
    case = Case.objects.get(code="appeal")
    assert case.subject_id == scene.household.pk and "人口记错了" in case.title
    assert client.post("/mine/appeal", said).status_code == 409
    assert client.post("/mine/appeal", {**said, "text": " "}).status_code == 422
    assert client.post("/mine/appeal", {**said, "household": scene.households[0].pk}).status_code == 404
    assert people.li(scene.village).client().post("/mine/appeal", said).status_code == 403


def test_busy_tables_and_their_tallies_agree_before_and_after_folding(db: None) -> None:
    build_scene()
    assert TallyDelta.objects.exists()
    for _moment in range(2):
        for table, subject, key, amount, where in BUSY:
            assert recount(table, subject, key, amount, where) == [], table
            if subject == PAID:
                assert recount(table, f"{subject}@county", key, amount, where) == []
        counted = (HOUSEHOLDS_TALLY, HOUSEHOLDS_KEY), (CAUSES, "coalesce(main_cause, '')")
        for subject, key in counted:
            where = "state <> 'removed'" if subject == CAUSES else "true"
            assert recount("registry_household", f"{subject}@county", key, where=where) == []
        fold()
    assert not TallyDelta.objects.exists()


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({1: (1, 10), 2: (1, 10), 3: (1, 10), 4: (8, 10)}, [4]),
        ({1: (1, 10), 2: (1, 10), 3: (8, 10)}, []),  # nothing to compare with
        ({1: (1, 10), 2: (1, 10), 3: (1, 10), 4: (8, 9)}, []),  # too small to say
        ({1: (10, 100), 2: (11, 100), 3: (12, 100), 4: (19, 100)}, []),  # less than ten points
        ({1: (0, 50), 2: (0, 50), 3: (0, 50), 4: (20, 50), 5: (30, 50)}, [5, 4]),
    ],
)
def test_who_stands_out(parts: dict[int, tuple[int, int]], found: list[int]) -> None:
    assert [o.key for o in outliers(parts)] == found


def test_help_finds_the_closest_page() -> None:
    assert help_for("workbench:household") is PAGES["workbench:household"]
    assert help_for("exchange:match") is PAGES["exchange:"]
    assert help_for("no such page") is GENERAL


def test_what_was_new_is_said_where_it_is_known_and_nowhere_else(db: None) -> None:
    """Comparisons are counted by county: a village's "none last month" would be made up."""
    build_scene()
    said = "上月新增"
    assert said in people.wang().client().get("/").content.decode()
    for below in (people.li(), people.zhang()):
        assert said not in below.client().get("/").content.decode()


LEVELS = {
    Role.VILLAGE_CADRE: "village",
    Role.TOWNSHIP_REVIEWER: "township_id",
    Role.COUNTY_OFFICER: "county_id",
    Role.PREFECTURE_OFFICER: "prefecture_id",
    Role.PROVINCE_OFFICER: "province_id",
    Role.PLATFORM_OPERATOR: "county_id",
}


@pytest.mark.parametrize("first", LEVELS)
@pytest.mark.parametrize("second", LEVELS)
def test_who_has_two_posts_has_a_home_whichever_came_first(first: Role, second: Role, db: None) -> None:
    """A deputy comes first among the hats: a reviewer who stands in for a cadre works in the township still."""
    village = people.villages()[0]
    places = [village if LEVELS[r] == "village" else getattr(village, LEVELS[r]) for r in (first, second)]
    keys = [place if isinstance(place, int) else place.pk for place in places]
    user = person("兼任", first, place=Place.objects.get(pk=keys[0]))
    RoleGrant.objects.create(
        user=user.user, role=second, scope_kind="place", place_id=keys[1], valid_from=people.FROM
    )
    client = user.client()
    assert client.get("/").status_code == 200
    assert client.get("/dashboard").status_code == (403 if not user.actor.may("monitoring.read") else 200)
