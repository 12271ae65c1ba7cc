"""Posts apart from people: appointment, hand-over, deputies; what a person may do follows from them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests import people, things
from yuchang.accounts import actions
from yuchang.accounts.models import Hat, Incumbency, Post, ScopeItem, User
from yuchang.accounts.queries import LEVEL_COLUMNS, actor_for, people_for
from yuchang.accounts.rules import AssignmentScope, Grant, PlaceScope, Role
from yuchang.accounts.tests.makers import approved, guard, keeper, newcomer, post, seated
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.registry.models import Household
from yuchang.registry.queries import households_for


def hats(user: User, on: date | None = None) -> set[Grant]:
    return set(actor_for(user.pk, user.display_name, on or clock.today()).grants)


def test_a_post_gives_its_rights_once_a_second_person_approved_the_appointment(db: None) -> None:
    chair, user = post(), newcomer("zhou")
    seat = actions.appoint(actor=keeper(), post_id=chair.pk, user_id=user.pk)
    assert not hats(user)
    approved("post", seat)
    assert hats(user) == {Grant(Role.VILLAGE_CADRE, PlaceScope(chair.place_id, 5))}
    assert AuditEntry.objects.filter(action="accounts.vet", object_kind="post_right").exists()


def test_nobody_approves_what_he_proposed_or_gains(db: None) -> None:
    chair, user = post(), newcomer("zhou")
    seat = actions.appoint(actor=keeper(), post_id=chair.pk, user_id=user.pk)
    for other in (keeper(), people.wang().actor, people.auditor().actor):
        with pytest.raises(Refused):
            approved("post", seat, other)
    elsewhere = people.person("外安全", Role.SECURITY_ADMINISTRATOR, place=people.county(people.WEN))
    with pytest.raises(Hidden):
        approved("post", seat, elsewhere.actor)
    with pytest.raises(Invalid):
        actions.vet(actor=guard(), kind="post", pk=seat.pk, version=1, approve=False)
    with pytest.raises(Stale):
        actions.vet(actor=guard(), kind="post", pk=seat.pk, version=7, approve=True)
    actions.vet(actor=guard(), kind="post", pk=seat.pk, version=1, approve=False, note="材料不全")
    with pytest.raises(Conflict):
        actions.vet(actor=guard(), kind="post", pk=seat.pk, version=2, approve=True)
    assert not hats(user)


def test_the_database_lets_no_proposal_live_without_a_security_administrator(db: None) -> None:
    seat = actions.appoint(actor=keeper(), post_id=post().pk, user_id=newcomer("zhou").pk)
    clerk = people.wang().user
    for values in (
        {"state": "live"},
        {"state": "live", "vetted_by": seat.proposed_by, "vetted_at": clock.now()},
        {"state": "live", "vetted_by": clerk, "vetted_at": clock.now()},
        {"state": "live", "vetted_by": seat.user, "vetted_at": clock.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Incumbency.objects.filter(pk=seat.pk).update(**values)


def test_one_person_at_a_time_holds_a_post(db: None) -> None:
    chair = post()
    seated(chair, newcomer("first"))
    second = actions.appoint(actor=keeper(), post_id=chair.pk, user_id=newcomer("second").pk)
    with pytest.raises(Conflict):
        approved("post", second)


def test_a_hand_over_moves_everything_open_in_one_step(db: None) -> None:
    chair, old, new = post(), newcomer("old"), newcomer("new")
    seat = seated(chair, old)
    begun = clock.today() - timedelta(days=30)
    Incumbency.objects.filter(pk=seat.pk).update(valid_from=begun)
    home = things.household(people.villages()[1])
    work = actions.assign_helper(
        actor=people.wang().actor, place=people.villages()[0], household_ids=[home.pk], user_id=old.pk
    )
    assert Grant(Role.HELPER, AssignmentScope(work.pk)) in hats(old)
    heir = actions.hand_over(actor=keeper(), incumbency_id=seat.pk, version=seat.version, successor_id=new.pk)
    assert not hats(old)  # from the day of the hand-over on
    approved("post", heir)
    assert hats(new) == {
        Grant(Role.VILLAGE_CADRE, PlaceScope(chair.place_id, 5)),
        Grant(Role.HELPER, AssignmentScope(work.pk)),
    }
    entry = AuditEntry.objects.get(action="accounts.hand_over")
    assert f'"assignments":[{work.pk}]' in entry.body.replace(" ", "")
    with pytest.raises(Stale):
        actions.hand_over(actor=keeper(), incumbency_id=seat.pk, version=1, successor_id=new.pk)


def test_a_hand_over_within_the_day_of_appointment_is_refused(db: None) -> None:
    seat = seated(post(), newcomer("old"))
    with pytest.raises(Invalid):
        actions.hand_over(
            actor=keeper(), incumbency_id=seat.pk, version=seat.version, successor_id=newcomer("new").pk
        )


def test_a_deputy_acts_during_the_leave_and_not_a_day_longer(db: None) -> None:
    chair, holder, stand_in = post(), newcomer("holder"), newcomer("stand_in")
    seat, today = seated(chair, holder), clock.today()
    own = actor_for(holder.pk, "", today)
    made = actions.appoint_deputy(
        actor=own,
        incumbency_id=seat.pk,
        user_id=stand_in.pk,
        valid_from=today + timedelta(days=1),
        valid_to=today + timedelta(days=5),
        reason="leave",
    )
    approved("deputy", made)
    right = Grant(Role.VILLAGE_CADRE, PlaceScope(chair.place_id, 5))
    assert not hats(stand_in)
    assert hats(stand_in, today + timedelta(days=5)) == {right} == hats(holder)
    assert not hats(stand_in, today + timedelta(days=6))
    with pytest.raises(Hidden):  # a stranger names no deputy for somebody else's post
        actions.appoint_deputy(
            actor=people.zhang().actor,
            incumbency_id=seat.pk,
            user_id=stand_in.pk,
            valid_from=today,
            valid_to=today,
            reason="leave",
        )


def test_a_post_never_becomes_another(db: None) -> None:
    chair = post()
    for values in ({"role": "county_officer"}, {"place": people.county()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Post.objects.filter(pk=chair.pk).update(**values)


def test_only_an_empty_post_is_abolished(db: None) -> None:
    chair, user = post(), newcomer("zhou")
    seat = seated(chair, user)
    with pytest.raises(Conflict):
        actions.close_post(actor=keeper(), post_id=chair.pk, version=chair.version)
    Incumbency.objects.filter(pk=seat.pk).update(valid_from=clock.today() - timedelta(days=3))
    actions.end_incumbency(actor=keeper(), incumbency_id=seat.pk, version=seat.version)
    actions.close_post(actor=keeper(), post_id=chair.pk, version=chair.version)
    with pytest.raises(Hidden):
        actions.appoint(actor=keeper(), post_id=chair.pk, user_id=user.pk)


def test_a_township_keeps_its_own_posts_and_not_its_neighbours(db: None) -> None:
    village = people.villages()[0]
    own = people.person("乡管理", Role.SYSTEM_ADMINISTRATOR, place=village.parent).actor
    made = actions.create_post(actor=own, place_id=village.pk, title="文书", role=Role.VILLAGE_CADRE)
    assert made.township_id == village.township_id
    other = next(v for v in people.villages() if v.township_id != village.township_id)
    for place, role in ((other, Role.VILLAGE_CADRE), (people.county(), Role.COUNTY_OFFICER)):
        with pytest.raises(Invalid, match="不在您的管辖范围内"):
            actions.create_post(actor=own, place_id=place.pk, title="文书", role=role)
    with pytest.raises(Invalid):  # a county's office is no office of a village
        actions.create_post(actor=own, place_id=village.pk, title="专员", role=Role.COUNTY_OFFICER)


def test_the_holder_of_a_post_belongs_to_the_administrator_of_its_place(db: None) -> None:
    user = newcomer("zhou")
    seated(post(), user)
    next_county = people.person("文县管理", Role.SYSTEM_ADMINISTRATOR, place=people.county(people.WEN)).actor
    assert people_for(keeper()).filter(pk=user.pk).exists()
    assert not people_for(next_county).filter(pk=user.pk).exists()


def test_a_household_has_one_helper_and_no_gap_at_the_change(db: None) -> None:
    first, second = newcomer("first"), newcomer("second")
    wang, village = people.wang().actor, people.villages()[0]
    homes = [things.household(village) for _i in range(3)]
    numbers = [home.pk for home in homes]
    actions.assign_helper(actor=wang, place=village, household_ids=numbers, user_id=first.pk)
    ScopeItem.objects.update(valid_from=clock.today() - timedelta(days=40))
    actions.assign_helper(actor=wang, place=village, household_ids=numbers[:1], user_id=second.pk)
    spans = list(
        ScopeItem.objects.filter(object_id=numbers[0])
        .order_by("valid_from")
        .values_list("valid_from", "valid_to")
    )
    assert len(spans) == 2 and spans[0][1] + timedelta(days=1) == spans[1][0]

    def seen(user: User) -> set[int]:
        rows = households_for(actor_for(user.pk, "", clock.today()))
        return set(rows.values_list("pk", flat=True))

    assert seen(first) == set(numbers[1:]) and seen(second) == {numbers[0]}
    client = people.Person(first).client()
    user = User.objects.get(pk=first.pk)
    user.password_is_temporary = False
    user.save()
    assert client.get(f"/registry/{numbers[1]}").status_code in (200, 301, 302)
    with pytest.raises(Refused):
        actions.assign_helper(actor=people.li().actor, place=village, household_ids=numbers, user_id=first.pk)
    with pytest.raises(Hidden):
        actions.assign_helper(
            actor=people.outsider().actor, place=village, household_ids=numbers, user_id=first.pk
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        ScopeItem.objects.create(
            scope_kind="assignment",
            scope_id=99,
            object_kind="household",
            object_id=numbers[0],
            is_exclusive=True,
            valid_from=clock.today(),
        )
    assert Household.objects.count() == 3


def test_acting_as_one_hat_leaves_the_others_aside(db: None) -> None:
    officer = people.wang()
    seated(post(), officer.user)
    today = clock.today()
    both = actor_for(officer.user.pk, "", today)
    assert {g.role for g in both.grants} == {Role.COUNTY_OFFICER, Role.VILLAGE_CADRE}
    seat = Hat.objects.get(user=officer.user, source="post")
    assert [g.role for g in actor_for(officer.user.pk, "", today, acting_as=seat.id).grants] == [
        Role.VILLAGE_CADRE
    ]
    client = officer.client()
    assert client.post("/accounts/me/act-as", {"hat": seat.id}).status_code == 302
    assert client.get("/publication/").status_code in (403, 404)
    assert client.post("/accounts/me/act-as", {"hat": "post:0"}).status_code == 404


def test_who_acts_is_still_one_query(db: None, django_assert_num_queries: Any) -> None:
    officer, today = people.wang(), clock.today()
    with django_assert_num_queries(1):
        actor_for(officer.user.pk, "", today)


def test_a_hand_over_is_done_on_its_page(db: None) -> None:
    chair, old, new = post(), newcomer("old"), newcomer("new")
    seat = seated(chair, old)
    Incumbency.objects.filter(pk=seat.pk).update(valid_from=clock.today() - timedelta(days=30))
    client, address = people.administrator().client(), f"/accounts/seats/{seat.pk}/hand-over"
    read = re.findall(r'name="version" value="(\d+)"', client.get(address).content.decode())
    assert read == [str(seat.version)]
    nobody = client.post(address, {"version": read[0], "username": "nobody"})
    assert nobody.status_code == 422 and "没有这个登录名" in nobody.content.decode()
    assert client.post(address, {"version": read[0], "username": new.username}).status_code == 302
    assert Incumbency.objects.get(user=new).state == "proposed"


def test_who_is_out_of_reach_is_refused_in_the_words_for_who_does_not_exist(db: None) -> None:
    chair, far = post(), people.outsider().user
    own = people.person("县管理员", Role.SYSTEM_ADMINISTRATOR, place=people.county()).client()
    given = [
        own.post(f"/accounts/posts/{chair.pk}", {"username": name}) for name in (far.username, "no-such-name")
    ]
    said = [re.findall(r'class="field-error"[^>]*>([^<]+)', page.content.decode()) for page in given]
    assert said[0] == said[1] != []


def test_a_deputy_is_a_colleague_and_for_days_to_come(db: None) -> None:
    holder, today = newcomer("holder"), clock.today()
    seat = seated(post(), holder)
    own = actor_for(holder.pk, "", today)

    def propose(user: User, first: int, last: int) -> Any:
        return actions.appoint_deputy(
            actor=own,
            incumbency_id=seat.pk,
            user_id=user.pk,
            valid_from=today + timedelta(days=first),
            valid_to=today + timedelta(days=last),
            reason="leave",
        )

    with pytest.raises(Invalid, match="没有这个登录名"):
        propose(people.outsider().user, 0, 5)
    with pytest.raises(Invalid, match="已经过去"):
        propose(people.li().user, -9, -3)
    stand_in = people.li().user
    propose(stand_in, 0, 5)
    with pytest.raises(Conflict, match="等待批准"):
        propose(stand_in, 3, 8)
    propose(stand_in, 6, 8)


@pytest.mark.parametrize(
    ("role", "above"),
    [
        (Role.VILLAGE_CADRE, 4),
        (Role.WORK_TEAM, 3),
        (Role.TOWNSHIP_REVIEWER, 3),
        (Role.COUNTY_OFFICER, 2),
        (Role.COUNTY_OFFICER, 1),
        (Role.PREFECTURE_OFFICER, 1),
    ],
)
def test_a_role_is_given_at_its_own_level_and_not_for_more(role: Role, above: int, db: None) -> None:
    village = people.villages()[0]
    place_id = getattr(village, LEVEL_COLUMNS[above])
    with pytest.raises(Invalid, match="层级低于所选地区"):
        actions.create_post(actor=people.administrator().actor, place_id=place_id, title="岗", role=role)


def test_the_account_page_tells_two_posts_of_one_place_apart(db: None) -> None:
    user = newcomer("zhou")
    User.objects.filter(pk=user.pk).update(password_is_temporary=False)
    for title in ("村委会主任", "文书"):
        seated(post(title=title), user)
    later = actions.appoint(
        actor=keeper(),
        post_id=post(title="会计").pk,
        user_id=user.pk,
        valid_from=clock.today() + timedelta(days=9),
    )
    approved("post", later)
    page = people.Person(User.objects.get(pk=user.pk)).client().get("/accounts/me").content.decode()
    assert "村委会主任" in page and "文书" in page
    assert page.count("请人代理") == 2  # a post that begins later has no leave yet


def test_a_proposal_that_is_taken_back_leaves_the_queue(db: None) -> None:
    seat = actions.appoint(actor=keeper(), post_id=post().pk, user_id=newcomer("zhou").pk)
    Incumbency.objects.filter(pk=seat.pk).update(valid_from=clock.today() - timedelta(days=5))
    actions.end_incumbency(actor=keeper(), incumbency_id=seat.pk, version=seat.version)
    assert Incumbency.objects.get(pk=seat.pk).state == "ended"
