"""Whatever is typed into any field of any form or filter: an answer in words, never a fault of ours.

The fields are those of the valid bodies of the access matrix, and the filters that pages show. By day every
fourth field is tried with one text, another one each time, and every third page with a text in each filter at
once; at night every field and filter by itself with all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from tests.access.cells import CELLS
from tests.access.test_matrix import ALL
from tests.access.test_matrix import world as world
from tests.access.urlconf import Address
from tests.access.world import World, post

pytestmark = pytest.mark.xdist_group("matrix")
HOSTILE = (
    "'; DROP TABLE core_auditentry; --",
    "a\x00b",
    "9" * 40,
    "长" * 5_000,
    "-1",
    "NaN",
    "1e400",
    "９９",
    "9999-99-99",
    "0000-01-01",
    "%(x)s %s {0.__class__}",
    "\u202e\u0000\ufffe🦊",
    "a\r\nSet-Cookie: planted=1",
    "../../etc/passwd",
    "[" * 500,
    "",
)
FILTERS = re.compile(r'<form[^>]*method="get"[^>]*>(.*?)</form>', re.S | re.I)
NAMES = re.compile(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"')
WRITES = [a for a in ALL if (a.name, "POST") in CELLS and CELLS[(a.name, "POST")].own]
PAGES = [a for a in ALL if (a.name, "GET") in CELLS and CELLS[(a.name, "GET")].own]


def asked(world: World, address: Address, visitor: str, method: str, given: dict[str, Any]) -> str:
    """What is wrong with the answer ("": nothing). Every effect is undone."""
    url = reverse(address.name, kwargs=world.kwargs(address, "own"))
    client = world.client(visitor)
    with transaction.atomic():
        try:
            response = post(client, address.name, url, given) if method == "POST" else client.get(url, given)
        except Exception as error:  # noqa: BLE001 - the client raises what a page did not catch
            return f"{type(error).__name__}: {str(error)[:120]}"
        finally:
            transaction.set_rollback(True)
    if response.status_code >= 500:
        return str(response.status_code)
    return "a header was planted" if "planted" in response.cookies else ""


def texts(number: int, is_night: bool) -> tuple[str, ...]:
    """What the field with this number is tried with."""
    if is_night:
        return HOSTILE
    return (HOSTILE[number // 4 % len(HOSTILE)],) if number % 4 == 0 else ()


def typed(world: World, is_night: bool) -> Iterator[tuple[Address, str, str, dict[str, Any], str]]:
    """(address, visitor, field, body, text) for each field of each form."""
    number = 0
    for address in WRITES:
        visitor = CELLS[(address.name, "POST")].own[0]
        for field, value in world.body(address, "own", visitor).items():
            if hasattr(value, "read"):
                continue  # files are judged elsewhere
            number += 1
            for text in texts(number, is_night):
                body = world.body(address, "own", visitor)  # files in it can be read once only
                yield address, visitor, field, {**body, field: text}, text


@pytest.mark.parametrize("is_night", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_no_text_in_any_field_of_a_form_is_a_fault_of_ours(world: World, is_night: bool) -> None:
    faults, tried = [], 0
    for address, visitor, field, body, text in typed(world, is_night):
        tried += 1
        if fault := asked(world, address, visitor, "POST", body):
            faults.append(f"{address.name} {field}={text[:30]!r}: {fault}")
    assert tried > 100
    assert not faults, "\n".join(faults)


def filled(names: list[str], turn: int, is_night: bool) -> Iterator[dict[str, str]]:
    """What a page's filters are set to, request by request."""
    if not is_night:
        yield {name: HOSTILE[(turn + n) % len(HOSTILE)] for n, name in enumerate(names)}
        return
    for name in names:
        for text in HOSTILE:
            yield {name: text}


@pytest.mark.parametrize("is_night", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_no_text_in_any_filter_is_a_fault_of_ours(world: World, is_night: bool) -> None:
    faults, tried = [], 0
    for turn, address in enumerate(PAGES if is_night else PAGES[::3]):
        visitor = CELLS[(address.name, "GET")].own[0]
        url = reverse(address.name, kwargs=world.kwargs(address, "own"))
        page = world.client(visitor).get(url)
        if page.streaming or "html" not in page.get("Content-Type", ""):
            continue
        names = {name for form in FILTERS.findall(page.content.decode()) for name in NAMES.findall(form)}
        for given in filled(sorted(names | {"after", "before", "sort"}), turn, is_night):
            tried += len(given)
            if fault := asked(world, address, visitor, "GET", given):
                told = ", ".join(f"{name}={text[:30]!r}" for name, text in given.items())
                faults.append(f"{address.name} ?{told}: {fault}")
    assert tried > 100
    assert not faults, "\n".join(faults)
