"""What journeys do again and again: sign in, look for faults of access, take a picture."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from playwright.sync_api import Error, Page, Route

from config.environment import ROOT
from tests.people import Person

PASSWORD = "Yu-chang-2026"
DESKTOP, PHONE = (1440, 900), (390, 844)
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Pictures are taken when a folder is named: they cost more than the journeys.
PICTURES = os.environ.get("YUCHANG_PICTURES", "")
# Faults that keep somebody out; "moderate" and "minor" ones are hints.
SERIOUS = {"serious", "critical"}


@dataclass(frozen=True)
class Site:
    """The running platform: its address, and new windows on it."""

    url: str
    new_page: Callable[..., Page]
    allow: Callable[[str], None]

    def sign_in(self, person: Person, **window: Any) -> Page:
        """A new window in which this person has signed in through the form."""
        page = self.new_page(**window)
        sign_in(page, person)
        return page

    def public_page(self, url: str) -> Page:
        """A stranger's window on the public zone, which is another process of ours."""
        self.allow(url)
        return self.new_page()


def sign_in(page: Page, person: Person, password: str = PASSWORD) -> None:
    """Sign in through the form, after giving the person the password of all tests."""
    if not person.user.has_usable_password() or not person.user.password:
        person.user.set_password(password)
        person.user.save(update_fields=["password"])
    page.goto("/accounts/sign-in")
    page.fill("input[name=username]", person.user.username)
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_selector(".who-name", state="attached")  # on a telephone it is in the menu


def axe(page: Page) -> None:
    """No serious fault of access on the page as it stands; on the next one when it refreshes itself meanwhile.

    The script is run by the driver, so the page's content policy stays as strict as ever.
    """
    try:
        found = _run_axe(page)
    except Error as error:
        if "navigation" not in str(error):
            raise
        page.wait_for_load_state()
        found = _run_axe(page)
    faults = [
        f"{v['id']}: {v['help']} — {[n['html'][:160] for n in v['nodes'][:3]]}"
        for v in found["violations"]
        if v["impact"] in SERIOUS
    ]
    assert not faults, f"{page.url}\n" + "\n".join(faults)


def _run_axe(page: Page) -> Any:
    page.evaluate(AXE.read_text() + "; undefined")
    return page.evaluate("axe.run(document, {resultTypes: ['violations']})")


def settled(page: Page, seconds: float = 15) -> None:
    """Wait until every chart of the page is drawn. Asked by the driver: the page itself may not evaluate text."""
    drawn = "[...document.querySelectorAll('.chart[data-chart]')].every(c => c.dataset.ready === 'yes')"
    for _attempt in range(int(seconds * 10)):
        if page.evaluate(drawn):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{page.url}: a chart is not drawn")


def fits(page: Page) -> None:
    """Nothing sticks out sideways: the page scrolls in one direction only. Charts may take a moment to shrink."""
    for _attempt in range(30):
        width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        if width[0] <= width[1] + 1:
            return
        page.wait_for_timeout(100)
    assert width[0] <= width[1] + 1, f"{page.url} is {width[0]} wide in a window of {width[1]}"


def screenshot(page: Page, name: str, *, full: bool = True) -> None:
    """Pictures at desktop and phone width in the folder ``YUCHANG_PICTURES``; without one nothing."""
    if not PICTURES:
        return
    Path(PICTURES).mkdir(parents=True, exist_ok=True)
    for word, (width, height) in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        page.wait_for_timeout(150)
        page.screenshot(path=Path(PICTURES) / f"{name}-{word}.png", full_page=full)


def check(page: Page, name: str = "") -> None:
    """Access at desktop width, no sideways scrolling on a phone; a picture when a name is given."""
    settled(page)
    axe(page)
    page.set_viewport_size({"width": 360, "height": 800})
    fits(page)
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    if name:
        screenshot(page, name)


def answer_file(route: Route, address: str) -> None:
    """A window without a server asks for a file of ours: here it is, or not found."""
    path = finders.find(address.removeprefix(settings.STATIC_URL).split("?")[0])
    body = Path(str(path)).read_bytes() if path else b""
    kind = mimetypes.guess_type(address.split("?")[0])[0] or "application/octet-stream"
    route.fulfill(body=body, content_type=kind, status=200 if path else 404)
