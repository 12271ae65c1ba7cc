"""A county's own version of a procedure: one person proposes it, another puts it in force."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests import people
from yuchang.accounts.rules import Role
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.messages.models import Message
from yuchang.places.models import Place
from yuchang.procedures import actions, queries
from yuchang.procedures.models import Case, Definition
from yuchang.procedures.rules.adapting import StepChange
from yuchang.procedures.tests.world import cadre, entry, in_force, race, set_clock, step_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _monday() -> None:
    set_clock()


def text(response: Any) -> str:
    """A page's markup."""
    return str(response.content.decode())


def zhou() -> people.Person:
    """A second officer of the county."""
    return people.person("周专员", Role.COUNTY_OFFICER, place=people.county())


def proposed(by: people.Person, old: Case, **more: Any) -> Definition:
    """A version with three days for the village's review, from this Monday."""
    given: dict[str, Any] = {
        "definition": old.definition,
        "place": people.county(),
        "changes": {"village_review": StepChange(days=3)},
        "valid_from": date(2026, 11, 16),
        "document": "成政发〔2026〕9号",
        "source": "县里的办法",
    }
    return actions.adapt_definition(by.actor, **given | more)


def test_one_proposes_and_another_puts_in_force_on_the_page_and_in_the_log():
    wang, second, old = people.wang(), zhou(), entry(cadre())
    version = proposed(wang, old)
    assert version.state == "proposed" and entry(cadre("甲村干")).definition_id == old.definition_id
    asked = Message.objects.get(reference_kind="procedures.definition")
    assert asked.recipient_id == second.user.pk and asked.link == f"/procedures/library/{version.pk}/"
    page = text(second.client().get(asked.link))
    assert "批准施行" in page and "3 个工作日" in page and "10 个工作日" in page
    given = {"version": version.version, "answer": "approve"}
    assert "已批准" in text(second.client().post(f"{asked.link}vet/", given, follow=True))
    version.refresh_from_db()
    assert (version.state, version.proposed_by, version.vetted_by) == ("live", wang.user, second.user)
    assert entry(cadre("乙村干")).definition_id == version.pk
    entries = AuditEntry.objects.filter(object_id=str(version.pk), object_kind="definition").order_by("id")
    assert [(e.action, e.actor_id, e.place_id) for e in entries] == [
        ("procedures.add_definition", wang.user.pk, people.county().pk),
        ("procedures.vet_definition", second.user.pk, people.county().pk),
    ]
    asked.refresh_from_db()
    assert asked.settled_at and Message.objects.filter(recipient=wang.user, kind="result").count() == 1


def test_the_proposer_does_not_put_it_in_force_nor_does_anybody_from_outside():
    version = proposed(people.wang(), entry(cadre()))
    version = Definition.objects.get(pk=version.pk)
    assert version.proposed_by is not None
    mine = people.Person(version.proposed_by)
    page = text(mine.client().get(f"/procedures/library/{version.pk}/"))
    assert "待批准" in page and "批准施行" not in page
    given = {"version": version.version, "answer": "approve"}
    assert mine.client().post(f"/procedures/library/{version.pk}/vet/", given).status_code == 403
    for actor, refusal in (
        (mine.actor, Refused),
        (cadre().actor, Refused),
        (people.person("外县", Role.COUNTY_OFFICER, place=people.county(people.WEN)).actor, Hidden),
    ):
        with pytest.raises(refusal):
            actions.vet_definition(actor, definition_id=version.pk, version=version.version, approve=True)
    with pytest.raises(Stale):
        actions.vet_definition(zhou().actor, definition_id=version.pk, version=None, approve=True)
    version.refresh_from_db()
    assert version.state == "proposed"


def test_a_refusal_needs_a_reason_and_is_final():
    wang, second, old = people.wang(), zhou(), entry(cadre())
    version = proposed(wang, old)
    given: dict[str, Any] = {"definition_id": version.pk, "version": version.version, "approve": False}
    with pytest.raises(Invalid):
        actions.vet_definition(second.actor, **given)
    with pytest.raises(Conflict, match="已有一版待批准"):
        proposed(second, old)
    refused = actions.vet_definition(second.actor, **given, note="文号不对")
    assert "未批准" in text(wang.client().get(f"/procedures/library/{version.pk}/"))
    with pytest.raises(Conflict):
        actions.vet_definition(second.actor, definition_id=version.pk, version=refused.version, approve=True)
    assert in_force(proposed(wang, old), second).number == 2
    assert entry(cadre("甲村干")).definition.number == 2


def test_what_is_approved_late_holds_from_that_day():
    version = proposed(people.wang(), entry(cadre()))
    set_clock(days=2)
    assert in_force(version).valid_from == date(2026, 11, 18)


def test_what_is_approved_is_compared_with_what_holds_above_it_then():
    wang, old = people.wang(), entry(cadre())
    version = proposed(wang, old)
    prefecture = people.county().parent
    assert prefecture is not None
    longer = {**old.definition.body, "code": old.code, "title": "一", "title_en": "one", "certainty": "local"}
    longer["steps"] = [
        {**step, "limit": {**step["limit"], "days": 30}} if step["code"] == "first_notice" else step
        for step in longer["steps"]
    ]
    officer = people.person("市专员", Role.COUNTY_OFFICER, place=prefecture)
    above = actions.add_definition(
        officer.actor, place=prefecture, content={**longer, "valid_from": date(2026, 11, 16)}
    )
    with pytest.raises(Hidden):  # an officer of the county does not approve for the prefecture
        in_force(above, zhou())
    in_force(above, people.person("市专员二", Role.COUNTY_OFFICER, place=prefecture))
    with pytest.raises(Invalid, match="不能放宽上级规定"):
        in_force(version)


def test_the_database_itself_wants_two_people_and_no_case_under_a_version_that_waits():
    wang, old = people.wang(), entry(cadre())
    version = proposed(wang, old)
    rows = Definition.objects.filter(pk=version.pk)
    now = version.created_at
    for change in (
        {"state": "live"},
        {"state": "live", "vetted_by": wang.user, "vetted_at": now},
        {"state": "live", "vetted_by": zhou().user, "vetted_at": now, "proposed_by": None},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    old.pk, old.subject_id = None, old.subject_id + 1
    old.definition = version
    with pytest.raises(IntegrityError, match="not in force"), transaction.atomic():
        old.save(force_insert=True)
    in_force(version)
    with pytest.raises(IntegrityError, match="kept as it began"), transaction.atomic():
        rows.update(state="refused")
    assert queries.definition_for("household_entry", people.county(), date(2026, 11, 16)) == version


GIVEN = {"valid_from": "2026-11-16", "document": "成政发〔2026〕9号", "source": "县里的办法"}


def wrote(by: people.Person, old: Case, **more: Any) -> Any:
    """What the page answers to an own version for the county."""
    address = f"/procedures/library/{old.definition_id}/adapt/"
    return by.client().post(address, {"place": people.county().pk, **GIVEN, **more}, follow=True)


def test_an_officer_edits_steps_papers_and_people_and_the_second_sees_each_before_and_after():
    wang, old = people.wang(), entry(cadre())
    page = text(wang.client().get(f"/procedures/library/{old.definition_id}/adapt/"))
    assert 'class="procedure"' in page and "另须附的材料" in page
    reply = wrote(
        wang,
        old,
        papers_village_review="到会人员签到表 / attendance",
        document_county_review="on",
        apart_announcement="county_review",
        new_title="村务监督委员会核对",
        new_before="township_check",
        new_permission="procedures.village",
        new_days="4",
        new_another="on",
    )
    version = Definition.objects.get(state="proposed")
    assert f"/procedures/library/{version.pk}/" in reply.redirect_chain[-1][0]
    seen = text(zhou().client().get(f"/procedures/library/{version.pk}/"))
    for word in ("评议会议记录、到会人员签到表", "新增步骤", "村务监督委员会核对", "4 个工作日", "县级复审"):
        assert word in seen, word
    steps = queries.plan_of(in_force(version)).steps
    assert [e.title_en for e in steps["village_review"].evidence] == ["minutes of the review", "attendance"]
    assert steps["first_notice"].choices[0].next == "own_step_1"
    assert steps["own_step_1"].apart_from == ("opened", "village_review", "first_notice")
    assert steps["county_review"].needs_document and steps["announcement"].apart_from == ("county_review",)


def test_a_case_goes_through_the_step_put_in_and_asks_for_the_paper_added():
    wang, old, li = people.wang(), entry(cadre()), cadre("甲村干")
    wrote(
        wang,
        old,
        papers_village_review="签到表",
        new_title="核对",
        new_before="township_check",
        new_permission="procedures.village",
        new_days="4",
    )
    in_force(Definition.objects.get(state="proposed"))
    case = entry(li)
    with pytest.raises(Invalid):
        step_on(li, case, "agree", papers=1, opinion="同意")
    page = text(li.client().get(f"/procedures/cases/{case.pk}/"))
    assert "签到表" in page and "核对" in page


def test_what_is_wrong_with_an_own_version_is_said_in_words_and_nothing_is_proposed():
    wang, old = people.wang(), entry(cadre())
    for more, word in (
        ({}, "没有不同"),
        ({"papers_village_review": "表"}, "2 至 40 个字"),
        ({"new_title": "核对", "new_before": "township_check"}, "增加一步时须填写"),
        ({"new_days": "3"}, "增加一步时须填写"),
        ({"days_first_notice": "4"}, "5"),
    ):
        reply = wrote(wang, old, **more)
        assert reply.status_code == 422 and word in text(reply), more
    assert not Definition.objects.filter(state="proposed").exists()


def test_what_may_not_be_loosened_is_named_by_the_step_in_words():
    old = entry(cadre())
    weaker = {**old.definition.body, "code": old.code, "title": "一", "title_en": "one", "certainty": "local"}
    weaker |= {"valid_from": date(2026, 11, 16), "steps": deepcopy(old.definition.body["steps"])}
    for step in weaker["steps"]:
        step.pop("evidence", None)
        step.pop("apart_from", None)
    with pytest.raises(Invalid) as refused:
        actions.add_definition(people.wang().actor, place=people.county(), content=weaker)
    said = [problem.message for problem in refused.value.problems]
    assert any("步骤“民主评议”须附“评议会议记录”" in one for one in said)
    assert any("步骤“乡镇审核”须由未办理过“发起、民主评议”的人办" in one for one in said)


def test_the_county_s_only_officer_is_answered_by_the_prefecture_s():
    wang, old = people.wang(), entry(cadre())
    version = proposed(wang, old)
    alone = text(wang.client().get(f"/procedures/library/{version.pk}/"))
    assert "没有第二位可以批准的人" in alone
    above = people.person("市专员", Role.PREFECTURE_OFFICER, place=people.county().parent)
    assert "市专员" in text(wang.client().get(f"/procedures/library/{version.pk}/"))
    page = f"/procedures/library/{version.pk}/"
    assert "批准施行" in text(above.client().get(page))
    reply = above.client().post(f"{page}vet/", {"version": version.version, "answer": "approve"}, follow=True)
    version.refresh_from_db()
    assert "已批准" in text(reply) and (version.state, version.vetted_by) == ("live", above.user)


def test_who_answers_second_is_told_that_it_is_answered():
    version = proposed(people.wang(), entry(cadre()))
    first, second = zhou(), people.person("郑专员", Role.COUNTY_OFFICER, place=people.county())
    given = {"version": version.version, "answer": "approve"}
    page = f"/procedures/library/{version.pk}/vet/"
    assert first.client().post(page, given).status_code == 302
    assert second.client().post(page, given | {"answer": "refuse", "reason": "不行"}).status_code == 409
    version.refresh_from_db()
    assert (version.state, version.vetted_by) == ("live", first.user)


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_who_answer_at_the_same_moment_one_is_refused_and_the_other_s_word_stands():
    set_clock()
    version = proposed(people.wang(), entry(cadre()))
    given: dict[str, Any] = {"definition_id": version.pk, "version": version.version}
    first, second = zhou().actor, people.person("郑专员", Role.COUNTY_OFFICER, place=people.county()).actor
    outcomes = race(
        lambda: actions.vet_definition(first, **given, approve=True),
        lambda: actions.vet_definition(second, **given, approve=False, note="文号不对"),
    )
    assert [type(o) for o in outcomes if o] == [Stale]
    version.refresh_from_db()
    kept = ("refused", second.user_id) if outcomes[0] else ("live", first.user_id)
    assert (version.state, version.vetted_by_id) == kept
    assert AuditEntry.objects.filter(action="procedures.vet_definition").count() == 1
    assert Message.objects.filter(kind="result").count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_withdrawn_while_another_approves_is_either_withdrawn_or_in_force():
    set_clock()
    wang, second = people.wang(), zhou()
    version = proposed(wang, entry(cadre()))
    given: dict[str, Any] = {"definition_id": version.pk, "version": version.version}
    outcomes = race(
        lambda: actions.vet_definition(second.actor, **given, approve=True),
        lambda: actions.withdraw_definition(wang.actor, **given, reason="写错了"),
    )
    assert [type(o) for o in outcomes if o] == [Stale]
    version.refresh_from_db()
    assert version.state == ("ended" if outcomes[0] else "live")


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_who_propose_at_the_same_moment_one_is_told_that_a_version_waits():
    set_clock()
    old = entry(cadre())
    first, second = people.wang(), zhou()
    outcomes = race(lambda: proposed(first, old), lambda: proposed(second, old))
    assert [type(o) for o in outcomes if o] == [Conflict]
    assert Definition.objects.filter(state="proposed").count() == 1


def test_the_proposer_takes_a_mistaken_version_back_with_a_reason_and_proposes_another():
    wang, second, old = people.wang(), zhou(), entry(cadre())
    version = proposed(wang, old)
    page = f"/procedures/library/{version.pk}/"
    assert f"{page}withdraw/" in text(wang.client().get(page))
    assert f"{page}withdraw/" not in text(second.client().get(page))
    given = {"version": version.version, "reason": "天数写错了"}
    assert second.client().post(f"{page}withdraw/", given).status_code == 403
    with pytest.raises(Invalid, match="理由"):
        actions.withdraw_definition(wang.actor, definition_id=version.pk, version=version.version)
    reply = text(wang.client().post(f"{page}withdraw/", given, follow=True))
    assert "已撤回" in reply and "天数写错了" in reply
    version.refresh_from_db()
    assert (version.state, version.vetted_by) == ("ended", None)
    assert Message.objects.get(recipient=second.user).settled_at
    log = AuditEntry.objects.get(action="procedures.withdraw_definition")
    assert (log.actor_id, log.place_id) == (wang.user.pk, people.county().pk)
    with pytest.raises(Conflict):
        actions.vet_definition(second.actor, definition_id=version.pk, version=version.version, approve=True)
    with pytest.raises(Conflict):
        actions.withdraw_definition(
            wang.actor, definition_id=version.pk, version=version.version, reason="再撤一次"
        )
    assert in_force(proposed(wang, old), second).number == 2


def test_an_officer_of_another_county_does_not_reach_what_waits():
    version = proposed(people.wang(), entry(cadre()))
    stranger = people.person("外县", Role.COUNTY_OFFICER, place=people.county(people.WEN))
    with pytest.raises(Hidden):
        actions.withdraw_definition(
            stranger.actor, definition_id=version.pk, version=version.version, reason="不要了"
        )


@pytest.mark.parametrize(
    ("role", "level"), [(Role.PREFECTURE_OFFICER, "prefecture"), (Role.PROVINCE_OFFICER, "province")]
)
def test_a_region_proposes_for_its_counties_another_of_the_region_approves_and_all_counties_begin_under_it(
    role: Role, level: str
):
    old = entry(cadre())
    place = Place.objects.get(pk=getattr(people.county(), f"{level}_id"))
    one, other = (people.person(name, role, place=place) for name in ("甲专员", "乙专员"))
    page = text(one.client().get(f"/procedures/library/{old.definition_id}/"))
    assert "为本地另定一版" in page
    address = f"/procedures/library/{old.definition_id}/adapt/"
    assert place.name in text(one.client().get(address))
    reply = one.client().post(address, {"place": place.pk, **GIVEN, "days_village_review": "6"}, follow=True)
    version = Definition.objects.get(state="proposed")
    assert reply.status_code == 200 and version.place == place
    with pytest.raises(Hidden):  # a county does not decide for its region
        actions.vet_definition(zhou().actor, definition_id=version.pk, version=1, approve=True)
    in_force(version, other)
    assert entry(cadre("甲村干")).definition_id == version.pk
    with pytest.raises(Refused):  # to say what holds is not to move a county's cases
        actions.withdraw(one.actor, case=old, version=old.version, reason="由上级撤回")
