"""The pages as the reviewer and the cadre use them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.core.errors import Invalid
from yuchang.core.models import AuditEntry
from yuchang.files.tests import hostile
from yuchang.procedures import actions, queries
from yuchang.procedures.library import shipped
from yuchang.procedures.models import Case, Definition, Holiday
from yuchang.procedures.tests.world import at_township, cadre, entry, in_force, reviewer, set_clock, step_on


@pytest.fixture(autouse=True)
def _monday(db):
    set_clock()


def text(response):
    return response.content.decode()


def test_a_cadre_acts_with_minutes_and_the_history_shows_them():
    li = cadre()
    case = entry(li)
    client = li.client()
    assert "王小满 户纳入" in text(client.get("/procedures/"))
    page = text(client.get(f"/procedures/cases/{case.pk}/"))
    assert 'aria-current="step"' in page and "评议会议记录" in page
    address = f"/procedures/cases/{case.pk}/advance/"
    refused = client.post(address, {"version": 1, "choice": "agree", "opinion": "评议通过"})
    assert refused.status_code == 422
    given = {"version": 1, "choice": "agree", "opinion": "评议通过"}
    given["evidence_minutes"] = SimpleUploadedFile("记录.jpg", hostile.jpeg((40, 30)))
    assert client.post(address, given).status_code == 302
    case.refresh_from_db()
    record = case.records.latest("number")
    assert case.step == "first_notice" and record.evidence[0][0] == "minutes"
    page = text(client.get(f"/procedures/cases/{case.pk}/"))
    assert f"/files/{record.evidence[0][1]}/download" in page and "评议通过" in page


def test_a_stale_form_and_a_stranger_are_refused():
    li = cadre()
    case = entry(li, code="appeal")
    given = {"version": 1, "choice": "report", "opinion": "情况已查明"}
    assert li.client().post(f"/procedures/cases/{case.pk}/advance/", given).status_code == 403
    assert people.outsider().client().get(f"/procedures/cases/{case.pk}/").status_code == 404
    zhang = reviewer().client()
    assert zhang.post(f"/procedures/cases/{case.pk}/advance/", given | {"version": 7}).status_code == 409
    assert zhang.post(f"/procedures/cases/{case.pk}/advance/", given).status_code == 302


def test_the_overdue_list_is_scoped_and_narrowed():
    entry(cadre(), title="逾期的事项")
    set_clock(days=30)
    actions.escalate_overdue()
    wang = people.wang().client()
    assert "逾期的事项" in text(wang.get("/procedures/overdue/?rung=1"))
    assert "逾期的事项" not in text(wang.get("/procedures/overdue/?code=appeal"))
    assert "逾期的事项" not in text(people.outsider().client().get("/procedures/overdue/"))
    assert wang.get("/procedures/overdue/?after=%%%").status_code == 422


@pytest.mark.parametrize("address", ["/procedures/", "/procedures/overdue/"])
def test_a_list_costs_the_same_for_5_and_for_60_rows(address):
    li, village = cadre(), people.villages()[0]

    def add(first, last):
        subjects = [actions.Subject(n, village.pk, f"户 {n}") for n in range(first, last)]
        actions.open_cases(li.actor, code="household_entry", subject_kind="test", subjects=subjects)

    add(0, 5)
    set_clock(days=30)
    client = li.client()
    client.get(address)
    counts = []
    for more in (0, 55):
        set_clock()
        add(5, 5 + more)
        set_clock(days=30)
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get(address).status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1] <= 25


def test_a_case_is_opened_returned_transferred_and_withdrawn_by_forms():
    li, zhang, other = cadre(), reviewer(), reviewer("同事")
    village = people.villages()[0]
    client = li.client()
    assert client.get("/procedures/new/").status_code == 200
    form = {"code": "complaint", "place": village.pk, "title": "反映帮扶不到位"}
    assert client.post("/procedures/new/", form).status_code == 302
    case = Case.objects.get(title="反映帮扶不到位")
    wang = people.wang()
    given = {"version": 1, "choice": "accept"}
    assert wang.client().post(f"/procedures/cases/{case.pk}/advance/", given).status_code == 302
    back = {"version": 2, "to": "intake", "reason": "不属本乡镇"}
    assert zhang.client().post(f"/procedures/cases/{case.pk}/return/", back).status_code == 302
    assert (
        wang.client().post(f"/procedures/cases/{case.pk}/advance/", given | {"version": 3}).status_code == 302
    )
    hand = {"version": 4, "to_user": other.user.pk, "reason": "由同事办理"}
    assert zhang.client().post(f"/procedures/cases/{case.pk}/transfer/", hand).status_code == 302
    assert "反映帮扶不到位" not in text(zhang.client().get("/procedures/"))
    assert "反映帮扶不到位" in text(other.client().get("/procedures/"))
    gone = {"version": 5, "reason": "已当面解决"}
    assert zhang.client().post(f"/procedures/cases/{case.pk}/withdraw/", gone).status_code == 403
    assert client.post(f"/procedures/cases/{case.pk}/withdraw/", gone).status_code == 302


def test_the_library_shows_every_version_and_its_picture():
    client = cadre().client()
    page = text(client.get("/procedures/library/"))
    assert "厅字〔2016〕16号" in page and "农户退出" in page
    number = queries.library().get(code="household_exit").pk
    page = text(client.get(f"/procedures/library/{number}/"))
    assert "村两委和工作队核实" in page and "抽查不少于 20%" in page
    assert client.get("/procedures/library/999999/").status_code == 404


def test_a_sample_page_draws_again_and_takes_the_checks():
    at_township(cadre())
    zhang = reviewer()
    client = zhang.client()
    township = zhang.actor.grants[0].scope.place_id
    form = {"of": "household_entry/township_check", "place": township}
    assert client.post("/procedures/samples/draw/", form | {"share_percent": 5}).status_code == 422
    answer = client.post("/procedures/samples/draw/", form)
    assert answer.status_code == 302
    page = text(client.get(answer["Location"]))
    assert "由种子重新抽取，结果一致" in page
    sample = queries.samples_for(zhang.actor).get()
    row = sample.rows.get(is_drawn=True)
    check = {"is_sound": "0", "note": "收入与申报不符"}
    assert client.post(f"/procedures/samples/rows/{row.pk}/check/", check).status_code == 302
    assert "收入与申报不符" in text(client.get(answer["Location"]))


def test_the_calendar_takes_a_province_s_own_days_and_names_every_faulty_row():
    wang = people.wang()
    client = wang.client()
    page = text(client.get("/procedures/calendar/?year=2026"))
    assert "国办发明电〔2025〕7号" in page and "尚未导入" not in page
    assert "尚未导入" in text(client.get("/procedures/calendar/?year=2027"))
    address, county = "/procedures/calendar/import/", people.county()
    bad = "日期,类型,名称,文号\n2027-13-01,放假,元旦,文号\n2027-01-04,上班,元旦,文号\n2027-01-01,休,,\n"
    answer = client.post(address, {"place": county.pk, "file": SimpleUploadedFile("假.csv", bad.encode())})
    assert answer.status_code == 422
    assert all(f"第 {n} 行" in text(answer) for n in (2, 3, 4)) and not Holiday.objects.exists()
    good = "日期,类型,名称,文号\n2026-11-23,放假,古尔邦节,测试文号\n2026-11-28,上班,古尔邦节,测试文号\n"
    answer = client.post(address, {"place": county.pk, "file": SimpleUploadedFile("假.csv", good.encode())})
    assert answer.status_code == 302 and Holiday.objects.count() == 2
    ours, theirs = (queries.calendar_of(people.county(code)) for code in (people.CHENG, people.WEN))
    days = [(row.day, row.is_off) for row in Holiday.objects.order_by("day")]
    assert [ours.is_working(d) for d, _off in days] == [False, True]
    assert [theirs.is_working(d) for d, _off in days] == [True, False]
    assert cadre().client().post(address, {}).status_code == 403


@pytest.mark.parametrize(("step", "more"), [("return", {"to": "intake"}), ("transfer", {}), ("withdraw", {})])
def test_a_missing_reason_stands_beside_its_field(step, more):
    li, zhang, wang = cadre(), reviewer(), people.wang()
    case = entry(li, code="complaint")
    step_on(wang, case, "accept")
    person = li if step == "withdraw" else zhang
    given = {"version": 2, "to_user": zhang.user.pk} | more
    answer = person.client().post(f"/procedures/cases/{case.pk}/{step}/", given)
    assert answer.status_code == 422
    if step == "transfer":
        form = answer.context["form"]
    else:
        assert '<details class="confirm" open>' in text(answer)
        [form] = [form for form in answer.context["forms"].values() if form.errors]
    assert set(form.errors) == {"reason"}
    assert Case.objects.get(pk=case.pk).version == 2


def test_a_step_is_handed_to_the_nearest_or_to_a_colleague_found_by_name():
    li, wang, zhang = cadre(), people.wang(), reviewer()
    case = entry(li, code="complaint")
    step_on(wang, case, "accept")
    address = f"/procedures/cases/{case.pk}/transfer/"
    client = zhang.client()
    assert address in text(client.get(f"/procedures/cases/{case.pk}/"))
    for n in range(30):
        reviewer(f"同事{n:02d}")
    page = client.get(address)
    assert len(page.context["people"]) == 20 and "其他人请按姓名查找" in text(page)
    page = client.get(f"{address}?q=同事29")
    [found] = page.context["people"]
    assert found.user.display_name == "同事29" and "其他人请按姓名查找" not in text(page)
    # Who does not have the step's right is not offered, however near; nor does who may not hand it on see it.
    assert "没有这个姓名的人" in text(client.get(f"{address}?q=李村干"))
    assert li.client().get(address).status_code == 403
    assert people.outsider().client().get(address).status_code == 404


def test_a_step_is_never_offered_to_whoever_hands_it_on():
    li, wang, zhang = cadre(), people.wang(), reviewer()
    case = entry(li, code="complaint")
    step_on(wang, case, "accept")
    other, address = reviewer("同事"), f"/procedures/cases/{case.pk}/transfer/"
    page = zhang.client().get(address)
    assert [one.user.pk for one in page.context["people"]] == [other.user.pk]
    assert "没有这个姓名的人" in text(zhang.client().get(f"{address}?q={zhang.user.username}"))


def test_the_page_of_a_case_costs_the_same_however_many_colleagues_there_are():
    zhang = reviewer()
    case = entry(cadre(), code="appeal")
    client, address = zhang.client(), f"/procedures/cases/{case.pk}/"
    counts = []
    for last in (2, 40):
        for n in range(last):
            reviewer(f"第{last}批{n:02d}")
        client.get(address)
        with CaptureQueriesContext(connection) as one:
            client.get(address)
        with CaptureQueriesContext(connection) as two:
            client.get(f"{address}transfer/")
        counts.append((len(one), len(two)))
    assert counts[1][0] == counts[0][0] and counts[1][1] <= counts[0][1]


def test_a_parallel_step_is_finished_with_the_evidence_it_asks_for():
    li, wang = cadre(), people.wang()
    body = next(s for s in shipped() if s.code == "monitoring_entry" and not s.place_code)
    steps = [dict(one) for one in body.body["steps"]]
    for one in steps:
        if one["code"] == "comparison":
            one["evidence"] = [{"code": "answer", "title": "部门回执", "title_en": "the departments' answer"}]
    content = {**body.__dict__, **body.body, "steps": steps}
    in_force(actions.add_definition(wang.actor, place=people.county(), content=content))
    case = entry(li, code="monitoring_entry")
    track, client = case.tracks.get(), wang.client()
    assert "部门回执" in text(client.get(f"/procedures/cases/{case.pk}/"))
    given = {"version": 1, "choice": "done"}
    assert client.post(f"/procedures/tracks/{track.pk}/", given).status_code == 422
    assert li.client().post(f"/procedures/tracks/{track.pk}/", given).status_code == 403
    given["evidence_answer"] = SimpleUploadedFile("回执.jpg", hostile.jpeg((40, 30)))
    assert client.post(f"/procedures/tracks/{track.pk}/", given).status_code == 302
    track.refresh_from_db()
    assert track.state == "done"
    assert case.records.latest("number").evidence[0][0] == "answer"


def test_after_the_set_up_the_due_list_knows_every_procedure_before_the_first_case():
    client = cadre().client()
    assert "农户退出" not in text(client.get("/procedures/"))
    call_command("sync_procedures", verbosity=0)
    assert "农户退出" in text(client.get("/procedures/"))
    assert not Case.objects.exists()


def test_a_county_sets_its_own_days_from_the_library_and_what_has_begun_keeps_its_own():
    li, wang = cadre(), people.wang()
    old = entry(li)
    page = f"/procedures/library/{old.definition_id}/"
    client = wang.client()
    assert f'href="{page}adapt/"' in text(client.get(page))
    given = {
        "place": people.county().pk, "valid_from": "2026-11-16", "document": "成政发〔2026〕9号", "source": "县里的办法",
        "days_village_review": 3, "days_first_notice": 7, "sample_township_check": 25,
    }  # fmt: skip
    done = client.post(f"{page}adapt/", given, follow=True)
    assert "已提出第 1 版" in text(done) and "成政发〔2026〕9号" in text(done)
    in_force(Definition.objects.get(state="proposed"))
    new = entry(li)
    plan, before = queries.plan_of(new.definition), queries.plan_of(old.definition)
    assert new.definition.place == people.county() and new.definition_id != old.definition_id
    assert (plan.steps["village_review"].limit.days, plan.steps["township_check"].sample_percent) == (3, 25)
    assert plan.steps["first_notice"].limit.days == 7 and plan.steps["county_review"].sample_percent == 10
    assert before.steps["village_review"].limit.days == 10
    assert AuditEntry.objects.filter(action="procedures.add_definition", actor_id=wang.user.pk).count() == 1


def test_a_county_sets_no_weaker_version_and_none_elsewhere_or_for_yesterday():
    case, wang = entry(cadre()), people.wang()
    address = f"/procedures/library/{case.definition_id}/adapt/"
    good = {"place": people.county().pk, "valid_from": "2026-11-16", "document": "一号", "source": "办法"}
    for bad, field in (
        ({"days_first_notice": 4}, "days_first_notice"),
        ({"sample_township_check": 19}, "sample_township_check"),
        ({"place": people.county(people.WEN).pk}, "place"),
        ({"valid_from": "2026-11-15"}, "valid_from"),
        ({"document": ""}, "document"),
    ):
        reply = wang.client().post(address, good | bad)
        assert reply.status_code == 422 and field in reply.context["form"].errors, bad
    assert cadre().client().get(address).status_code == 403
    page = text(cadre().client().get(f"/procedures/library/{case.definition_id}/"))
    assert "adapt/" not in page
    weaker = {
        **case.definition.body,
        "code": case.code,
        "title": "一",
        "title_en": "one",
        "certainty": "local",
    }
    weaker["steps"] = [{**step, "apart_from": []} for step in weaker["steps"]]
    with pytest.raises(Invalid, match="不能放宽上级规定"):
        actions.add_definition(
            wang.actor, place=people.county(), content={**weaker, "valid_from": case.definition.valid_from}
        )


def test_a_seal_is_shown_beside_its_document_number_and_no_other_file_passes_for_one():
    wang, case = people.wang(), entry(cadre(), code="complaint")
    zhang = reviewer()
    step_on(wang, case, "accept")
    step_on(zhang, case, "report", opinion="情况已查明")
    case.refresh_from_db()
    given = {
        "version": case.version,
        "choice": "answer",
        "opinion": "已答复",
        "document_number": "成信〔2026〕3号",
    }
    address = f"/procedures/cases/{case.pk}/advance/"
    seal = SimpleUploadedFile("章.jpg", hostile.jpeg((40, 30)))
    reply = wang.client().post(address, given | {"seal": seal})
    assert reply.status_code == 422 and "seal" in reply.context["forms"]["act"].errors  # a photo is no seal
    seal = SimpleUploadedFile("章.png", hostile.png((40, 40)))
    reply = wang.client().post(address, given | {"seal": seal})
    assert reply.status_code == 302, reply.context["forms"]["act"].errors
    number = case.records.get(choice="answer").seal_file_id
    shown = reverse("files:thumbnail", args=[number])
    assert f'src="{shown}"' in text(zhang.client().get(f"/procedures/cases/{case.pk}/"))
    assert zhang.client().get(shown).status_code == 200
    assert people.outsider().client().get(shown).status_code == 404
