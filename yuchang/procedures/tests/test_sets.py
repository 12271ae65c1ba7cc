"""Many cases at once: as refused and as recorded as one by one, in a constant number of statements."""

import time

import pytest
from django.db import connection

from tests import people, things
from yuchang.core.errors import Conflict, Refused, YuchangError
from yuchang.places.models import Place
from yuchang.procedures import actions
from yuchang.procedures.models import Case, StepRecord
from yuchang.procedures.tests.world import at_township, cadre, entry, race, reviewer, set_clock, step_on
from yuchang.registry import actions as registry
from yuchang.registry.models import Household


def many(by, count, **more):
    village = people.villages()[0]
    given = {"code": "household_entry", "subject_kind": "test.set"} | more
    return actions.open_cases(
        by.actor, subjects=[actions.Subject(n, village.pk, f"户 {n}") for n in range(1, count + 1)], **given
    )


def test_a_set_is_opened_once_and_a_case_that_is_open_is_left_out(db):
    set_clock()
    li = cadre()
    assert many(li, 30) == 30 and many(li, 31) == 1
    assert StepRecord.objects.filter(case__subject_kind="test.set", kind="opened", by=li.user).count() == 31
    with pytest.raises(Refused):
        many(people.outsider(), 3, subject_kind="test.other")


def test_a_set_advances_without_those_of_the_actor_and_without_those_transferred(db):
    set_clock()
    zhang, other = reviewer(), reviewer("另一人")
    many(zhang, 4, code="appeal")
    many(other, 9, code="appeal")
    held = Case.objects.get(subject_id=9, code="appeal")
    actions.transfer(zhang.actor, case=held, version=1, to_user_id=zhang.user.pk, reason="由我来办")
    third = reviewer("第三人")
    given = {"code": "appeal", "step": "inquiry", "choice": "report", "opinion": "情况已查明"}
    assert actions.advance_cases(other.actor, **given) == 4
    assert actions.advance_cases(third.actor, **given) == 4
    assert actions.advance_cases(people.outsider().actor, **given) == 0
    assert set(Case.objects.filter(step="decision").values_list("permission", flat=True)) == {
        "procedures.county"
    }
    moved = Case.objects.get(subject_id=1, code="appeal")
    assert set(moved.barred) == {zhang.user.pk, other.user.pk}
    assert moved.due_on is not None and moved.records.count() == 2


def test_a_set_waits_for_the_notice_and_for_the_spot_check(db):
    set_clock()
    li, zhang = cadre(), reviewer()
    cases = [at_township(li) for _n in range(2)]
    waiting = entry(li)
    step_on(li, waiting, "agree", opinion="评议通过", papers=1)
    given = {"code": "household_entry", "opinion": "同意"}
    assert actions.advance_cases(li.actor, step="first_notice", choice="forward", **given) == 0
    assert actions.advance_cases(zhang.actor, step="township_check", choice="agree", **given) == 0
    place = Place.objects.get(pk=cases[0].township_id)
    sample = actions.draw_sample(zhang.actor, code="household_entry", step="township_check", place=place)
    assert (sample.population, sample.size) == (2, 1)
    assert actions.advance_cases(zhang.actor, step="township_check", choice="agree", **given) == 0
    row = sample.rows.get(is_drawn=True)
    with pytest.raises(Refused):
        actions.check_sampled(li.actor, row_id=row.pk, is_sound=True, note="自查")
    actions.check_sampled(zhang.actor, row_id=row.pk, is_sound=True, note="核对无误")
    with pytest.raises(Conflict):
        actions.check_sampled(zhang.actor, row_id=row.pk, is_sound=False, note="再查一次")
    assert actions.advance_cases(zhang.actor, step="township_check", choice="agree", **given) == 2
    assert {c.tracks.get(state="open").step for c in cases} == {"second_notice"}
    set_clock(days=30)
    assert actions.advance_cases(zhang.actor, step="second_notice", choice="forward", **given) == 2


def test_the_register_s_verification_opens_and_closes_cases(db):
    set_clock()
    zhang = reviewer()
    village = people.villages()[0]
    li = cadre()
    homes = [things.household(village, state="entered", entered_by=li.user, name=f"王{n}") for n in range(3)]
    actions.open_cases(
        li.actor, code="household_verification", subject_kind="registry.household",
        subjects=[actions.Subject(h.pk, village.pk, h.head_name) for h in homes],
    )  # fmt: skip
    with pytest.raises(Conflict, match="业务页面"):
        case = Case.objects.get(subject_id=homes[0].pk, code="household_verification")
        actions.advance(zhang.actor, case=case, version=1, choice="confirm")
    colleague = reviewer("同事")
    actions.transfer(zhang.actor, case=case, version=1, to_user_id=colleague.user.pk, reason="由同事核实")
    with pytest.raises(Refused, match="转交"):
        registry.verify_household(actor=zhang.actor, household_id=homes[0].pk, version=1)
    assert registry.verify_households(actor=zhang.actor) == 2
    registry.verify_household(actor=colleague.actor, household_id=homes[0].pk, version=1)
    assert set(Case.objects.values_list("state", "outcome")) == {("done", "verified")}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_advance_at_the_same_moment_one_is_refused():
    set_clock()
    li, one, two = cadre(), reviewer("甲"), reviewer("乙")
    case = entry(li, code="appeal")
    actors = [one.actor, two.actor]

    def work(actor):
        return lambda: actions.advance(actor, case=case.pk, version=1, choice="report", opinion="已查明")

    outcomes = race(*(work(a) for a in actors))
    assert sorted(o is None for o in outcomes) == [False, True]
    assert isinstance(next(o for o in outcomes if o), YuchangError)
    assert case.records.filter(kind="advanced").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_person_over_two_connections_does_not_act_in_both_steps():
    set_clock()
    li = cadre()
    zhang, wang = reviewer(), people.wang()
    case = entry(li, code="appeal")
    actions.advance(zhang.actor, case=case, version=1, choice="report", opinion="已查明")

    def raw():
        """Past our own code: straight into the table, as the application's role."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO procedures_steprecord (case_id, number, kind, step, choice, next_step, opinion,"
                " document_number, evidence, by_id, by_name, at) VALUES"
                " (%s, 3, 'advanced', 'decision', 'grant', 'end:granted', '', '', '[]', %s, 'x', now())",
                [case.pk, zhang.user.pk],
            )

    outcomes = race(raw, raw)
    assert all("another person" in str(o) for o in outcomes)
    case.refresh_from_db()
    done = actions.advance(wang.actor, case=case, version=2, choice="grant", opinion="申诉成立")
    assert done.outcome == "granted"


@pytest.mark.nightly
@pytest.mark.django_db
def test_twenty_thousand_checks_are_opened_and_verified_in_seconds():
    set_clock()
    village, li, zhang = people.villages()[0], cadre(), reviewer()
    with connection.cursor() as cursor:
        home = things.household(village, state="entered", entered_by=li.user)
        names = [
            f.column for f in Household._meta.fields if f.name not in ("id", "uid", "number", "public_code")
        ]
        columns = ", ".join(names)
        cursor.execute(
            f"INSERT INTO registry_household (uid, number, public_code, {columns})"
            " SELECT gen_random_uuid(), 'S' || n, upper(left(replace(gen_random_uuid()::text, '-', ''), 12)),"
            f" {columns} FROM registry_household, generate_series(1, 20000) n WHERE registry_household.id = %s",
            [home.pk],
        )
    started = time.perf_counter()
    opened = actions.open_from(
        li.actor, code="household_verification", subject_kind="registry.household",
        select_sql="SELECT id, place_id, head_name, number, NULL::date FROM registry_household", params=[],
    )  # fmt: skip
    middle = time.perf_counter()
    verified = registry.verify_households(actor=zhang.actor)
    seconds = (middle - started, time.perf_counter() - middle)
    print(f"opened {opened} in {seconds[0]:.1f} s, verified {verified} in {seconds[1]:.1f} s")
    assert opened == verified == 20_001 and max(seconds) < 60
