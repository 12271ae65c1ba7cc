"""What a notice waits for, and who is told what became of a case."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests import people
from yuchang.accounts.rules import Role
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.messages.models import Message
from yuchang.places.models import Place
from yuchang.procedures import actions, queries
from yuchang.procedures.models import Case
from yuchang.procedures.rules.adapting import NewStep
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

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    """A page's markup."""
    return str(response.content.decode())


def noticed(by: people.Person) -> Case:
    """A household entry whose first notice runs from this Monday."""
    set_clock()
    return step_on(by, entry(by), "agree", opinion="评议通过", papers=1)


def looked_into(objection: Case, choice: str) -> None:
    """The township looks into an objection, the county decides."""
    step_on(reviewer("核查员"), objection, "report", opinion="已入户核查")
    county = people.person("周专员", Role.COUNTY_OFFICER, place=people.county())
    step_on(county, objection, choice, opinion="依核查意见")


def test_an_objection_is_noted_on_the_page_of_the_matter_and_the_notice_waits_for_it():
    li = cadre()
    case = noticed(li)
    page, track = f"/procedures/cases/{case.pk}/", case.tracks.get()
    assert "登记异议" in text(li.client().get(page))
    assert li.client().post(f"/procedures/tracks/{track.pk}/object/", {"text": ""}).status_code == 422
    given = {"text": "东户有两辆车", "raised_by": "邻居,来电"}
    reply = li.client().post(f"/procedures/tracks/{track.pk}/object/", given, follow=True)
    objection = Case.objects.get(code="notice_objection")
    assert objection.title == "王小满 户纳入：东户有两辆车" in text(reply)
    assert objection.reference == "邻居,来电"
    assert f'href="{page}"' in text(reply)  # the way back to what it is about
    assert "东户有两辆车" in text(li.client().get(page))
    log = AuditEntry.objects.get(action="procedures.object_to_notice", object_id=str(case.pk))
    assert log.actor_id == li.user.pk
    set_clock(days=9)
    assert "还有异议没有处理完" in text(li.client().get(page))
    with pytest.raises(Conflict):
        step_on(li, case, "forward")
    looked_into(objection, "reject")
    assert step_on(li, case, "forward").step == "township_check"
    assert "异议不成立" in text(li.client().get(page))


def test_where_an_objection_is_found_true_the_matter_goes_back_and_its_next_notice_is_free_of_it():
    li = cadre()
    case = noticed(li)
    objection = actions.object_to_notice(li.actor, track_id=case.tracks.get().pk, text="东户有两辆车")
    looked_into(objection, "uphold")
    set_clock(days=9)
    assert "异议已经成立" in text(li.client().get(f"/procedures/cases/{case.pk}/"))
    with pytest.raises(Conflict, match="异议已经成立"):
        step_on(li, case, "forward")
    assert actions.advance_cases(li.actor, code=case.code, step="first_notice", choice="forward") == 0
    case.refresh_from_db()
    actions.return_case(li.actor, case=case, version=case.version, reason="异议成立")
    step_on(li, case, "agree", opinion="重新评议通过", papers=1)
    set_clock(days=20)
    assert step_on(li, case, "forward").step == "township_check"


def test_objections_out_of_time_out_of_reach_or_to_what_is_no_notice_are_refused():
    li = cadre()
    case = noticed(li)
    track = case.tracks.get()
    with pytest.raises(Invalid):
        actions.object_to_notice(li.actor, track_id=track.pk, text=" ")
    stranger = people.person("外县", Role.COUNTY_OFFICER, place=people.county(people.WEN))
    with pytest.raises(Hidden):
        actions.object_to_notice(stranger.actor, track_id=track.pk, text="有两辆车")
    with pytest.raises(Refused):
        actions.object_to_notice(people.auditor().actor, track_id=track.pk, text="有两辆车")
    actions.object_to_notice(li.actor, track_id=track.pk, text="有两辆车")
    with pytest.raises(Conflict, match="已有一件异议"):
        actions.object_to_notice(li.actor, track_id=track.pk, text="还有一套房")
    set_clock(days=9)
    with pytest.raises(Conflict, match="异议期已于 2026-11-23 结束"):
        actions.object_to_notice(li.actor, track_id=track.pk, text="还有一套房")
    watched = entry(li, code="monitoring_entry")
    with pytest.raises(Conflict, match="没有进行中的公示"):
        actions.object_to_notice(li.actor, track_id=watched.tracks.get().pk, text="有两辆车")


def test_an_objection_is_begun_from_a_notice_only():
    page = text(cadre().client().get("/procedures/new/"))
    assert "投诉举报" in page and "公示期异议" not in page


def test_while_a_notice_runs_the_page_says_until_when_instead_of_asking_for_a_conclusion():
    li = cadre()
    page = text(li.client().get(f"/procedures/cases/{noticed(li).pk}/"))
    assert "至 2026-11-23 期满,2026-11-24 起可以办理" in page and "提交办理" not in page and "退回" in page
    set_clock(days=8)
    zhang = reviewer()
    case = at_township(li)
    page = text(zhang.client().get(f"/procedures/cases/{case.pk}/"))
    assert "须先抽查不少于 20% 并全部查完" in page and 'href="/procedures/samples/"' in page


def test_what_a_spot_check_found_stands_on_the_page_where_it_is_decided():
    li, zhang = cadre(), reviewer()
    case = at_township(li)
    place = Place.objects.get(pk=case.township_id)
    sample = actions.draw_sample(zhang.actor, code=case.code, step="township_check", place=place)
    checker = reviewer("何审核")
    row = sample.rows.get(is_drawn=True)
    actions.check_sampled(checker.actor, row_id=row.pk, is_sound=False, note="户内有两辆车")
    page = text(zhang.client().get(f"/procedures/cases/{case.pk}/"))
    assert "有问题" in page and "户内有两辆车" in page and "提交办理" in page


def test_going_back_leaves_a_parallel_step_of_an_earlier_one_open_and_it_is_still_waited_for():
    li, wang = cadre(), people.wang()
    set_clock()
    old = entry(li, code="monitoring_entry")
    version = actions.adapt_definition(
        wang.actor,
        definition=old.definition,
        place=people.county(),
        changes={},
        added=NewStep(
            before="review",
            title=("核对", "Compare"),
            permission="procedures.village",
            days=2,
            by_another=False,
        ),
        valid_from=date(2026, 11, 16),
        document="成政发〔2026〕9号",
        source="县里的办法",
    )
    in_force(version)
    case = entry(li, code="monitoring_entry")
    step_on(li, case, "found", opinion="属实", papers=1)
    case.refresh_from_db()
    own = queries.plan_of(case.definition).steps[case.step]
    step_on(li, case, own.choices[0].code, opinion="已核对")
    case.refresh_from_db()
    assert case.step == "review"
    actions.return_case(li.actor, case=case, version=case.version, reason="再核对一次")
    assert case.tracks.get(step="comparison").state == "open"
    step_on(li, case, own.choices[0].code, opinion="已核对")
    case.refresh_from_db()
    with pytest.raises(Conflict, match="部门信息比对"):
        step_on(li, case, "agree", opinion="通过", papers=1)


def test_a_step_taken_back_to_its_own_parallel_step_begins_that_anew():
    li = cadre()
    set_clock()
    case = entry(li, code="monitoring_entry")
    step_on(li, case, "found", opinion="属实", papers=1)
    case.refresh_from_db()
    actions.return_case(li.actor, case=case, version=case.version, reason="再核查")
    states = case.tracks.filter(step="comparison").order_by("pk").values_list("state", flat=True)
    assert list(states) == ["cancelled", "open"]


def test_who_gets_a_step_by_hand_is_told_until_it_is_done():
    li, zhang, he = cadre(), reviewer(), reviewer("何审核")
    case = entry(li, code="appeal")
    actions.transfer(zhang.actor, case=case, version=1, to_user_id=he.user.pk, reason="有亲属关系")
    asked = Message.objects.get(recipient=he.user)
    assert asked.title == "转交您办理：王小满 户纳入" and asked.body == "有亲属关系"
    assert (asked.due_on, asked.link, asked.settled_at) == (
        case.due_on,
        f"/procedures/cases/{case.pk}/",
        None,
    )
    actions.escalate_overdue()
    asked.refresh_from_db()
    assert asked.settled_at is None  # nothing is overdue, and the step is still his
    step_on(he, case, "report", opinion="已查明")
    asked.refresh_from_db()
    assert asked.settled_at


def test_who_did_a_step_is_told_that_it_came_back_and_who_opened_a_case_how_it_ended():
    li, zhang, wang = cadre(), reviewer(), people.wang()
    set_clock()
    case = step_on(zhang, entry(li, code="appeal"), "report", opinion="已查明")
    case = actions.return_case(wang.actor, case=case, version=case.version, reason="请补材料")
    back = Message.objects.get(recipient=zhang.user)
    assert back.title == "退回重办：王小满 户纳入" and back.body == "请补材料"
    step_on(zhang, case, "report", opinion="已补")
    step_on(wang, case, "grant", opinion="成立")
    result = Message.objects.get(recipient=li.user)
    assert result.title == "您发起的事项已办结：王小满 户纳入" and result.body == "结果：申诉成立。"
    back.refresh_from_db()
    assert back.settled_at
    other = entry(li, code="complaint")
    actions.withdraw(wang.actor, case=other, version=1, reason="重复发起")
    told = Message.objects.filter(recipient=li.user).latest("pk")
    assert told.title == "您发起的事项已被撤回：王小满 户纳入" and told.body == "重复发起"
    own = entry(li, code="complaint")
    actions.withdraw(li.actor, case=own, version=1, reason="不投诉了")
    assert Message.objects.filter(recipient=li.user).count() == 2


def test_days_in_the_picture_are_those_of_the_country_also_before_eight_in_the_morning():
    li = cadre()
    set_clock()
    case = entry(li, code="appeal")
    set_clock(datetime(2026, 11, 16, 17, 0, tzinfo=UTC))  # one in the morning of the 17th in Shanghai
    step_on(reviewer(), case, "report", opinion="已查明")
    shown = {p.step.code: p for p in queries.picture(Case.objects.get(pk=case.pk))}
    assert shown["inquiry"].on == date(2026, 11, 17)


def test_evidence_for_an_upheld_objection_needs_two_different_people():
    li, zhang = cadre(), reviewer()
    case = noticed(li)
    objection = actions.object_to_notice(zhang.actor, track_id=case.tracks.get().pk, text="有两辆车")
    with pytest.raises(Refused):
        step_on(zhang, objection, "report", opinion="属实", evidence=[paper(zhang, objection)])


def test_what_the_clock_did_is_the_system_s_in_the_reader_s_words():
    li = cadre()
    set_clock()
    case = entry(li, code="appeal")
    set_clock(days=40)
    actions.escalate_overdue()
    client = li.client()
    assert "<td>系统</td>" in text(client.get(f"/procedures/cases/{case.pk}/"))
    client.cookies["django_language"] = "en"
    page = text(client.get(f"/procedures/cases/{case.pk}/"))
    assert "<td>the system</td>" in page
