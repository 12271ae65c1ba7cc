"""A fresh installation has no people: the command line makes the three administrators, and lets one in again."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests import people
from yuchang.accounts.actions.first import OPERATOR, first_administrators, let_in_again
from yuchang.accounts.models import Hat, User
from yuchang.accounts.rules import Role
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.models import AuditEntry

pytestmark = pytest.mark.django_db


def signs_in(username: str, password: str) -> bool:
    given = {"username": username, "password": password}
    return Client().post("/accounts/sign-in", given).status_code == 302


def test_each_of_the_three_gets_an_account_of_the_place_once() -> None:
    out = StringIO()
    call_command("administrators", "621221", stdout=out)
    lines = [line.split()[:2] for line in out.getvalue().splitlines()[:3]]
    assert [name for name, _password in lines] == ["system-621221", "security-621221", "audit-621221"]
    assert all(signs_in(name, password) for name, password in lines)
    hats = Hat.objects.filter(user__username__endswith="-621221", state="live", place=people.county())
    assert {hat.role for hat in hats} == {
        Role.SYSTEM_ADMINISTRATOR,
        Role.SECURITY_ADMINISTRATOR,
        Role.AUDIT_ADMINISTRATOR,
    }
    assert AuditEntry.objects.filter(action="accounts.grant_role", actor_name=OPERATOR.name).count() == 3
    before = User.objects.count()
    assert all(made.password == "" for made in first_administrators(people.county()))
    assert User.objects.count() == before


def test_an_administrator_is_let_in_again_and_nobody_else_by_this_way() -> None:
    made = first_administrators(people.county())[0]
    password = let_in_again(made.username)
    assert signs_in(made.username, password) and not signs_in(made.username, made.password)
    with pytest.raises(Invalid):
        let_in_again(people.wang().user.username)
    with pytest.raises(Hidden):
        let_in_again("nobody")


def test_an_unknown_place_is_told_how_to_be_loaded() -> None:
    with pytest.raises(CommandError, match="load_places"):
        call_command("administrators", "990000")
