"""The access matrix, generated from the URLconf: address × method × visitor × own or neighbour's object.

Every cell is run with a valid body against seeded objects. A permitted cell must succeed; a refused one
must answer 403, 404 or the way to the sign-in page, and must leave every table as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from tests.access.cells import ANYONE, CELLS, Cell
from tests.access.urlconf import Address, addresses
from tests.access.world import BODIES, World, build_world

pytestmark = pytest.mark.xdist_group("matrix")
METHODS = ("GET", "POST")
ALL = sorted({a.name: a for a in addresses()}.values(), key=lambda a: a.name)
# Tables that signing in, counting failures or keeping a session may touch.
NOT_BUSINESS = ("django_session", "axes_")


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield build_world()
        transaction.set_rollback(True)


def written_tables() -> dict[str, int]:
    """Rows inserted, changed or removed by the present transaction, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables")
        return {
            name: count for name, count in cursor.fetchall() if count and not name.startswith(NOT_BUSINESS)
        }


def checksum() -> list[Any]:
    """A sum over every row of every business table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        names = [n for (n,) in cursor.fetchall() if not n.startswith((*NOT_BUSINESS, "places_", "django_"))]
        parts = [f"SELECT '{n}', count(*), sum(hashtext(t::text)::bigint) FROM \"{n}\" t" for n in names]
        cursor.execute(" UNION ALL ".join(parts))
        return cursor.fetchall()


def call(client: Client, address: Address, method: str, world: World, side: str) -> Any:
    kwargs = world.kwargs(address, side)
    url = reverse(address.name, kwargs=kwargs)
    if method == "GET":
        return client.get(url + world.query(address, side))
    body = BODIES[address.name](getattr(world, side)) if address.name in BODIES else {}
    return client.post(url, body)


def is_refusal(response: Any) -> bool:
    if response.status_code in (403, 404, 405):
        return True
    return response.status_code == 302 and "/accounts/sign-in" in response["Location"]


def outcome(world: World, address: Address, method: str, visitor: str, side: str) -> tuple[bool, Any, bool]:
    """(refused, response, anything written), with every effect undone afterwards."""
    client = world.client(visitor)
    with transaction.atomic():
        before = written_tables()
        response = call(client, address, method, world, side)
        touched = written_tables() != before
        if not is_refusal(response):
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
    return is_refusal(response), response, touched


def refused_but_wrote(world: World, address: Address, method: str, visitor: str, side: str) -> bool:
    """Counters also count what was rolled back: look at the rows themselves."""
    with transaction.atomic():
        before = checksum()
        call(world.client(visitor), address, method, world, side)
        wrote = checksum() != before
        transaction.set_rollback(True)
    return wrote


def declared(address: Address, method: str) -> Cell | None:
    return CELLS.get((address.name, method))


@pytest.mark.parametrize("address", ALL, ids=lambda a: a.name)
def test_every_view_declares_what_it_needs(address: Address) -> None:
    if address.name == "core:set_language":
        return  # Django's own view, below accounts
    assert address.permission, f"{address.name} has no @gate"
    assert any(declared(address, m) for m in METHODS), f"{address.name} has no cell in tests/access/cells.py"


def test_no_cell_names_an_address_that_is_gone() -> None:
    names = {a.name for a in ALL}
    assert not [key for key in CELLS if key[0] not in names]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("address", ALL, ids=lambda a: a.name)
def test_each_cell(address: Address, method: str, world: World) -> None:
    cell = declared(address, method)
    faults = []
    for visitor in world.visitors:
        for side in ("own", "neighbour"):
            allowed = cell is not None and visitor in (cell.own if side == "own" else cell.neighbour)
            refused, response, touched = outcome(world, address, method, visitor, side)
            where = f"{visitor} on {side}: {response.status_code}"
            if allowed and refused:
                faults.append(
                    f"{where}, should be allowed: {response.content.decode()[-600:] if visitor != ANYONE else ''}"
                )
            elif allowed and response.status_code not in (200, 201, 202, 204, 302, 303):
                faults.append(f"{where}, a valid request should succeed: {response.content.decode()[-600:]}")
            elif not allowed and not refused:
                faults.append(f"{where}, should be refused")
            elif not allowed and touched and refused_but_wrote(world, address, method, visitor, side):
                faults.append(f"{where}, refused but changed a table")
            elif allowed and method == "POST" and cell and not touched and address.name in world.must_write:
                faults.append(f"{where}, said yes but wrote nothing: the body is not valid")
    assert not faults, f"{address.name} {method}\n" + "\n".join(faults)


@pytest.mark.parametrize("address", ALL, ids=lambda a: a.name)
def test_no_address_takes_other_methods(address: Address, world: World) -> None:
    for method in ("put", "patch", "delete"):
        with transaction.atomic():
            url = reverse(address.name, kwargs=world.kwargs(address, "own"))
            response = getattr(world.client("officer"), method)(url)
            transaction.set_rollback(True)
        assert is_refusal(response), f"{address.name} answers {method} with {response.status_code}"
