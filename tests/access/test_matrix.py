"""The access matrix, generated from the URLconf: address × method × visitor × own or neighbour's object.

Every cell is run with a valid body against seeded objects. A permitted cell must succeed; a refused one
must answer 403, 404 or the way to the sign-in page, and must leave every table as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import reverse

from tests.access.cells import CELLS
from tests.access.urlconf import Address, addresses
from tests.access.world import MARKUP, World, post, standing_world

pytestmark = pytest.mark.xdist_group("matrix")
METHODS = ("GET", "POST")
ALL = sorted({a.name: a for a in addresses()}.values(), key=lambda a: a.name)
# Tables that signing in, counting failures or keeping a session may touch.
NOT_BUSINESS = ("django_session", "axes_", "accounts_session")
LOG = "core_auditentry"
# What every reply says to the browser. A file is shut in even further.
GUARDS = {
    "Content-Security-Policy": ("script-src 'self';", "default-src 'none'; sandbox"),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("DENY",),
    "Referrer-Policy": ("same-origin",),
    "Cache-Control": ("no-store",),
}
# The picture of an offer, and the shape of a county: the browser may keep them, nobody on the way.
KEPT_A_WHILE = {("Cache-Control", "exchange:photo"), ("Cache-Control", "places:outline")}
# What the policy of the page would stop, and what a stored text must never become.
INLINE = re.compile(
    r"<script(?![^>]*(?: src=|application/json))[^>]*>|<[^>]+ (?:on[a-z]+|style)=|javascript:", re.I
)
# Posted forms that change no business table: signing in and out, the language, a repeated check, a page
# that shows what it was asked, an own password that was not given, a table about too few households.
WRITES_NOTHING = {
    "accounts:act_as",
    "workbench:phone_code",
    "accounts:factors_remove",
    "accounts:passkey_options",
    "accounts:password",
    "accounts:prove",
    "accounts:sign_in",
    "accounts:sign_out",
    "core:set_language",
    "publication:publish_deals",
    "publication:publish_open_data",
    "sheets:report_verify",
}


@pytest.fixture(autouse=True)
def _messages_go_out(settings: Any) -> None:
    """A number is stored where a code can reach it."""
    settings.SMS_DRIVER = "console"


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), standing_world() as made:
        yield made


# The view pg_stat_xact_user_tables tells the same in five times the time, and each cell asks twice.
WRITTEN = """
SELECT relname, rows FROM (
    SELECT relname, pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
        + pg_stat_get_xact_tuples_deleted(oid) AS rows
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
) AS counted WHERE rows > 0
"""


def written_tables() -> dict[str, int]:
    """Rows inserted, changed or removed by the present transaction, by table."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        return {name: count for name, count in cursor.fetchall() if not name.startswith(NOT_BUSINESS)}


def checksum() -> dict[str, Any]:
    """Table → a sum over all its rows. The parts come in any order: the server may read them side by side."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        names = [n for (n,) in cursor.fetchall() if not n.startswith((*NOT_BUSINESS, "places_", "django_"))]
        parts = [f"SELECT '{n}', count(*), sum(hashtext(t::text)::bigint) FROM \"{n}\" t" for n in names]
        cursor.execute(" UNION ALL ".join(parts))
        return {name: sums for name, *sums in cursor.fetchall()}


def call(world: World, address: Address, method: str, visitor: str, side: str) -> Any:
    client = world.client(visitor)
    kwargs = world.kwargs(address, side)
    url = reverse(address.name, kwargs=kwargs)
    if method == "POST":
        return post(client, address.name, url, world.body(address, side, visitor))
    return getattr(client, method.lower())(url)


def is_refusal(response: Any) -> bool:
    if response.status_code in (401, 403, 404, 405):
        return True
    # With ``next`` it is the way of a stranger; without, somebody has just signed out.
    return response.status_code == 302 and "/accounts/sign-in?next=" in response["Location"]


def outcome(
    world: World, address: Address, method: str, visitor: str, side: str
) -> tuple[bool, Any, set[str]]:
    """(refused, response, tables written), with every effect undone afterwards."""
    with transaction.atomic():
        before = written_tables()
        response = call(world, address, method, visitor, side)
        touched = {name for name, count in written_tables().items() if count != before.get(name)}
        if not is_refusal(response):
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
    return is_refusal(response), response, touched


def refused_but_wrote(world: World, address: Address, method: str, visitor: str, side: str) -> list[str]:
    """The tables changed. Counters also count what was rolled back: look at the rows themselves."""
    with transaction.atomic():
        before = checksum()
        call(world, address, method, visitor, side)
        wrote = [name for name, sums in checksum().items() if sums != before[name]]
        transaction.set_rollback(True)
    return wrote


@pytest.mark.parametrize("address", ALL, ids=lambda a: a.name)
def test_every_view_declares_what_it_needs(address: Address) -> None:
    if address.name == "core:set_language":
        return  # Django's own view, below accounts
    assert address.permission, f"{address.name} has no @gate"
    assert any((address.name, m) in CELLS for m in METHODS), (
        f"{address.name} has no cell in tests/access/cells.py"
    )


def test_no_cell_names_an_address_that_is_gone() -> None:
    names = {a.name for a in ALL}
    assert not [key for key in CELLS if key[0] not in names]


def unguarded(address: Address, response: Any) -> list[str]:
    """What a reply lacks of the headers that every page has, and scripts that stand in the page itself."""
    found = []
    for name, wanted in GUARDS.items():
        said = f"{response.get(name)};"  # a policy's directives come in any order
        if not any(part in said for part in wanted) and (name, address.name) not in KEPT_A_WHILE:
            found.append(f"{name} is {said}")
    if "html" in response.get("Content-Type", "") and not response.streaming:
        page = response.content.decode()
        found += [f"inline: {bit.group()[:60]!r}" for bit in INLINE.finditer(page)]
        found += [f"a stored text became markup: {MARKUP}"] if MARKUP in page else []
    return found


DECLARED = [(a, m) for a in ALL for m in METHODS if (a.name, m) in CELLS]
UNDECLARED = [(a, m) for a in ALL for m in (*METHODS, "PUT", "PATCH", "DELETE") if (a.name, m) not in CELLS]


def named(value: Any) -> str:
    return value.name if isinstance(value, Address) else str(value)


@pytest.mark.parametrize(("address", "method"), DECLARED, ids=named)
def test_each_cell(address: Address, method: str, world: World) -> None:
    cell = CELLS[(address.name, method)]
    faults = []
    for visitor in world.visitors:
        for side in ("own", "neighbour"):
            allowed = visitor in (cell.own if side == "own" else cell.neighbour)
            if side == "neighbour" and method == "GET" and not address.parameters:
                continue  # a list is nobody's: this would be the very same request
            refused, response, touched = outcome(world, address, method, visitor, side)
            where = f"{visitor} on {side}: {response.status_code}"
            if allowed and (refused or response.status_code not in (200, 201, 204, 302)):
                faults.append(f"{where}, a valid request should succeed")
            elif not allowed and not refused and response.status_code not in (409, 422):
                faults.append(f"{where}, should be refused")
            elif (
                not allowed and touched and (rows := refused_but_wrote(world, address, method, visitor, side))
            ):
                faults.append(f"{where}, refused but changed {rows}")
            elif allowed and method == "POST" and not touched and address.name not in WRITES_NOTHING:
                faults.append(f"{where}, said yes but wrote nothing: the body is not valid")
            elif allowed and touched and LOG not in touched:
                faults.append(f"{where}, wrote {sorted(touched)} and no audit entry")
            faults += [f"{where}, {fault}" for fault in unguarded(address, response)]
    assert not faults, f"{address.name} {method}\n" + "\n".join(faults)


@pytest.mark.parametrize(("address", "method"), UNDECLARED, ids=named)
def test_a_method_without_a_cell_is_refused(address: Address, method: str, world: World) -> None:
    for visitor in ("officer", "administrator"):
        with transaction.atomic():
            response = call(world, address, method, visitor, "own")
            transaction.set_rollback(True)
        assert is_refusal(response), (
            f"{address.name} answers {method} of the {visitor} with {response.status_code}"
        )


POSTED = [(a, CELLS[(a.name, "POST")]) for a in ALL if (a.name, "POST") in CELLS]


def test_every_write_on_a_version_refuses_another_and_none(world: World) -> None:
    """Whatever form carries a version: an older one is a conflict, none is refused, and nothing is written."""
    faults, asked = [], 0
    for address, cell in POSTED:
        visitor = cell.own[0] if cell.own else ""
        body = world.body(address, "own", visitor) if visitor else {}
        if "version" not in body:
            continue
        asked += 1
        without = {name: value for name, value in body.items() if name != "version"}
        for given, wanted in (({**body, "version": 99_999}, (409,)), (without, (409, 422))):
            status, wrote = posted(world, address, visitor, given, with_sums=False)
            if wrote:  # counters also count what was rolled back
                status, wrote = posted(world, address, visitor, given, with_sums=True)
            if status not in wanted or wrote:
                faults.append(f"{address.name} with version {given.get('version')}: {status}, wrote {wrote}")
    assert asked > 50
    assert not faults, "\n".join(faults)


def posted(
    world: World, address: Address, visitor: str, body: dict[str, Any], *, with_sums: bool
) -> tuple[int, list[str]]:
    """(status, tables changed) of a form that is sent and undone."""
    look = checksum if with_sums else written_tables
    url = reverse(address.name, kwargs=world.kwargs(address, "own"))
    with transaction.atomic():
        before: dict[str, Any] = look()
        status = post(world.client(visitor), address.name, url, body).status_code
        wrote = [name for name, found in look().items() if found != before.get(name)]
        transaction.set_rollback(True)
    return status, wrote


# Digits that stand alone: an identity number with its day of birth, a telephone, one as the tests make them.
NUMBERS = (
    r"(^|[^0-9a-fA-F.])([1-9]\d{5}(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[0-9X]"
    r"|1[3-9]\d{9}|1000000\d{4})([^0-9a-fA-F.]|$)"
)


def test_no_number_that_names_a_person_stands_in_the_clear_in_any_table(world: World) -> None:
    """Imports, staged rows, exports, messages, contacts and logs of the whole world: a dump shows none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        parts = [
            f"SELECT '{name}', count(*), min(t::text) FROM \"{name}\" t WHERE t::text ~ %(numbers)s"
            for (name,) in cursor.fetchall()
            if not name.startswith(("places_", "django_"))
        ]
        cursor.execute(" UNION ALL ".join(parts), {"numbers": NUMBERS})
        found = {name: (count, row) for name, count, row in cursor.fetchall() if count}
    assert not found
