"""Tokens: shown once, cut down from their owner's rights, ended at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import things
from tests.people import auditor, county, li, outsider, villages, wang
from yuchang.accounts.models import RoleGrant
from yuchang.api import actions, queries
from yuchang.api.models import ApiToken
from yuchang.api.tests.machines import Machine
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry

pytestmark = pytest.mark.django_db


def _issue(person, permissions=("registry.read",), days=30):
    return actions.issue_token(
        actor=person.actor,
        name="报表系统",
        permissions=list(permissions),
        expires_on=clock.today() + timedelta(days=days),
    )


def test_a_machine_with_a_token_reads_what_its_owner_may_read():
    machine = Machine(wang())
    assert machine.get("/me").json()["owner"] == "王专员"
    assert machine.get("/households").json() == {"items": [], "next": ""}


def test_without_a_token_or_with_a_wrong_one_nothing_is_said():
    right = Machine(wang()).token
    for sent in ("", "Bearer", "Bearer x", f"Bearer {right[:-1]}x", f"Bearer {right}x", f"Basic {right}"):
        answer = Client().get("/api/v1/households", headers={"Authorization": sent})
        assert answer.status_code == 401, sent
        assert "令牌" in answer.json()["message"]


def test_neither_the_secret_nor_anything_like_it_is_stored():
    row, token = _issue(wang())
    secret = token[-43:]  # 32 bytes in base64, which may hold "_" too
    assert secret not in str(ApiToken.objects.filter(pk=row.pk).values())
    assert not AuditEntry.objects.filter(body__contains=secret).exists()


def test_a_token_has_only_the_permissions_it_names():
    machine = Machine(wang(), ["registry.read"])
    assert machine.get("/households").status_code == 200
    assert machine.get("/alerts").status_code == 403
    assert machine.post("/postings", {}).status_code == 422


def test_a_name_is_looked_for_window_by_window_and_found_once(monkeypatch):
    monkeypatch.setattr("yuchang.registry.queries.WINDOW", 2)
    names = ["赵" if n % 3 else "钱" for n in range(12)]
    rows = [things.household(villages()[0], name=name, search_keys=[name]) for name in names]
    machine, seen, after = Machine(wang()), [], ""
    while not seen or after:
        page = machine.get("/households", q="赵", limit=3, after=after).json()
        seen, after = seen + [row["id"] for row in page["items"]], page["next"]
    assert seen == [row.pk for row in rows if row.head_name == "赵"]
    with CaptureQueriesContext(connection) as asked:
        machine.get("/households", q="赵", limit=2)
    read = [one["sql"] for one in asked if "search_keys" in one["sql"]]
    assert read and all('"registry_household"."id" < ' in sql for sql in read)


def test_a_sign_that_no_text_may_hold_is_refused_in_words():
    answer = Machine(wang()).get("/households", state="a\x00")
    assert answer.status_code == 422 and "控制字符" in str(answer.json())


def test_a_token_never_has_more_than_its_owner():
    with pytest.raises(Invalid):
        _issue(auditor(), ["registry.enter"])
    with pytest.raises(Invalid):
        _issue(wang(), ["accounts.manage"])
    with pytest.raises(Invalid):
        _issue(wang(), [])
    with pytest.raises(Refused):
        _issue(li())


def test_a_token_loses_a_right_the_day_its_owner_does():
    officer = wang()
    machine = Machine(officer)
    RoleGrant.objects.filter(user=officer.user).update(valid_to=clock.today() - timedelta(days=1))
    assert machine.get("/households").status_code == 403


def test_a_token_of_a_disabled_person_ends_at_once():
    officer = wang()
    machine = Machine(officer)
    officer.user.is_active = False
    officer.user.save()
    assert machine.get("/me").status_code == 401


def test_a_token_runs_out_and_lives_a_year_at_most():
    machine = Machine(wang())
    ApiToken.objects.update(expires_on=clock.today() - timedelta(days=1))
    assert machine.get("/me").status_code == 401
    for days in (0, 366):
        with pytest.raises(Invalid):
            _issue(wang(), days=days)


def test_a_revoked_token_is_refused_and_cannot_be_revoked_twice():
    officer = wang()
    machine = Machine(officer)
    with pytest.raises(Stale):
        actions.revoke_token(actor=officer.actor, token_id=machine.row.pk, version=7)
    actions.revoke_token(actor=officer.actor, token_id=machine.row.pk, version=1)
    assert machine.get("/me").status_code == 401
    with pytest.raises(Conflict):
        actions.revoke_token(actor=officer.actor, token_id=machine.row.pk, version=2)


def test_nobody_else_revokes_a_token():
    machine = Machine(wang())
    with pytest.raises(Hidden):
        actions.revoke_token(actor=outsider().actor, token_id=machine.row.pk, version=1)


def test_the_page_shows_a_new_token_once_and_lists_it_without_its_secret():
    officer = wang()
    client = officer.client()
    form = {"name": "报表系统", "permissions": ["registry.read"], "expires_on": "2026-12-31"}
    form["expires_on"] = str(clock.today() + timedelta(days=20))
    page = client.post("/api/tokens/", form).content.decode()
    row = ApiToken.objects.get()
    assert f"yuc_{row.prefix}_" in page
    listed = client.get("/api/").content.decode()
    assert row.prefix in listed and f"yuc_{row.prefix}_" not in listed
    assert client.post("/api/tokens/", {**form, "permissions": ["accounts.manage"]}).status_code == 422


def test_the_list_of_tokens_costs_the_same_queries_for_five_and_for_sixty(django_assert_num_queries):
    officer = wang()
    client = officer.client()

    def queries_for(count: int) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        while ApiToken.objects.count() < count:
            _issue(officer)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get("/api/").status_code == 200
        return len(seen)

    queries_for(5)
    assert queries_for(5) == queries_for(60)


def test_use_is_remembered_by_the_day_only():
    machine = Machine(wang())
    machine.get("/me")
    assert queries.token_shown(machine.token).used_on == clock.today()
    assert county() and villages()


def test_an_unknown_address_is_refused_in_the_form_of_the_others(db: None) -> None:
    reply = Machine(wang()).get("/nothing")
    assert reply.status_code == 404
    assert set(reply.json()) == {"message", "remedy", "problems", "request_id"}
