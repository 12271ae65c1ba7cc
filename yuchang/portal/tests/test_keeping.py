"""A public page is made once for all who ask within a moment; nothing of one visitor is shown to another."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import RequestFactory
from django.utils import translation

from yuchang.portal.views import keeping

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    settings.ZONE, settings.PUBLIC_PAGE_SECONDS = "public", 60
    monkeypatch.setattr(keeping, "kept", keeping.Kept())
    return []


def ask(made: list[str], address: str, *, status: int = 200, method: str = "get") -> HttpResponse:
    @keeping.kept_a_moment
    def view(request: HttpRequest) -> HttpResponse:
        made.append(address)
        page = engines["django"].from_string("<form>{% csrf_token %}</form>渔场")
        return HttpResponse(page.render({}, request), status=status)

    return view(getattr(RequestFactory(), method)(address))


def test_a_page_asked_for_twice_is_made_once_and_each_visitor_has_a_token_of_its_own(made: list[str]) -> None:
    pages = [ask(made, "/counties/621221000000").content for _ in range(2)]
    tokens = {re.search(rb'value="([A-Za-z0-9]{64})"', page)[1] for page in pages}  # type: ignore[index]
    assert len(made) == 1 and len(tokens) == 2
    assert len({re.sub(rb'value="[^"]*"', b"", page) for page in pages}) == 1


def test_another_address_language_and_a_page_that_is_not_there_are_made_anew(made: list[str]) -> None:
    ask(made, "/a"), ask(made, "/a?after=1")
    with translation.override("en"):
        ask(made, "/a")
    ask(made, "/b", status=404), ask(made, "/b", status=404)
    ask(made, "/a", method="post")
    assert made == ["/a", "/a?after=1", "/a", "/b", "/b", "/a"]


def test_nothing_is_kept_inside_nor_for_no_time_nor_more_than_a_few_hundred_pages(
    made: list[str], settings: Any
) -> None:
    for n in range(keeping.MOST + 10):
        ask(made, f"/{n}")
    assert len(keeping.kept._pages) == keeping.MOST
    for zone, seconds in (("inside", 60), ("public", 0)):
        settings.ZONE, settings.PUBLIC_PAGE_SECONDS = zone, seconds
        made.clear()
        ask(made, "/x"), ask(made, "/x")
        assert len(made) == 2
