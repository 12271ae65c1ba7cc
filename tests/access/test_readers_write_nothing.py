"""Who reads or keeps house never writes business: told by the code itself, whatever the pages are.

Every permission that an action of a domain requires is found in the source of the actions. The auditor may
have none of them; each of the three administrators only those that are his or her office (三员分立).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import people
from tests.access.cells import AUDITOR, CELLS
from tests.architecture.sources import ROOT
from yuchang.accounts.rules import PERMISSIONS, WITHOUT_BUSINESS, Role

ASKING = {"require", "open_door", "gate", "place_filter", "organisation_filter", "reach"}
# Read permissions that an action asks for beside one that its door requires: a token is the holder's own and
# carries no more than the holder; an order out of an agreement also takes ``market.open`` or ``market.order``.
READING = {"api.use", "market.read"}
OFFICE = {
    Role.SYSTEM_ADMINISTRATOR: {"accounts.manage", "messages.operate", "operations.read", "portal.carry"},
    Role.SECURITY_ADMINISTRATOR: {"accounts.vet"},
    Role.AUDIT_ADMINISTRATOR: set[str](),
    Role.AUDITOR: set[str](),
}
# What the auditor may post: signing in and out, the own account and inbox, a check that is only a reading.
OWN_AFFAIRS = ("accounts:", "messages:", "core:", "api:issue", "workbench:save_view", "workbench:phone_")
CHECKS = {"exchange:clearing_check", "sheets:report_verify"}


def action_files() -> Iterator[Path]:
    for path in sorted((ROOT / "yuchang").glob("*/actions*")):
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def constants(tree: ast.Module) -> dict[str, str]:
    """Names of a module that stand for one string, also several at once: ``A, B = "a", "b"``."""
    found: dict[str, str] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        pairs = (
            zip(target.elts, value.elts, strict=False)
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            else [(target, value)]
        )
        for name, text in pairs:
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[name.id] = text.value
    return found


def required() -> dict[str, set[str]]:
    """Permission → the files whose actions require it."""
    known = set().union(*PERMISSIONS.values())
    found: dict[str, set[str]] = {}
    for path in action_files():
        tree = ast.parse(path.read_text())
        names = constants(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ASKING:
                continue
            for argument in node.args:
                text = argument.value if isinstance(argument, ast.Constant) else None
                text = names.get(argument.id, "") if isinstance(argument, ast.Name) else text
                if text in known:
                    found.setdefault(str(text), set()).add(str(path.relative_to(ROOT)))
    return found


def test_the_scan_finds_the_permissions_that_writing_takes() -> None:
    found = required()
    for one in ("registry.verify", "policy.decide", "ledger.reverse", "accounts.manage", "teams.assign"):
        assert one in found, one
    assert len(found) >= 20


@pytest.mark.parametrize("role", OFFICE)
def test_a_reader_holds_no_permission_that_an_action_requires(role: Role) -> None:
    held = {p: sorted(where) for p, where in required().items() if p in PERMISSIONS[role]}
    assert not {p: where for p, where in held.items() if p not in READING | OFFICE[role]}


def test_the_office_of_an_administrator_is_no_business() -> None:
    for role, office in OFFICE.items():
        assert office <= WITHOUT_BUSINESS, role
        business = PERMISSIONS[role] - WITHOUT_BUSINESS
        assert role == Role.AUDITOR or not business, role


def test_no_cell_of_the_matrix_lets_the_auditor_post_business() -> None:
    posts = {
        name
        for (name, method), cell in CELLS.items()
        if method == "POST" and AUDITOR in (*cell.own, *cell.neighbour)
    }
    assert not {n for n in posts if not n.startswith(OWN_AFFAIRS) and n not in CHECKS}


@pytest.mark.parametrize("person", [people.auditor, people.administrator, people.security, people.log_keeper])
def test_such_a_person_may_use_none_of_them_anywhere(db: None, person: object) -> None:
    assert callable(person)
    actor = person().actor
    business = set(required()) - READING - WITHOUT_BUSINESS
    assert business and not {p for p in business if actor.may(p)}
    assert people.wang().actor.may("registry.verify")
