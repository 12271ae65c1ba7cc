"""One household on one page, and a dashboard whose figures open their lists, in a browser."""

from __future__ import annotations

import pytest

from tests import people
from tests.journeys.helpers import Site, check, settled
from yuchang.workbench.tests.scene import build_scene

pytestmark = pytest.mark.journey


def test_the_household_page_tells_the_whole_story(site: Site) -> None:
    scene = build_scene()
    page = site.sign_in(people.li(scene.village))
    page.goto(f"/households/{scene.household.pk}")
    settled(page)
    story = page.inner_text("#story")
    for word in ("核桃", "收入低于监测线"):
        assert word in story
    money = page.locator("#story li[data-kind=money]")
    assert money.count() == 1
    page.click("button[data-filter=money]")
    assert page.locator("#story > li:visible").count() == 1
    page.click("button[data-filter='']")
    check(page, "household")


def test_a_neighbour_county_sees_a_page_that_helps_and_no_household(site: Site) -> None:
    scene = build_scene()
    page = site.sign_in(people.outsider())
    page.goto(f"/households/{scene.household.pk}")
    assert "没有找到" in page.inner_text("h1") and "怎么办" in page.inner_text("main")
    check(page, "not-found")


def test_figures_of_the_dashboard_open_their_lists(site: Site) -> None:
    build_scene()
    page = site.sign_in(people.wang())
    page.goto("/dashboard")
    check(page, "dashboard")
    for name in ("households", "overdue", "paid", "agreed_value"):
        page.goto("/dashboard")
        figure = page.locator(f"[data-figure='{name}']")
        value = figure.get_attribute("data-value")
        figure.click()
        assert page.get_attribute("[data-total]", "data-total") == value
        check(page)
