"""Somebody leaves: what was held ends or is handed over with the account, and nobody else's account is touched."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import people, things
from yuchang.accounts import actions
from yuchang.accounts.models import (
    Assignment,
    Deputy,
    Incumbency,
    RoleGrant,
    ScopeItem,
    TeamMember,
    User,
)
from yuchang.accounts.queries import helper_of, people_for, still_held
from yuchang.accounts.rules import Role
from yuchang.accounts.tests.makers import approved, keeper, newcomer, now, post, seated
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.messages.models import Message
from yuchang.partners.models import Organisation
from yuchang.places.models import keys_of
from yuchang.procedures import actions as procedures
from yuchang.procedures.tests.world import entry
from yuchang.workbench.actions import propose_role, see_off


def leaver() -> User:
    """Somebody with a post, a team, a household to help and a role given directly, all for ten days."""
    user, wang, village = newcomer("old"), people.wang().actor, people.villages()[0]
    seated(post(), user)
    team = actions.form_team(actor=wang, place_id=village.pk, kind="work_team", name="工作队")
    approved("team", actions.add_member(actor=wang, team_id=team.pk, user_id=user.pk, position="leader"))
    home = things.household(village)
    actions.assign_helper(actor=wang, place=village, household_ids=[home.pk], user_id=user.pk)
    grant = actions.grant_role(
        actor=keeper(), user_id=user.pk, role=Role.TOWNSHIP_REVIEWER, place_id=village.township_id
    )
    approved("grant", grant)
    begun = clock.today() - timedelta(days=10)
    for model in (Incumbency, TeamMember, Assignment, RoleGrant):
        model.objects.filter(user=user).update(valid_from=begun)
    ScopeItem.objects.update(valid_from=begun)
    user.refresh_from_db()
    return user


def test_who_leaves_for_good_holds_nothing_any_more_and_the_days_say_so(db: None) -> None:
    user, today = leaver(), clock.today()
    assert {h.kind for h in still_held(user.pk, today)} == {"grant", "post", "team", "assignment"}
    actions.leave(actor=keeper(), user_id=user.pk, version=user.version, reason="退休")
    assert not still_held(user.pk, today) and not now(user).grants
    for model in (Incumbency, TeamMember, Assignment, RoleGrant):
        row = model.objects.get(user=user)
        assert row.valid_to == today - timedelta(days=1)
    assert not ScopeItem.objects.filter(valid_to=None).exists()
    user.refresh_from_db()
    assert not user.is_active
    entry = AuditEntry.objects.get(action="accounts.leave")
    assert "退休" in entry.body and '"teams"' in entry.body


def test_opened_again_the_account_opens_nothing(db: None) -> None:
    user = leaver()
    actions.leave(actor=keeper(), user_id=user.pk, version=user.version, reason="退休")
    user.refresh_from_db()
    actions.reactivate_user(actor=keeper(), user_id=user.pk, version=user.version)
    assert not now(user).grants


def test_a_successor_is_proposed_for_the_posts_and_the_households_go_with_the_post(db: None) -> None:
    user, heir = leaver(), newcomer("heir")
    actions.leave(actor=keeper(), user_id=user.pk, version=user.version, reason="调离", successor_id=heir.pk)
    seat = Incumbency.objects.get(user=heir)
    assert seat.state == "proposed" and not now(heir).grants
    approved("post", seat)
    assert {g.role for g in now(heir).grants} == {Role.VILLAGE_CADRE, Role.HELPER}
    assert Assignment.objects.get().post_id == seat.post_id


def test_a_successor_who_was_appointed_for_later_keeps_that_day(db: None) -> None:
    user, heir, today = leaver(), newcomer("heir"), clock.today()
    seat = Incumbency.objects.get(user=user)
    later = {"successor_id": heir.pk, "on": today + timedelta(days=9)}
    approved("post", actions.hand_over(actor=keeper(), incumbency_id=seat.pk, version=seat.version, **later))
    actions.leave(actor=keeper(), user_id=user.pk, version=user.version, reason="调离", successor_id=heir.pk)
    until = Incumbency.objects.get(user=heir, state="proposed")
    assert until.valid_to == today + timedelta(days=8)
    approved("post", until)


def test_a_pause_keeps_everything_and_a_closed_account_may_still_leave(db: None) -> None:
    user = leaver()
    actions.deactivate_user(actor=keeper(), user_id=user.pk, version=user.version, reason="调查")
    user.refresh_from_db()
    assert len(still_held(user.pk, clock.today())) == 4 and not now(user).grants
    page = people.administrator().client().get(f"/people/{user.pk}").content.decode()
    assert "仍担任岗位" in page
    actions.leave(actor=keeper(), user_id=user.pk, version=user.version, reason="免职")
    assert not still_held(user.pk, clock.today())


def test_what_is_wrong_with_a_leaving_writes_nothing(db: None) -> None:
    user, before = leaver(), AuditEntry.objects.count()
    given = {"actor": keeper(), "user_id": user.pk, "version": user.version, "reason": "退休"}
    before = AuditEntry.objects.count()
    outside = people.outsider().user
    for wrong, error in (
        ({"reason": " "}, Invalid),
        ({"version": user.version + 1}, Stale),
        ({"successor_id": user.pk}, Invalid),
        ({"successor_id": outside.pk}, Invalid),
        ({"actor": people.wang().actor}, Refused),
        (
            {
                "actor": people.person(
                    "文县管理", Role.SYSTEM_ADMINISTRATOR, place=people.county(people.WEN)
                ).actor
            },
            Hidden,
        ),
    ):
        with pytest.raises(error):
            actions.leave(**{**given, **wrong})  # type: ignore[arg-type]
    assert AuditEntry.objects.count() == before and len(still_held(user.pk, clock.today())) == 4


def test_a_leave_or_a_proposal_of_the_leaver_ends_too(db: None) -> None:
    user, today = leaver(), clock.today()
    seat = Incumbency.objects.get(user=user)
    days = {"valid_from": today, "valid_to": today + timedelta(days=9), "reason": "leave"}
    deputy = actions.appoint_deputy(
        actor=now(user), incumbency_id=seat.pk, user_id=newcomer("stand_in").pk, **days
    )
    approved("deputy", deputy)
    waiting = actions.appoint(actor=keeper(), post_id=post(title="文书").pk, user_id=user.pk)
    user.refresh_from_db()
    actions.leave(actor=keeper(), user_id=user.pk, version=user.version, reason="退休")
    assert Deputy.objects.get().state == "ended"
    waiting.refresh_from_db()
    assert waiting.state == "ended"
    with pytest.raises(Conflict):
        approved("post", waiting)


def test_the_page_shows_what_is_held_and_the_others_hear_of_households_without_a_helper(db: None) -> None:
    user, officer = leaver(), people.wang()
    client = people.administrator().client()
    page = client.get(f"/people/{user.pk}/close").content.decode()
    for word in ("村委会主任", "工作队", "结对农户 1 户", "乡镇审核员"):
        assert word in page
    wrong = {"version": user.version, "reason": "退休", "way": "pause", "username": "heir"}
    assert "不需要接任人" in client.post(f"/people/{user.pk}/close", wrong).content.decode()
    form = {"version": user.version, "reason": "退休", "way": "leave"}
    assert client.post(f"/people/{user.pk}/close", form).status_code == 302
    assert Message.objects.filter(recipient=officer.user, title__contains="没有帮扶责任人").exists()
    assert helper_of(ScopeItem.objects.get().object_id) is None


def test_a_case_that_was_given_to_the_leaver_is_anybodys_again(db: None) -> None:
    li, other = people.li(), people.li()
    case = entry(li)
    given = {"to_user_id": other.user.pk, "reason": "出差"}
    procedures.transfer(li.actor, case=case, version=case.version, **given)
    see_off(keeper(), user_id=other.user.pk, version=1, reason="调离")
    case.refresh_from_db()
    assert case.assigned_to_id is None and case.records.order_by("number").last().opinion == "调离"
    assert procedures.let_go(keeper(), user_id=li.user.pk, reason="调离") == 0
    assert AuditEntry.objects.filter(action="procedures.let_go").count() == 1


def test_a_township_opens_and_closes_no_account_that_reaches_beyond_it(db: None) -> None:
    village, officer = people.villages()[0], people.wang().user
    seated(post(), officer)
    own = people.person("乡管理", Role.SYSTEM_ADMINISTRATOR, place=village.parent).actor
    assert people_for(own).filter(pk=officer.pk).exists()
    given = {"actor": own, "user_id": officer.pk, "version": officer.version}
    for act in (
        lambda: actions.reset_password(**given),
        lambda: actions.remove_second_factors(**given),
        lambda: actions.deactivate_user(**given, reason="x"),
        lambda: actions.leave(**given, reason="x"),
    ):
        with pytest.raises(Refused, match="管辖范围以外"):
            act()
    seat = Incumbency.objects.get(user=officer)
    actions.end_incumbency(actor=own, incumbency_id=seat.pk, version=seat.version)  # its own post it may end
    assert actions.reset_password(actor=keeper(), user_id=officer.pk, version=officer.version)


def test_who_went_to_the_next_county_belongs_to_its_administrator(db: None) -> None:
    user = people.wang().user
    yesterday = clock.today() - timedelta(days=1)
    RoleGrant.objects.filter(user=user).update(valid_to=yesterday)
    assert people_for(keeper()).filter(pk=user.pk).exists()  # nobody else keeps it yet
    there = people.person("文县管理", Role.SYSTEM_ADMINISTRATOR, place=people.county(people.WEN)).actor
    assert not people_for(there).filter(pk=user.pk).exists()
    RoleGrant.objects.create(
        user=user,
        role=Role.COUNTY_OFFICER,
        scope_kind="place",
        place=people.county(people.WEN),
        valid_from=clock.today(),
    )
    assert people_for(there).filter(pk=user.pk).exists()
    with pytest.raises(Hidden):
        actions.reset_password(actor=keeper(), user_id=user.pk, version=user.version)


def test_a_helper_of_one_household_may_be_given_another(db: None) -> None:
    helper, wang, village = newcomer("ma"), people.wang().actor, people.villages()[0]
    User.objects.filter(pk=helper.pk).update(home=None)
    one, two = things.household(village), things.household(village)
    for home in (one, two):
        actions.assign_helper(actor=wang, place=village, household_ids=[home.pk], user_id=helper.pk)
    assert people_for(keeper()).filter(pk=helper.pk).exists()
    assert Assignment.objects.filter(user=helper, valid_to=None).count() == 2
    Assignment.objects.update(valid_from=clock.today() - timedelta(days=3))
    ScopeItem.objects.update(valid_from=clock.today() - timedelta(days=3))
    actions.assign_helper(actor=wang, place=village, household_ids=[one.pk], user_id=newcomer("du").pk)
    assert Assignment.objects.filter(user=helper, valid_to=None).count() == 1  # the empty one ended


def test_a_right_for_an_organisation_is_answered_where_the_person_is_kept(db: None) -> None:
    clerk = newcomer("clerk")
    grant = actions.grant_role(actor=keeper(), user_id=clerk.pk, role=Role.BANK_OFFICER, organisation_id=7)
    elsewhere = people.person("外安全", Role.SECURITY_ADMINISTRATOR, place=people.county(people.WEN)).actor
    with pytest.raises(Hidden):
        approved("grant", grant, elsewhere)
    approved("grant", grant)
    assert now(clerk).organisation_ids("consents.use") == [7]
    grant.refresh_from_db()
    actions.end_grant(actor=keeper(), grant_id=grant.pk, version=grant.version)
    assert not now(clerk).grants


def test_a_team_that_is_dissolved_keeps_nobody_on_paper(db: None) -> None:
    user, wang = leaver(), people.wang().actor
    member = TeamMember.objects.get(user=user)
    team = member.team
    waiting = actions.add_member(actor=wang, team_id=team.pk, user_id=newcomer("next").pk, position="member")
    actions.dissolve_team(actor=wang, team_id=team.pk, version=team.version)
    member.refresh_from_db()
    waiting.refresh_from_db()
    assert member.valid_to == clock.today() - timedelta(days=1) and waiting.state == "ended"
    page = people.wang().client().get(f"/accounts/teams/{team.pk}").content.decode()
    assert "已撤销" in page and "加入成员" not in page


def test_a_work_team_belongs_to_a_village(db: None) -> None:
    wang = people.wang().actor
    for place_id in (people.county().pk, people.villages()[0].township_id):
        with pytest.raises(Invalid, match="驻村工作队设在村"):
            actions.form_team(actor=wang, place_id=place_id, kind="work_team", name="全县工作队")
    for place_id in (people.county().pk, people.villages()[0].township_id, people.villages()[0].pk):
        assert actions.form_team(actor=wang, place_id=place_id, kind="leading_group", name="领导小组")


def test_the_queue_names_the_organisation_that_a_right_is_for(db: None) -> None:
    county = people.county()
    given_place = {"place": county, "host": county, **keys_of(county)}
    bank = Organisation.objects.create(name="成县农村商业银行", kind="bank", **given_place)
    clerk = newcomer("clerk")
    given = {"user_id": clerk.pk, "role": Role.BANK_OFFICER, "place_id": None, "valid_to": None}
    propose_role(keeper(), organisation_id=bank.pk, **given)
    page = people.security().client().get("/accounts/vetting").content.decode()
    assert "成县农村商业银行" in page and "单位编号" not in page
    there = people.person("文县管理", Role.SYSTEM_ADMINISTRATOR, place=people.county(people.WEN)).actor
    with pytest.raises(Invalid, match="不是您管辖的地区引入的"):
        propose_role(there, organisation_id=bank.pk, **given)
