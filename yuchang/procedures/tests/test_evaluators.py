"""A sample is given to an evaluator, who sees what was drawn, notes what is found, and sees nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests import people, things
from yuchang.accounts.actions import end_assignment, grant_role
from yuchang.accounts.models import Assignment, User
from yuchang.accounts.queries import actor_for, is_opened
from yuchang.accounts.rules import Actor, Role, SampleScope
from yuchang.accounts.tests.makers import keeper
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.files.queries import files_for as readable_files
from yuchang.messages.models import Message
from yuchang.procedures import actions, queries
from yuchang.procedures.models import Sample, SampleCheck
from yuchang.procedures.tests.world import at_township, cadre, paper, reviewer

pytestmark = pytest.mark.django_db


def newcomer(name: str = "杨评估") -> User:
    """Somebody without any right."""
    return User.objects.create(username=f"{name}-{User.objects.count()}", display_name=name)


def now(user: User) -> Actor:
    return actor_for(user.pk, user.display_name, clock.today())


def drawn(by: people.Person) -> Sample:
    return actions.draw_sample(by.actor, code="household_entry", step="township_check", place=by_place(by))


def by_place(by: people.Person) -> Any:
    return by.user.role_grants.get().place


def test_whoever_drew_a_sample_gives_it_and_the_evaluator_checks_it() -> None:
    li, zhang, yang = cadre(), reviewer(), newcomer()
    home = things.household(people.villages()[0])
    case = at_township(li, subject_kind="registry.household", subject_id=home.pk)
    sample = drawn(zhang)
    row = actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=yang.pk)
    evaluator = now(yang)
    assert [grant.scope for grant in evaluator.grants] == [SampleScope(sample.pk)]
    assert is_opened(evaluator, "registry.read", home.pk)
    assert queries.case_for(evaluator, case.pk) == case
    assert Message.objects.get(recipient=yang).link == f"/procedures/samples/{sample.pk}/"
    drawn_row = sample.rows.get(is_drawn=True)
    check = actions.check_sampled(evaluator, row_id=drawn_row.pk, is_sound=True, note="入户核对无误")
    assert check.by_id == yang.pk and queries.tasks_of(evaluator)[0].percent == 100
    end_assignment(actor=zhang.actor, assignment_id=row.pk, version=row.version)
    assert AuditEntry.objects.filter(action="procedures.give_sample").count() == 1
    with pytest.raises(Conflict):
        actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=yang.pk)  # still to the end of the day


def test_a_case_opened_by_hand_is_checked_on_its_own_page() -> None:
    li, zhang, yang = cadre(), reviewer(), newcomer()
    case = at_township(li, subject_kind="procedures.matter", subject_id=17)
    sample = drawn(zhang)
    actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=yang.pk)
    client = people.Person(yang).client()
    home = client.get("/").content.decode()
    assert f"/procedures/cases/{case.pk}/" in home and "去检查" in home
    assert client.get(f"/procedures/cases/{case.pk}/").status_code == 200
    row = sample.rows.get(is_drawn=True)
    found = {"is_sound": "0", "note": "签字不是本人"}
    assert client.post(f"/procedures/samples/rows/{row.pk}/check/", found).status_code == 302
    assert SampleCheck.objects.get().is_sound is False
    assert "已检查 1 件，共 1 件" in client.get("/").content.decode()


def test_the_papers_of_a_drawn_case_and_household_open_and_no_others() -> None:
    li, zhang, yang = cadre(), reviewer(), newcomer()
    home, next_door = (things.household(people.villages()[0]) for _n in range(2))
    case = at_township(li, subject_kind="registry.household", subject_id=home.pk)
    sample = drawn(zhang)
    later = at_township(li, subject_kind="registry.household", subject_id=next_door.pk)
    about = {"purpose": "household_document", "about_kind": "household"}
    opened = {paper(li, case), paper(li, case, **about, about_id=home.pk)}
    shut = {paper(li, later), paper(li, later, **about, about_id=next_door.pk)}
    page = "/files/{}".format
    client = people.Person(yang).client()
    assert {client.get(page(number)).status_code for number in opened} == {404}
    actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=yang.pk)
    assert {client.get(page(number)).status_code for number in opened} == {200}
    assert {client.get(page(number)).status_code for number in shut} == {404}
    assert set(readable_files(now(yang)).filter(pk__in=opened | shut).values_list("pk", flat=True)) == opened


def test_an_evaluator_reaches_neither_other_samples_nor_what_was_not_drawn() -> None:
    li, zhang = cadre(), reviewer()
    yang, other = newcomer(), newcomer("别的评估")
    case = at_township(li)
    one = drawn(zhang)
    two = drawn(zhang)
    actions.give_sample(zhang.actor, sample_id=one.pk, user_id=yang.pk)
    actions.give_sample(zhang.actor, sample_id=two.pk, user_id=other.pk)
    later = at_township(li)
    assert queries.case_for(now(yang), case.pk) == case
    for wanted in (
        lambda: queries.case_for(now(yang), later.pk),
        lambda: queries.sample_for(now(yang), two.pk),
    ):
        with pytest.raises(Hidden):
            wanted()
    with pytest.raises(Hidden):
        row = two.rows.get(is_drawn=True)
        actions.check_sampled(now(yang), row_id=row.pk, is_sound=True, note="不该我查")
    with pytest.raises(Refused):
        actions.draw_sample(now(yang), code="household_entry", step="township_check", place=case.place)
    assert list(queries.samples_for(now(yang))) == [one]
    assert people.Person(yang).client().get("/registry/").status_code == 200


def test_only_who_may_draw_there_gives_and_never_to_oneself() -> None:
    zhang = reviewer()
    at_township(cadre())
    sample = drawn(zhang)
    yang = newcomer()
    for person, error in ((people.outsider(), Hidden), (people.li(), Refused), (people.auditor(), Refused)):
        with pytest.raises(error):
            actions.give_sample(person.actor, sample_id=sample.pk, user_id=yang.pk)
    with pytest.raises(Refused):
        actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=zhang.user.pk)
    with pytest.raises(Invalid):  # not of zhang's places
        actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=people.auditor().user.pk)
    with pytest.raises(Invalid):
        yesterday = clock.today() - timedelta(days=1)
        actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=yang.pk, valid_to=yesterday)
    assert not Assignment.objects.exists()


def test_who_handled_a_case_does_not_check_it_as_an_evaluator() -> None:
    li, zhang = cadre(), reviewer()
    at_township(li)
    sample = drawn(zhang)
    actions.give_sample(zhang.actor, sample_id=sample.pk, user_id=li.user.pk)
    with pytest.raises(Refused):
        row = sample.rows.get(is_drawn=True)
        actions.check_sampled(now(li.user), row_id=row.pk, is_sound=True, note="我自己办的")


def test_no_form_and_no_command_gives_the_role_by_place() -> None:
    with pytest.raises(Invalid):
        grant_role(
            actor=keeper(), user_id=newcomer().pk, role=Role.EVALUATOR, place_id=people.villages()[0].pk
        )
    client, user = people.administrator().client(), newcomer()
    assert 'value="evaluator"' not in client.get(f"/people/{user.pk}").content.decode()


def test_the_page_gives_a_sample_by_login_name_and_takes_it_back() -> None:
    zhang, yang = reviewer(), newcomer()
    at_township(cadre())
    sample = drawn(zhang)
    client, page = zhang.client(), f"/procedures/samples/{sample.pk}/"
    unknown = client.post(f"{page}give/", {"username": "nobody"})
    assert unknown.status_code == 422 and "没有这个登录名" in unknown.content.decode()
    assert client.post(f"{page}give/", {"username": yang.username}).status_code == 302
    assert "杨评估" in client.get(page).content.decode()
    row = Assignment.objects.get()
    taken = client.post(f"/procedures/samples/given/{row.pk}/end/", {"version": row.version})
    assert taken.status_code == 302 and taken["Location"] == page
