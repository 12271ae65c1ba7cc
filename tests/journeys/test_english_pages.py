"""Every page that any role reaches, in English, has no fault of access. The Chinese ones are in the journeys.

The pages are asked of the test client and shown to the browser as answers of a made-up host: one browser,
no server, no second copy of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, Route

from tests.access.cells import ANYONE
from tests.access.test_every_scope import further_visitors
from tests.access.world import World, standing_world
from tests.journeys.helpers import answer_file, axe, settled
from tests.pages import NUMBER, crawl

pytestmark = [pytest.mark.journey, pytest.mark.nightly]
HOST = "http://testserver"


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), standing_world() as made:
        made.visitors.update(further_visitors(made.own))
        yield made


def answering(client: Client, pages: dict[str, str]) -> Callable[[Route], None]:
    """What answers every request of one visitor's window."""
    return lambda route: answer(route, client, pages)


def answer(route: Route, client: Client, pages: dict[str, str]) -> None:
    """A page that was asked for already, a file of ours, or a part that a page asks for."""
    address = route.request.url.removeprefix(HOST)
    if address in pages:
        route.fulfill(body=pages[address], content_type="text/html; charset=utf-8")
    elif address.startswith(settings.STATIC_URL):
        answer_file(route, address)
    elif route.request.method == "GET" and route.request.url.startswith(HOST):
        got = client.get(address)
        body = b"".join(got) if got.streaming else got.content
        route.fulfill(status=got.status_code, body=body, content_type=got["Content-Type"])
    else:
        route.abort()


def english(client: Client, start: str, seen: set[str]) -> dict[str, str]:
    """Pages of a kind that nobody has looked at yet, by address."""
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    found = {}
    for address, html in crawl(client, start, most=70):
        kind = NUMBER.sub("#", address.split("?")[0])
        if kind not in seen or address == "/":
            seen.add(kind)
            found[address] = html
    return found


def faults(page: Page, address: str) -> str:
    page.goto(HOST + address)
    settled(page)
    try:
        axe(page)
    except AssertionError as error:
        return str(error)
    return ""


def test_every_page_that_anybody_reaches_lets_everybody_in(browser: Browser, world: World) -> None:
    seen: set[str] = set()
    found: list[str] = []
    for visitor in world.visitors:
        client = world.client(visitor)
        pages = english(client, "/" if visitor != ANYONE else "/accounts/sign-in", seen)
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page = context.new_page()
        page.route("**/*", answering(client, pages))
        found += [f"{visitor}: {told}" for address in pages if (told := faults(page, address))]
        context.close()
    assert len(seen) > 100
    assert not found, "\n".join(found)
