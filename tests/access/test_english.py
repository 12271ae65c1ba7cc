"""In English no page speaks Chinese, except for what is stored: names, documents, official terms."""

from __future__ import annotations

import pytest
from django.conf import settings

from tests.access.cells import ANYONE
from tests.access.test_matrix import world  # noqa: F401 - a fixture
from tests.access.world import World
from tests.pages import crawl, stored_words, untranslated

pytestmark = [pytest.mark.xdist_group("matrix"), pytest.mark.nightly]


def test_every_page_that_anybody_reaches_is_in_english(world: World) -> None:  # noqa: F811
    stored = stored_words()
    found: dict[str, str] = {}
    pages = 0
    for visitor in world.visitors:
        client = world.client(visitor)
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        for address, html in crawl(client, "/" if visitor != ANYONE else "/accounts/sign-in", most=120):
            pages += 1
            found |= {word: f"{visitor} {address}" for word in untranslated(html, stored)}
    assert pages > 100
    assert not found, f"{len(found)} in Chinese: {dict(sorted(found.items()))}"
