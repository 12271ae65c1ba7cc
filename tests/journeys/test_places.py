"""Finding a place with the keyboard, reading its page, and going down the map."""

from __future__ import annotations

import pytest

from tests import people
from tests.journeys.helpers import Site, check
from tests.people import CHENG

pytestmark = [pytest.mark.journey, pytest.mark.nightly]


def test_a_cadre_finds_the_county_with_the_keyboard_alone(site: Site) -> None:
    page = site.sign_in(people.li())
    page.goto("/places/")
    page.keyboard.type("cx")  # the search box has the focus
    page.wait_for_selector("#found >> text=甘肃省陇南市成县")
    assert page.url.endswith("q=cx")
    check(page, "places-search")
    page.fill("#place-search", "成县")
    page.wait_for_selector("#found tbody tr:first-child >> text=甘肃省陇南市成县")
    page.press("#place-search", "ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/places/{int(CHENG)}")
    assert page.inner_text("h1") == "成县"
    page.wait_for_selector("text=徽县")
    check(page, "place")


def test_the_map_leads_from_the_country_to_a_county(site: Site) -> None:
    page = site.sign_in(people.wang())
    page.goto("/places/map")
    page.wait_for_selector("#places-map[data-drawn=package] canvas")
    assert "没有审图号" in page.inner_text("#places-map-note")
    check(page, "map-country")
    page.click("table >> text=甘肃省")
    page.wait_for_selector("#places-map[data-drawn=package] canvas")
    check(page, "map-province")
    page.goto("/places/map?area=621200")
    page.wait_for_selector("#places-map[data-drawn=package] canvas")
    check(page, "map-prefecture")
    page.click("table >> text=成县")
    page.wait_for_url(f"**/places/{int(CHENG)}")
