"""A browser and a server for journeys: Debian's Chromium, our own pages, nothing from outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.journeys.helpers import DESKTOP, Site

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
    # Whatever a page asks of another host ends here; ``Guard`` says what it was.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def chromium() -> str:
    """Where the browser is. Without one the journeys are skipped with what to do; in CI they fail."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        advice = "journeys need Chromium: apt-get install chromium fonts-noto-cjk, or set CHROMIUM=/path"
        (pytest.fail if os.environ.get("YUCHANG_REQUIRE_BROWSER") else pytest.skip)(advice)
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all journeys. Its driver keeps an event loop in this thread, which Django must allow."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    if before is not None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


class Guard:
    """Remembers which requests wanted to leave for other hosts, and what the pages complained about."""

    def __init__(self, url: str) -> None:
        self.hosts = {urlsplit(url).netloc}
        self.outside: list[str] = []
        self.complaints: list[str] = []

    def allow(self, url: str) -> None:
        """Another process of ours."""
        self.hosts.add(urlsplit(url).netloc)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self._note(request.url))
        context.on("page", lambda page: page.on("console", self._console))
        context.on("page", lambda page: page.on("pageerror", lambda e: self.complaints.append(str(e))))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self.hosts:
            self.outside.append(url)

    def _console(self, message: ConsoleMessage) -> None:
        # A refusal is a page with a status, a broken line is what some journeys try: that the browser and htmx
        # note it is no fault.
        refusals = ("the server responded with a status of 4", "Response Status Error Code 4", "net::ERR_")
        if message.type == "error" and not any(r in message.text for r in refusals):
            self.complaints.append(message.text)


@pytest.fixture
def site(browser: Browser, live_server: Any) -> Iterator[Site]:
    """The running platform. Afterwards: no request went outside, and no page complained."""
    guard = Guard(live_server.url)
    contexts: list[BrowserContext] = []

    def new_page(size: tuple[int, int] = DESKTOP, locale: str = "zh-CN") -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            timezone_id="Asia/Shanghai",
            base_url=live_server.url,
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        guard.watch(context)
        contexts.append(context)
        return context.new_page()

    yield Site(live_server.url, new_page, guard.allow)
    for context in contexts:
        context.close()
    assert not guard.outside, f"requests to other hosts: {guard.outside}"
    assert not guard.complaints, f"the pages complained: {guard.complaints}"


@pytest.fixture
def visitor(site: Site) -> Callable[..., Page]:
    """``visitor()``: a fresh browser window without any session."""
    return site.new_page
