"""三员分立: system, security and audit administrators stay apart, in the table of rights and in the database."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import IntegrityError, connection, connections, transaction

from tests import people
from yuchang.accounts import actions
from yuchang.accounts.actions.first import let_in_again
from yuchang.accounts.forms import InviteForm
from yuchang.accounts.models import RoleGrant, User
from yuchang.accounts.rules import ADMINISTRATORS, ALONE, PERMISSIONS, WITHOUT_BUSINESS, Role, may_be_combined
from yuchang.accounts.tests.makers import approved, guard, keeper, newcomer, now, post
from yuchang.core.errors import Invalid, Refused

APART = sorted(ALONE)


def test_the_administrators_have_no_business_right() -> None:
    for role in ADMINISTRATORS:
        assert PERMISSIONS[role] <= WITHOUT_BUSINESS


def test_no_two_of_them_share_a_right_that_matters() -> None:
    own = [PERMISSIONS[role] - {"workbench.read"} for role in sorted(ADMINISTRATORS)]
    assert all(not one & other for i, one in enumerate(own) for other in own[:i])


def test_an_auditor_only_reads() -> None:
    for role in (Role.AUDITOR, Role.AUDIT_ADMINISTRATOR):
        # A token of the api carries no more than the person's own rights.
        assert all(p.endswith(".read") or p == "api.use" for p in PERMISSIONS[role])


def test_every_role_has_words_and_rights() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("role", APART)
def test_nobody_is_one_of_them_and_anything_else(role: Role) -> None:
    assert may_be_combined({role})
    assert not any(may_be_combined({role, other}) for other in Role if other != role)


@pytest.mark.parametrize("role", APART)
def test_the_database_refuses_a_second_hat_whichever_comes_first(role: Role, db: None) -> None:
    for first, second in ((role, Role.VILLAGE_CADRE), (Role.VILLAGE_CADRE, role)):
        someone = people.person("某人", first, place=people.county())
        with pytest.raises(IntegrityError), transaction.atomic():
            _grant(someone.user, second)
    _grant(people.person("某人", role, place=people.county()).user, role)


def _grant(user: User, role: Role) -> RoleGrant:
    return RoleGrant.objects.create(
        user=user, role=role, scope_kind="place", place=people.county(), valid_from=date(2015, 1, 1)
    )


def test_a_post_a_deputyship_or_a_team_is_no_way_around(db: None) -> None:
    admin = people.administrator().user
    with pytest.raises(Refused):
        actions.appoint(actor=people.administrator().actor, post_id=post().pk, user_id=admin.pk)
    team = actions.form_team(
        actor=people.wang().actor, place_id=people.villages()[0].pk, kind="work_team", name="驻村工作队"
    )
    local = people.person("县系统", Role.SYSTEM_ADMINISTRATOR, place=people.county()).user
    with pytest.raises(Refused):
        actions.add_member(actor=people.wang().actor, team_id=team.pk, user_id=local.pk, position="member")
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute(
            "INSERT INTO accounts_teammember (team_id, user_id, position, valid_from, state, version,"
            " vetting_note, created_at, updated_at)"
            " VALUES (%s, %s, 'member', '2020-01-01', 'live', 1, '', now(), now())",
            [team.pk, local.pk],
        )


def test_a_leading_group_opens_nothing_and_takes_anybody(db: None) -> None:
    group = actions.form_team(
        actor=people.wang().actor, place_id=people.county().pk, kind="leading_group", name="电商扶贫领导小组"
    )
    user = newcomer("zhou")
    row = actions.add_member(actor=people.wang().actor, team_id=group.pk, user_id=user.pk, position="leader")
    approved("team", row)
    assert not now(user).grants


def test_a_work_team_has_its_rights_in_its_village_until_it_is_dissolved(db: None) -> None:
    wang, user = people.wang().actor, newcomer("zhou")
    team = actions.form_team(
        actor=wang, place_id=people.villages()[0].pk, kind="work_team", name="驻村工作队"
    )
    row = actions.add_member(actor=wang, team_id=team.pk, user_id=user.pk, position="leader")
    assert not now(user).grants
    approved("team", row)
    assert [g.role for g in now(user).grants] == [Role.WORK_TEAM]
    actions.dissolve_team(actor=wang, team_id=team.pk, version=team.version)
    assert not now(user).grants


def test_the_security_administrator_approves_and_gives_nothing_himself(db: None) -> None:
    user = newcomer("zhou")
    grant = actions.grant_role(
        actor=keeper(), user_id=user.pk, role=Role.COUNTY_OFFICER, place_id=people.county().pk
    )
    assert grant.state == "proposed" and not now(user).grants
    with pytest.raises(Refused):
        actions.grant_role(
            actor=guard(), user_id=user.pk, role=Role.COUNTY_OFFICER, place_id=people.county().pk
        )
    approved("grant", grant)
    assert now(user).may("registry.publish")


@pytest.mark.django_db(transaction=True)
def test_two_connections_at_once_do_not_make_two_hats() -> None:
    """Both insert before either commits; without the lock on the person each would miss the other's row."""
    user = User.objects.create(username="race", display_name="某人")
    place, outcome = people.county(), []
    start = threading.Barrier(2)

    def give(role: Role) -> None:
        try:
            with transaction.atomic():
                start.wait(5)
                RoleGrant.objects.create(
                    user=user, role=role, scope_kind="place", place=place, valid_from=date(2020, 1, 1)
                )
            outcome.append("given")
        except IntegrityError:
            outcome.append("refused")
        finally:
            connections.close_all()

    roles = (Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR)
    threads = [threading.Thread(target=give, args=(role,)) for role in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcome) == ["given", "refused"]
    assert RoleGrant.objects.filter(user=user).count() == 1


@pytest.mark.parametrize("role", [Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR])
def test_a_system_administrator_opens_no_other_administrators_account(role: Role, db: None) -> None:
    """With a new password and no second step he would sign in as them, and approve what he proposed."""
    kept = people.person("另一员", role, place=people.county()).user
    for let_in in (actions.reset_password, actions.remove_second_factors):
        with pytest.raises(Refused, match="不由系统管理员重设"):
            let_in(actor=keeper(), user_id=kept.pk, version=kept.version)
    kept.refresh_from_db()
    assert kept.password_changed_at is None
    assert let_in_again(kept.username)


def test_a_system_administrator_lets_everybody_else_in_again(db: None) -> None:
    for role in (Role.VILLAGE_CADRE, Role.SYSTEM_ADMINISTRATOR):
        place = people.villages()[0] if role == Role.VILLAGE_CADRE else people.county()
        user = people.person("忘了密码", role, place=place).user
        assert actions.reset_password(actor=keeper(), user_id=user.pk, version=user.version)


def test_a_helper_is_named_at_a_household_and_given_no_whole_village(db: None) -> None:
    with pytest.raises(Invalid, match="帮扶责任人只看到结对的农户"):
        actions.grant_role(
            actor=keeper(), user_id=newcomer("han").pk, role=Role.HELPER, place_id=people.villages()[0].pk
        )
    assert Role.HELPER not in [value for value, _word in InviteForm().fields["role"].choices]


def test_a_townships_delegate_keeps_accounts_and_not_the_machine(db: None) -> None:
    village = people.villages()[0]
    own = people.person("乡管理", Role.SYSTEM_ADMINISTRATOR, place=village.parent)
    county = people.person("县管理", Role.SYSTEM_ADMINISTRATOR, place=people.county())
    for permission in ("operations.read", "messages.operate", "portal.carry"):
        assert county.actor.may(permission) and not own.actor.may(permission)
        assert not own.actor.scopes(permission)
    client = own.client()
    for address in ("/", "/people", "/accounts/posts", "/accounts/invitations"):
        assert client.get(address).status_code == 200
    for address in ("/operations", "/operations/tasks"):
        assert client.get(address).status_code == 403
        assert county.client().get(address).status_code == 200
