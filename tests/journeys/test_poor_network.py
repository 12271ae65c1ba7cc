"""On a telephone, on a poor line: the search comes first, what was typed is not lost, nothing is written twice."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests import people
from tests.journeys.helpers import Site, axe, fits
from yuchang.accounts.rules import SYSTEM
from yuchang.exchange.actions import sync_categories
from yuchang.workbench.models import SavedView


def test_a_telephone_shows_the_search_and_opens_the_other_filters_at_a_press(site: Site) -> None:
    page = site.sign_in(people.wang(), size=(360, 740))
    other = ".filters > div:not(.wide):not(:last-child) select"
    page.goto("/registry/")
    assert page.is_visible(".filters .wide input") and not page.is_visible(other)
    page.click(".more-filters")
    assert page.is_visible(other)
    axe(page)
    page.select_option(other, index=1)
    page.click(".filters button[type=submit]")
    page.wait_for_url("**?*")
    assert page.is_visible(other)


def test_what_was_typed_survives_a_broken_line_and_is_written_once(site: Site) -> None:
    page = site.sign_in(people.wang(), size=(360, 740))
    page.goto("/registry/?state=listed")

    def fill() -> None:
        page.click("summary:has-text('常用筛选')")
        page.fill("input[name=name]", "已纳入的")

    fill()
    page.context.set_offline(True)
    page.click(".drop-form button")
    assert "没有网络，没有送出" in page.inner_text("#no-network")
    assert page.input_value("input[name=name]") == "已纳入的"
    axe(page)
    page.context.set_offline(False)

    def arrive_without_answer(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    page.route("**/saved-views", arrive_without_answer, times=1)
    page.click(".drop-form button")
    page.wait_for_url("chrome-error://**")
    assert SavedView.objects.count() == 1
    page.goto("/registry/?state=listed")
    assert page.input_value("input[name=name]") == "已纳入的"
    assert "找回来了" in page.inner_text("#no-network")
    page.click(".drop-form button")
    page.wait_for_selector("text=没有再写一次")
    assert SavedView.objects.count() == 1
    fits(page)


def test_a_category_that_was_picked_comes_back_with_the_draft(site: Site) -> None:
    sync_categories(actor=SYSTEM)
    page = site.sign_in(people.li(), size=(360, 740))
    page.goto("/registry/resources/new")
    box = "[role=combobox]"
    page.fill(box, "核桃")
    page.click("[role=option] >> nth=0")
    picked = page.input_value(box)
    assert "核桃" in picked
    page.fill("input[name=quantity]", "300")
    page.route("**/registry/resources/new", lambda route: route.abort(), times=1)
    page.click("main form button[type=submit]")
    page.wait_for_url("chrome-error://**")
    page.goto("/registry/resources/new")
    expect(page.locator(box)).to_have_value(picked)
    assert page.input_value("input[name=quantity]") == "300"
