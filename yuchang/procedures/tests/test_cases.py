"""A case's way through its procedure: who may, until when, with what; and what is refused."""

import pytest
from django.db import IntegrityError, connection, transaction

from tests import people
from yuchang.accounts.queries import is_opened
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.messages.models import Message
from yuchang.procedures import actions, queries
from yuchang.procedures.library import shipped
from yuchang.procedures.models import Case, Definition, StepRecord, Track
from yuchang.procedures.tests.world import (
    at_township,
    cadre,
    entry,
    in_force,
    paper,
    reviewer,
    set_clock,
    step_on,
)


@pytest.fixture(autouse=True)
def _monday(db):
    set_clock()


def check_all(by, case):
    case.refresh_from_db()
    sample = actions.draw_sample(by.actor, code=case.code, step=case.step, place=by_place(by))
    for row in sample.rows.filter(is_drawn=True):
        actions.check_sampled(by.actor, row_id=row.pk, is_sound=True, note="入户核对无误")


def by_place(by):
    scope = by.actor.grants[0].scope
    return type(people.county()).objects.get(pk=scope.place_id)


def test_an_entry_goes_from_the_village_to_the_announcement():
    li, zhang, wang = cadre(), reviewer(), people.wang()
    case = at_township(li)
    assert (case.step, case.permission, case.barred) == (
        "township_check",
        "procedures.township",
        [li.user.pk],
    )
    check_all(reviewer("另一人"), case)
    step_on(zhang, case, "agree", opinion="材料齐全")
    set_clock(days=20)
    step_on(zhang, case, "forward")
    check_all(people.wang(), case)
    step_on(wang, case, "agree", opinion="同意")
    done = step_on(wang, case, "announce", document_number="成政发〔2026〕12号")
    assert (done.state, done.outcome) == ("done", "listed")
    kinds = list(case.records.order_by("number").values_list("kind", "step"))
    assert kinds[0] == ("opened", "village_review") and kinds[-1] == ("advanced", "announcement")
    assert not case.tracks.filter(state="open").exists()
    written = AuditEntry.objects.filter(object_kind="case", object_id=str(case.pk))
    assert written.exclude(action="procedures.check_sampled").count() == len(kinds)


def test_the_village_has_ten_working_days_and_the_notice_five_days_of_the_calendar():
    li = cadre()
    case = entry(li)
    assert str(case.due_on) == "2026-11-30" and case.final_on is None
    step_on(li, case, "agree", opinion="评议通过", papers=1)
    track = case.tracks.get()
    assert (track.kind, str(track.ends_on)) == ("notice", "2026-11-23")
    case.refresh_from_db()
    assert str(case.due_on) == "2026-11-26"


def test_a_case_is_not_opened_twice_nor_in_the_next_county():
    li = cadre()
    case = entry(li)
    with pytest.raises(Conflict):
        entry(li, subject_id=case.subject_id)
    with pytest.raises(Refused):
        entry(li, place=people.villages(people.WEN)[0])
    with pytest.raises(Refused):
        entry(people.auditor())


def test_a_step_needs_its_opinion_and_its_evidence():
    li = cadre()
    case = entry(li)
    with pytest.raises(Invalid) as error:
        step_on(li, case, "agree")
    assert {p.field for p in error.value.problems} == {"opinion", "evidence_minutes"}
    with pytest.raises(Invalid):
        step_on(li, case, "no such choice", opinion="好的")
    case.refresh_from_db()
    assert case.version == 1


def test_a_notice_must_run_out_and_its_objections_be_settled():
    li, zhang = cadre(), reviewer()
    case = entry(li)
    step_on(li, case, "agree", opinion="评议通过", papers=1)
    track = case.tracks.get()
    with pytest.raises(Conflict, match="第一次公示"):
        step_on(li, case, "forward")
    set_clock(days=9)
    objection = actions.open_case(
        zhang.actor,
        code="appeal",
        subject_kind="procedures.track",
        subject_id=track.pk,
        place=case.place,
        title="异议",
    )
    with pytest.raises(Conflict):
        step_on(li, case, "forward")
    actions.withdraw(zhang.actor, case=objection, version=1, reason="已说明清楚")
    assert step_on(li, case, "forward").step == "township_check"


def test_the_township_must_check_a_fifth_first():
    li, zhang = cadre(), reviewer()
    case = at_township(li)
    with pytest.raises(Conflict, match="20%"):
        step_on(zhang, case, "agree", opinion="同意")
    check_all(reviewer("检查人"), case)
    assert step_on(zhang, case, "agree", opinion="同意").step == "second_notice"


def test_only_the_step_s_own_role_acts_and_only_in_its_area():
    li, wang = cadre(), people.wang()
    case = entry(li)
    with pytest.raises(Refused):
        step_on(wang, case, "agree", opinion="同意", papers=1)
    with pytest.raises(Hidden):
        step_on(people.outsider(), case, "agree", opinion="同意", papers=1)
    with pytest.raises(Stale):
        actions.advance(li.actor, case=case, version=9, choice="agree", opinion="同意", evidence=[1])


def test_who_acted_in_the_village_does_not_act_in_the_township():
    village = people.villages()[0]
    both = cadre("两顶帽子")
    from yuchang.accounts.models import RoleGrant
    from yuchang.accounts.rules import Role

    RoleGrant.objects.create(
        user=both.user, role=Role.TOWNSHIP_REVIEWER, scope_kind="place", place_id=village.township_id,
        valid_from=people.FROM,
    )  # fmt: skip
    case = at_township(both)
    check_all(reviewer(), case)
    with pytest.raises(Refused, match="另一人"):
        step_on(both, case, "agree", opinion="同意")
    assert not queries.due_for(both.actor).filter(pk=case.pk).exists()
    assert queries.due_for(reviewer().actor).filter(pk=case.pk).exists()


def test_the_database_refuses_the_same_person_and_a_move_without_record():
    li = cadre()
    case = at_township(li)

    def record(**more):
        given = {"case": case, "number": case.version + 1, "kind": "advanced", "step": case.step}
        given |= {"by": li.user, "by_name": "李", "at": case.opened_at}
        with transaction.atomic():
            StepRecord.objects.create(**(given | more))

    with pytest.raises(IntegrityError, match="another person"):
        record()
    with pytest.raises(IntegrityError, match="another person"):
        record(by=None)
    with pytest.raises(IntegrityError, match="does not stand"):
        record(step="village_review")
    with pytest.raises(IntegrityError, match="does not stand"):
        record(number=case.version + 2, by=reviewer().user)
    with pytest.raises(IntegrityError, match="only with a record"), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(
            state="done", closed_at=case.opened_at, version=case.version + 1
        )


def test_records_and_definitions_cannot_be_changed(as_role):
    case = entry(cadre())
    for statement in (
        "UPDATE procedures_steprecord SET opinion = 'x'",
        "DELETE FROM procedures_steprecord",
        "DELETE FROM procedures_case",
        "UPDATE procedures_definition SET title = 'x'",
        "UPDATE procedures_case SET definition_id = definition_id + 1",
    ):
        refusal = pytest.raises(Exception, match=r"permission denied|kept as it began|keeps its definition")
        with refusal, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert case.records.get().opinion == ""


def test_a_case_in_progress_keeps_the_version_it_began_under():
    li, wang = cadre(), people.wang()
    old = entry(li)
    body = next(s for s in shipped() if s.code == "household_entry" and not s.place_code)
    content = {**body.__dict__, **body.body}
    content["steps"] = [{**body.body["steps"][0], "limit": {"days": 3}}, *body.body["steps"][1:]]
    added = actions.add_definition(wang.actor, place=people.county(), content=content)
    assert entry(li).definition_id == old.definition_id  # proposed by one, in force by nobody yet
    in_force(added)
    new = entry(li)
    assert (new.definition_id, str(new.due_on)) == (added.pk, "2026-11-19")
    old.refresh_from_db()
    assert old.definition_id != added.pk and str(old.due_on) == "2026-11-30"
    step_on(li, old, "agree", opinion="评议通过", papers=1)
    assert queries.plan_of(old.definition).steps["village_review"].limit.days == 10
    with pytest.raises(Hidden):
        actions.add_definition(wang.actor, place=people.county(people.WEN), content=content)
    with pytest.raises(Refused):
        actions.add_definition(li.actor, place=people.villages()[0], content=content)
    with pytest.raises(Invalid):
        actions.add_definition(wang.actor, place=people.county(), content={**content, "outcomes": {}})


def test_a_case_is_returned_to_where_it_came_from():
    li, zhang = cadre(), reviewer()
    case = at_township(li)
    with pytest.raises(Invalid):
        actions.return_case(zhang.actor, case=case, version=case.version, reason=" ")
    back = actions.return_case(
        zhang.actor, case=case, version=case.version, reason="评议记录缺签字", to="village_review"
    )
    assert (back.step, back.permission) == ("village_review", "procedures.village")
    with pytest.raises(Conflict):
        actions.return_case(li.actor, case=back, version=back.version, reason="无处可退", to="county_review")
    with pytest.raises(Refused):
        actions.return_case(zhang.actor, case=back, version=back.version, reason="不是我的步骤")


def test_a_case_is_withdrawn_by_who_opened_it_or_the_county():
    li, other = cadre(), cadre("另一村干")
    case = entry(li)
    with pytest.raises(Refused):
        actions.withdraw(other.actor, case=case, version=1, reason="不该撤")
    assert actions.withdraw(li.actor, case=case, version=1, reason="农户放弃申请").state == "withdrawn"
    with pytest.raises(Conflict):
        step_on(li, case, "agree", opinion="评议通过", papers=1)
    second = entry(li)
    assert (
        actions.withdraw(people.wang().actor, case=second, version=1, reason="重复申请").state == "withdrawn"
    )


def test_a_transferred_step_is_the_receiver_s_alone():
    li, other, far = cadre(), cadre("另一村干"), reviewer()
    case = entry(li)
    with pytest.raises(Invalid, match="接收人"):
        actions.transfer(li.actor, case=case, version=1, to_user_id=far.user.pk, reason="转办")
    actions.transfer(li.actor, case=case, version=1, to_user_id=other.user.pk, reason="外出学习")
    with pytest.raises(Refused, match="转交"):
        step_on(li, case, "agree", opinion="评议通过", papers=1)
    assert not queries.due_for(li.actor).filter(pk=case.pk).exists()
    assert step_on(other, case, "agree", opinion="评议通过", papers=1).step == "first_notice"


def test_a_parallel_comparison_must_be_done_before_the_review():
    li, wang = cadre(), people.wang()
    case = entry(li, code="monitoring_entry")
    assert str(case.final_on) == "2026-12-01"
    step_on(li, case, "found", opinion="属实", papers=1)
    with pytest.raises(Conflict, match="比对"):
        step_on(li, case, "agree", opinion="评议通过", papers=1)
    track = case.tracks.get()
    assert queries.tracks_for(wang.actor).get() == track
    case.refresh_from_db()
    with pytest.raises(Refused):
        actions.complete_track(li.actor, track_id=track.pk, version=case.version, choice="done")
    actions.complete_track(wang.actor, track_id=track.pk, version=case.version, choice="done")
    assert step_on(li, case, "agree", opinion="评议通过", papers=1).step == "notice"
    assert Track.objects.get(pk=track.pk).state == "done"


def test_overdue_cases_climb_the_ladder_and_show_in_the_overdue_list():
    case = entry(cadre())
    set_clock(days=15)
    assert actions.escalate_overdue() == 1 and actions.escalate_overdue() == 0
    case.refresh_from_db()
    assert case.escalation == 1 and case.records.latest("number").kind == "escalated"
    set_clock(days=25)
    assert actions.escalate_overdue() == 1
    assert [c.escalation for c in queries.overdue_for(people.wang().actor)] == [2]
    assert not queries.overdue_for(people.outsider().actor).exists()
    assert queries.waiting_for(cadre().actor) == {"due": 1, "soon": 0, "late": 1}


def test_a_definition_is_synced_once():
    count = actions.sync_definitions()
    assert count and actions.sync_definitions() == 0
    assert Definition.objects.filter(code="household_entry", place=None).count() == 1


def test_evidence_must_be_about_this_very_case():
    li = cadre()
    case, other = entry(li), entry(li)
    given = {"version": 1, "choice": "agree", "opinion": "评议通过"}
    for number in (paper(li, other), 987_654):
        with pytest.raises(Invalid) as error:
            actions.advance(li.actor, case=case, evidence=[number], **given)
        assert error.value.problems[0].field == "evidence_minutes"
    with pytest.raises(Invalid) as error:
        seal = paper(li, other)
        actions.advance(li.actor, case=case, evidence=[paper(li, case)], seal_file_id=seal, **given)
    assert error.value.problems[0].field == "seal"
    assert actions.advance(li.actor, case=case, evidence=[paper(li, case)], **given).version == 2


def test_each_rung_tells_those_one_level_further_up_until_the_case_moves_on():
    li, zhang, wang, far = cadre(), reviewer(), people.wang(), people.outsider()
    case = entry(li)

    def told(person):
        return Message.objects.filter(recipient=person.user, reference_kind="procedures.case")

    set_clock(days=15)
    actions.escalate_overdue()
    actions.escalate_overdue()
    message = told(zhang).get()
    assert (message.reference_id, str(message.due_on)) == (case.pk, "2026-11-30")
    assert message.link == f"/procedures/cases/{case.pk}/" and "王小满 户纳入" in message.title
    assert zhang.client().get(message.link).status_code == 200
    assert not any(told(person).exists() for person in (li, wang, far))
    set_clock(days=25)
    actions.escalate_overdue()
    assert told(wang).get().is_urgent and not told(far).exists()
    assert message.settled_at is None
    step_on(li, case, "agree", papers=1, opinion="评议通过")
    actions.escalate_overdue()
    message.refresh_from_db()
    assert message.settled_at and not told(wang).filter(settled_at=None).exists()


def test_a_rung_without_anybody_tells_the_next_one_up():
    case = entry(cadre())
    wang, neighbour = people.wang(), people.outsider()
    set_clock(days=15)
    actions.escalate_overdue()
    assert list(Message.objects.values_list("recipient_id", "reference_id")) == [(wang.user.pk, case.pk)]
    assert not Message.objects.filter(recipient=neighbour.user).exists()


def test_a_drawn_household_opens_for_the_evaluator_of_the_sample_and_no_other():
    li, zhang, inside, outside = cadre(), reviewer(), 4711, 4712
    at_township(li, subject_kind="registry.household", subject_id=inside)
    entry(li, subject_kind="registry.household", subject_id=outside)
    sample = actions.draw_sample(
        zhang.actor, code="household_entry", step="township_check", place=by_place(zhang)
    )
    yang = people.evaluator(sample.pk).actor
    assert is_opened(yang, "registry.read", inside) and not is_opened(yang, "registry.read", outside)
    assert not is_opened(people.evaluator(sample.pk + 1).actor, "registry.read", inside)
