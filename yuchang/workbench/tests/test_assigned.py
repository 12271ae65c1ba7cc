"""A helper's home, and a work team's once households are assigned, count these households and no others."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import people, things
from yuchang.accounts.models import Assignment, RoleGrant, ScopeItem
from yuchang.accounts.rules import Role
from yuchang.monitoring.models import Alert
from yuchang.places.models import Place, keys_of
from yuchang.registry.models import Household
from yuchang.workbench.queries.figures import Selection, number_of, rows_of, value_of
from yuchang.workbench.queries.sources import SOURCES
from yuchang.workbench.tests.scene import Scene, build_scene
from yuchang.workbench.tests.test_figures import TOTAL, figures_in

pytestmark = pytest.mark.django_db


def assign(person: people.Person, households: list[int], place: Place) -> None:
    """Households for a helper, from of old."""
    work = Assignment.objects.create(
        title="结对帮扶",
        role="helper",
        user=person.user,
        valid_from=people.FROM,
        place=place,
        **keys_of(place),
    )
    for number in households:
        people.opened("assignment", work.pk, number)


def every_figure_is_its_list(person: people.Person) -> dict[str, int]:
    """The figures of the home page by name; each opens a list of exactly its count."""
    client = person.client()
    html = client.get("/").content.decode()
    found = figures_in(html)
    assert len(found) >= 4
    for name, href, value in found:
        total = TOTAL.search(client.get(href).content.decode())
        assert total and int(total[1]) == value, (name, href, value, total and total[0])
    return {name: value for name, _href, value in found}


def helper(scene: Scene, role: Role = Role.HELPER) -> people.Person:
    """韩帮扶, to whom two of the seven households are assigned, one of them with an overdue alert."""
    found = people.person("韩帮扶", role, place=scene.village)
    assign(found, [scene.household.pk, scene.households[0].pk], scene.village)
    return found


def test_a_helpers_home_counts_the_assigned_households_only() -> None:
    scene = build_scene()
    han = helper(scene)
    values = every_figure_is_its_list(han)
    assert values["households"] == 2 and values["alerts"] == 2 and values["overdue"] == 1
    assert values["visits"] == 2
    html = han.client().get("/").content.decode()
    shown = [row.pk for row in Household.objects.all() if f'href="/households/{row.pk}"' in html]
    assert sorted(shown) == sorted([scene.household.pk, scene.households[0].pk])


def test_a_work_team_counts_its_village_until_households_are_assigned() -> None:
    scene = build_scene()
    team = people.team_member(scene.village)
    before = every_figure_is_its_list(team)
    assert before["alerts"] == before["visits"] == 5
    assign(team, [scene.households[0].pk], scene.village)
    after = every_figure_is_its_list(team)
    assert after["alerts"] == after["visits"] == 1 and after["offers"] == 0


def test_an_officer_who_also_helps_counts_the_county_and_the_household_beyond_it() -> None:
    scene = build_scene()
    beyond = things.household(people.villages(people.WEN)[0], name="外县户", state="listed")
    officer = people.wang()
    assign(officer, [beyond.pk, scene.household.pk], scene.village)
    today = timezone.localdate()
    for name in ("households", "listed", "alerts", "overdue", "households_paid"):
        item, actor = SOURCES[name], officer.actor
        for chosen in (Selection(), Selection(mine=True), Selection(place=scene.county)):
            rows = rows_of(item, actor, today, chosen)
            assert number_of(item, actor, today, chosen) == value_of(item, rows), (name, chosen)
    assert number_of(SOURCES["households"], officer.actor, today, Selection()) == 8


def test_single_households_open_no_figures_of_their_place() -> None:
    scene = build_scene()
    work = Assignment.objects.create(
        title="结对帮扶",
        role="helper",
        user=people.li(scene.village).user,
        valid_from=people.FROM,
        place=scene.village,
        **keys_of(scene.village),
    )
    people.opened("assignment", work.pk, scene.household.pk)
    client = people.helper(work.pk).client()
    for address in ("/dashboard", "/wall", "/flows"):
        answer = client.get(address)
        assert "data-figure" not in answer.content.decode() and answer.status_code in (200, 403, 404), address
    assert client.get(f"/dashboard?place={scene.county.pk}").status_code == 404
    assert every_figure_is_its_list(people.helper(work.pk))["households"] == 1


def test_an_assignment_that_has_ended_counts_nothing_and_another_helpers_list_stays_closed() -> None:
    scene = build_scene()
    han, other = helper(scene), people.person("别的帮扶", Role.HELPER, place=scene.village)
    ScopeItem.objects.filter(object_id=scene.household.pk).update(valid_to=people.FROM)
    assert every_figure_is_its_list(han)["households"] == 1
    total = TOTAL.search(other.client().get("/figures/households?mine=1").content.decode())
    assert total and total[1] == "0"
    assert people.administrator().client().get("/figures/households?mine=1").status_code == 403


def test_the_map_of_visits_draws_known_villages_and_says_which_stand_at_the_county() -> None:
    scene = build_scene()
    next_one = next(v for v in people.villages() if v != scene.village and v.county_id == scene.county.pk)
    away = Alert.objects.filter(pk=scene.alerts[-1].pk)
    away.update(place=next_one, **keys_of(next_one))
    Place.objects.filter(pk=scene.village.pk).update(longitude=105.7, latitude=33.7)
    of_team = people.team_member(scene.village)
    RoleGrant.objects.create(
        user=of_team.user, role=Role.WORK_TEAM, scope_kind="place", place=next_one, valid_from=people.FROM
    )
    html = of_team.client().get("/").content.decode()
    assert "今天要走访的" in html and "1 个村没有登记坐标" in html
    assert f"at-{scene.county.code}" in html and f"at-{scene.village.code}" in html
    Place.objects.filter(pk=next_one.pk).update(longitude=105.8, latitude=33.8)
    html = of_team.client().get("/").content.decode()
    assert "没有登记坐标" not in html and "105.8" in html


def test_whoever_visits_one_village_has_a_list_and_no_map_with_a_dot() -> None:
    scene = build_scene()
    Place.objects.filter(pk=scene.village.pk).update(longitude=105.7, latitude=33.7)
    html = people.li(scene.village).client().get("/").content.decode()
    assert "今天要走访的" in html and "走访地图" not in html
    assert "今天要走访的" not in people.li(people.villages()[-1]).client().get("/").content.decode()


def test_the_home_of_a_visitor_costs_the_same_for_few_and_many_households() -> None:
    scene = build_scene()
    client = helper(scene).client()
    client.get("/")
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/").status_code == 200
        counts.append(len(caught))
        work = Assignment.objects.get()
        for i in range(20):
            row = things.household(scene.village, name=f"更多户{i}", state="listed")
            people.opened("assignment", work.pk, row.pk)
    assert counts[0] == counts[1]
