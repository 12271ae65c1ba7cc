"""The matrix over the other kinds of scope: assignment, sample, own household, consent, and the higher levels.

``test_matrix`` declares every cell for seven visitors. Here ten more walk the same addresses, and what they
may do follows from the reviewed sentences below: without the permission of the address nobody gets in; the
work team is the cadre's equal; the levels above read both counties and write nothing; who was given single
households opens these and never a neighbour's.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests import people
from tests.access.cells import AUDITOR, CADRE, CELLS, Cell
from tests.access.test_matrix import ALL, METHODS, outcome, refused_but_wrote
from tests.access.urlconf import Address
from tests.access.world import World, standing_world
from yuchang.accounts.doors import PUBLIC, SIGNED_IN
from yuchang.accounts.models import Assignment, ScopeItem
from yuchang.accounts.rules import PERMISSIONS, Role
from yuchang.places.models import keys_of

pytestmark = pytest.mark.xdist_group("scopes")
SAMPLE = 4711
ABOVE = (Role.PREFECTURE_OFFICER, Role.PROVINCE_OFFICER)
# Where those above do a work of their own, of a shipped procedure that is everybody's.
ABOVE_TOO = {"procedures:definition_adapt"}
SINGLE = (Role.HELPER, Role.EVALUATOR, Role.HOUSEHOLD)
# Addresses about one household that the holder of a single household's scope opens, by permission and door.
OPENED = {
    Role.HELPER: {
        "workbench:household",
        "workbench:why",
        "policy:household",
        "monitoring:alert",
        "field:report",
    },
    Role.EVALUATOR: {"workbench:household", "workbench:why", "policy:household", "monitoring:alert"},
    Role.HOUSEHOLD: set[str](),
}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), standing_world() as made:
        made.visitors.clear()
        made.visitors.update(further_visitors(made.own))
        for visitor in made.visitors:
            made.client(visitor)
        yield made


def further_visitors(own: Any) -> dict[str, people.Person | None]:
    """One visitor for each further role, all of the own side."""
    work = Assignment.objects.create(
        title="结对帮扶",
        role="helper",
        user=own.substitute,
        valid_from=people.FROM,
        place=own.village,
        **keys_of(own.village),
    )
    for kind, number in (("assignment", work.pk), ("sample", SAMPLE)):
        ScopeItem.objects.create(
            scope_kind=kind,
            scope_id=number,
            object_kind="household",
            object_id=own.listed.pk,
            valid_from=people.FROM,
        )
    return {
        Role.WORK_TEAM: people.team_member(own.village),
        Role.HELPER: people.helper(work.pk),
        Role.PREFECTURE_OFFICER: people.prefecture(),
        Role.PROVINCE_OFFICER: people.province(),
        Role.BANK_OFFICER: people.banker(own.organisation.pk),
        Role.TRAINER: people.trainer(own.county),
        Role.PLATFORM_OPERATOR: people.operator(own.county),
        Role.HOUSEHOLD: people.householder(own.listed.pk),
        Role.EVALUATOR: people.evaluator(SAMPLE),
        Role.SECURITY_ADMINISTRATOR: people.security(),
        Role.AUDIT_ADMINISTRATOR: people.log_keeper(),
    }


DECLARED = [(a, m) for a in ALL for m in METHODS if (a.name, m) in CELLS and not a.name.startswith("api:")]


def expected(role: Role, address: Address, method: str, side: str, cell: Cell) -> bool | None:
    """Whether the role gets in; None where the sentences above do not say."""
    permission = address.permission
    if permission not in (None, PUBLIC, SIGNED_IN) and permission not in PERMISSIONS[role]:
        return False
    allowed = cell.own if side == "own" else cell.neighbour
    if role == Role.WORK_TEAM and address.name.split(":")[0] not in (
        "messages",
        "files",
        "accounts",
        "field",
    ):
        return CADRE in allowed
    if role in ABOVE and permission in PERMISSIONS[role] and method == "GET":
        return AUDITOR in allowed or address.name in ABOVE_TOO
    if role in SINGLE and address.parameters and address.permission not in (None, PUBLIC, SIGNED_IN):
        if side == "neighbour" and AUDITOR in cell.neighbour and cell.own != cell.neighbour:
            return False
        if side == "own" and address.name in OPENED[role] and method == "GET":
            return True
    return None


def asked_by_day(world: World, address: Address, method: str) -> list[str]:
    """Everybody whose role opens the address, and one of those before its closed gate, in turn."""
    if address.permission in (None, PUBLIC, SIGNED_IN):
        return list(world.visitors)
    inside = [n for n in world.visitors if address.permission in PERMISSIONS[Role(n)]]
    outside = [n for n in world.visitors if n not in inside]
    turn = zlib.crc32(f"{address.name} {method}".encode())
    return [*inside, *([outside[turn % len(outside)]] if outside else [])]


@pytest.mark.parametrize(("address", "method"), DECLARED, ids=lambda v: getattr(v, "name", v))
def test_each_cell(address: Address, method: str, world: World) -> None:
    walk(world, address, method, asked_by_day(world, address, method))


@pytest.mark.nightly
@pytest.mark.parametrize(("address", "method"), DECLARED, ids=lambda v: getattr(v, "name", v))
def test_each_cell_with_everybody(address: Address, method: str, world: World) -> None:
    walk(world, address, method, list(world.visitors))


def walk(world: World, address: Address, method: str, names: list[str]) -> None:
    """Each of these visitors tries a cell on both sides."""
    cell, faults = CELLS[(address.name, method)], []
    for name in names:
        for side in ("own", "neighbour"):
            wanted = expected(Role(name), address, method, side, cell)
            if side == "neighbour" and wanted is False and not address.parameters:
                continue  # the same gate, asked once
            refused, response, touched = outcome(world, address, method, name, side)
            where = f"{name} on {side}: {response.status_code}"
            if response.status_code >= 500:
                faults.append(f"{where}, an error of ours")
            elif wanted is True and refused:
                faults.append(f"{where}, should get in")
            elif wanted is False and not refused and response.status_code not in (409, 422):
                faults.append(f"{where}, should be refused")
            elif refused and touched and refused_but_wrote(world, address, method, name, side):
                faults.append(f"{where}, refused but changed a table")
    assert not faults, f"{address.name} {method}\n" + "\n".join(faults)


def test_a_security_administrator_approves_and_nobody_else_of_these(world: World) -> None:
    address = next(a for a in ALL if a.name == "accounts:vet")
    let_in = {name for name in world.visitors if not outcome(world, address, "POST", name, "own")[0]}
    assert let_in == {Role.SECURITY_ADMINISTRATOR}
