"""Creating people, giving and taking roles, closing accounts; nobody does it for himself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils.translation import override

from tests import people
from yuchang.accounts import actions
from yuchang.accounts.doors import require
from yuchang.accounts.models import RoleGrant, User
from yuchang.accounts.queries import people_for
from yuchang.accounts.rules import PERMISSION_WORDS, PERMISSIONS, Role, may_be_combined
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry


def county_administrator() -> people.Person:
    return people.person("县管理", Role.SYSTEM_ADMINISTRATOR, place=people.county())


def newcomer(name: str = "new") -> User:
    return actions.create_user(actor=people.administrator().actor, username=name, display_name="新同事")[0]


def test_a_new_person_gets_a_one_time_password_that_is_nowhere_in_the_clear(db: None) -> None:
    user, password = actions.create_user(
        actor=people.administrator().actor, username="new", display_name="新同事"
    )
    assert user.check_password(password) and user.password_is_temporary
    assert user.password.startswith("argon2")
    assert not AuditEntry.objects.filter(body__contains=password).exists()
    assert AuditEntry.objects.get(action="accounts.create_user").object_id == str(user.pk)
    with pytest.raises(Invalid):
        newcomer("new")


def test_only_an_administrator_creates_people(db: None) -> None:
    for other in (people.wang(), people.li(), people.auditor()):
        with pytest.raises(Refused):
            actions.create_user(actor=other.actor, username="x", display_name="x")
    assert not User.objects.filter(username="x").exists()


def test_a_role_is_given_within_the_administrators_own_area_only(db: None) -> None:
    keeper, user = county_administrator(), newcomer()
    grant = actions.grant_role(
        actor=keeper.actor, user_id=user.pk, role=Role.VILLAGE_CADRE, place_id=people.villages()[0].pk
    )
    assert grant.valid_from == date.today() or grant.valid_from
    assert AuditEntry.objects.filter(action="accounts.grant_role", object_id=str(grant.pk)).exists()
    with pytest.raises(Invalid, match="不在您的管辖范围内"):
        actions.grant_role(
            actor=keeper.actor,
            user_id=newcomer("other").pk,
            role=Role.VILLAGE_CADRE,
            place_id=people.villages(people.WEN)[0].pk,
        )
    with pytest.raises(Conflict):
        actions.grant_role(
            actor=keeper.actor, user_id=user.pk, role=Role.VILLAGE_CADRE, place_id=people.villages()[0].pk
        )


def test_nobody_gives_a_role_to_himself(db: None) -> None:
    keeper = county_administrator()
    with pytest.raises(Refused):
        actions.grant_role(
            actor=keeper.actor,
            user_id=keeper.user.pk,
            role=Role.COUNTY_OFFICER,
            place_id=people.county().pk,
        )
    with pytest.raises(Refused):
        actions.end_grant(actor=keeper.actor, grant_id=RoleGrant.objects.get(user=keeper.user).pk, version=1)
    with pytest.raises(Refused):
        actions.deactivate_user(actor=keeper.actor, user_id=keeper.user.pk, version=1, reason="x")


@pytest.mark.parametrize("role", [Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR])
def test_who_runs_or_audits_the_system_does_nothing_else(role: Role, db: None) -> None:
    keeper, officer = people.administrator(), people.wang()
    with pytest.raises(Refused):
        actions.grant_role(
            actor=keeper.actor, user_id=officer.user.pk, role=role, place_id=people.county().pk
        )
    assert may_be_combined({Role.VILLAGE_CADRE, Role.TOWNSHIP_REVIEWER})
    assert not may_be_combined({role, Role.VILLAGE_CADRE})


def test_a_partner_needs_an_organisation_and_staff_a_place(db: None) -> None:
    keeper, user = people.administrator().actor, newcomer()
    with pytest.raises(Invalid):
        actions.grant_role(actor=keeper, user_id=user.pk, role=Role.PARTNER, place_id=people.county().pk)
    with pytest.raises(Invalid):
        actions.grant_role(actor=keeper, user_id=user.pk, role=Role.COUNTY_OFFICER)
    grant = actions.grant_role(actor=keeper, user_id=user.pk, role=Role.PARTNER, organisation_id=7)
    assert (grant.scope_kind, grant.target_id, grant.place_id) == ("organisation", 7, None)


def test_an_ended_role_opens_nothing_any_more(db: None) -> None:
    keeper, officer = people.administrator(), people.wang()
    client = officer.client()
    assert client.get("/dashboard").status_code == 200
    actions.end_grant(actor=keeper.actor, grant_id=RoleGrant.objects.get(user=officer.user).pk, version=1)
    assert client.get("/dashboard").status_code == 403
    same_day = actions.grant_role(
        actor=keeper.actor, user_id=officer.user.pk, role=Role.COUNTY_OFFICER, place_id=people.county().pk
    )
    with pytest.raises(Stale):
        actions.end_grant(actor=keeper.actor, grant_id=same_day.pk, version=same_day.version + 1)
    actions.end_grant(actor=keeper.actor, grant_id=same_day.pk, version=same_day.version)
    assert not RoleGrant.objects.filter(pk=same_day.pk).exists()
    assert client.get("/dashboard").status_code == 403


def test_a_closed_account_is_out_at_its_next_request(db: None) -> None:
    keeper, officer = people.administrator(), people.wang()
    client = officer.client()
    with pytest.raises(Invalid):
        actions.deactivate_user(actor=keeper.actor, user_id=officer.user.pk, version=1, reason=" ")
    with pytest.raises(Stale):
        actions.deactivate_user(actor=keeper.actor, user_id=officer.user.pk, version=None, reason="调离")
    actions.deactivate_user(actor=keeper.actor, user_id=officer.user.pk, version=1, reason="调离")
    assert client.get("/").status_code == 302
    with pytest.raises(Conflict):
        actions.deactivate_user(actor=keeper.actor, user_id=officer.user.pk, version=2, reason="调离")


def test_a_county_administrator_keeps_the_own_countys_people_only(db: None) -> None:
    keeper, here, there = county_administrator(), people.wang(), people.outsider()
    kept = set(people_for(keeper.actor).values_list("pk", flat=True))
    assert here.user.pk in kept and there.user.pk not in kept
    with pytest.raises(Hidden):
        actions.reset_password(actor=keeper.actor, user_id=there.user.pk, version=1)
    with pytest.raises(Hidden):
        actions.deactivate_user(actor=keeper.actor, user_id=there.user.pk, version=1, reason="x")


def test_a_one_time_password_leads_to_the_change_of_it_and_nowhere_else(db: None) -> None:
    user, password = actions.create_user(
        actor=people.administrator().actor, username="new", display_name="新同事"
    )
    client = Client()
    client.force_login(user, backend="yuchang.accounts.backend.AccountBackend")
    for address in ("/", "/search", "/places/"):
        assert client.get(address)["Location"] == "/accounts/password"
    weak = client.post("/accounts/password", {"old": password, "new": "short", "again": "short"})
    wrong = client.post("/accounts/password", {"old": "no", "new": "Strong-pass-1", "again": "Strong-pass-1"})
    assert weak.status_code == wrong.status_code == 200
    done = client.post(
        "/accounts/password", {"old": password, "new": "Strong-pass-1", "again": "Strong-pass-1"}
    )
    assert done.status_code == 302
    user.refresh_from_db()
    assert not user.password_is_temporary and client.get("/dashboard").status_code == 403


def test_a_grant_that_has_not_begun_or_is_over_does_not_count(db: None) -> None:
    officer = people.wang()
    RoleGrant.objects.filter(user=officer.user).update(
        valid_from=date.today() + timedelta(days=10), valid_to=None
    )
    assert officer.client().get("/dashboard").status_code == 403


def test_whoever_is_refused_reads_what_is_missing_and_who_has_it(db: None) -> None:
    assert set(PERMISSION_WORDS) == set().union(*PERMISSIONS.values())
    li = people.li()
    page = li.client().post("/procedures/calendar/import/").content.decode()
    assert "维护工作日历" in page and "procedures.calendar" not in page
    with pytest.raises(Refused, match="您的岗位没有“裁定公示异议”权限。") as refusal:
        require(li.actor, "registry.decide_objection")
    assert refusal.value.remedy.startswith("可请县级专员办理;")
    with override("en"), pytest.raises(Refused, match="lacks the permission “decide objections”"):
        require(li.actor, "registry.decide_objection")
    token = replace(li.actor, only=frozenset({"registry.read"}))
    with pytest.raises(Refused, match="这一令牌没有“登记与更正农户”权限。"):
        require(token, "registry.enter")
