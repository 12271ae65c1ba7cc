"""The pages of the workbench: each role's home, one household, people, audit, operations, search."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import people, things
from yuchang.accounts.models import User
from yuchang.core import audit, secrets
from yuchang.core.models import AuditEntry
from yuchang.registry.models import Member
from yuchang.workbench.rules import Situation, What, Who, next_steps
from yuchang.workbench.tests.scene import build_scene


def test_every_role_has_a_home(db: None) -> None:
    scene = build_scene()
    for person, words in (
        (people.li(scene.village), ("逾期预警", "我村农户", "撮合建议")),
        (people.zhang(), ("待核实农户", "各村对比")),
        (people.wang(), ("本月付给农户", "待处理异议", "滞销预警")),
        (people.zhao(scene.market.buyer.pk), ("待收货订单",)),
        (people.auditor(), ("日志状态", "最近的操作")),
        (people.administrator(), ("系统运行", "失败的任务")),
    ):
        page = person.client().get("/")
        assert page.status_code == 200
        for word in words:
            assert word in page.content.decode(), (person.user.display_name, word)


def test_the_system_administrator_sees_no_business_data(db: None) -> None:
    scene = build_scene()
    client = people.administrator().client()
    for address in (
        "/dashboard",
        f"/households/{scene.household.pk}",
        "/figures/households",
        "/audit",
        f"/places/{scene.county.pk}/loop",
    ):
        assert client.get(address).status_code == 403, address
    found = client.get("/search?q=测试户1").content.decode()
    assert scene.household.number not in found
    assert people.wang().client().get("/operations").status_code == 403


def test_one_household_one_page(db: None) -> None:
    scene = build_scene()
    html = people.li(scene.village).client().get(f"/households/{scene.household.pk}").content.decode()
    for word in ("测试甲", "核桃", "收入低于监测线", "人均纯收入 7,000 元", "入户走访", "512"):
        assert word in html, word
    assert f'data-figure="earned" data-value="{51_200}"' in html


def test_a_household_page_costs_the_same_for_a_short_and_a_long_story(db: None) -> None:
    scene = build_scene()
    client = people.wang().client()

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/households/{scene.household.pk}").status_code == 200
        return len(caught)

    client.get("/")
    few = queries()
    for year in range(2000, 2024):
        things.facts(scene.household, on=timezone.datetime(year, 1, 1).date())
    assert queries() == few


def test_the_reasons_of_a_run_are_a_part_of_their_own(db: None) -> None:
    scene = build_scene()
    address = f"/households/{scene.household.pk}/why"
    assert people.wang().client().get(address).status_code == 200
    assert people.outsider().client().get(address).status_code == 404


def test_the_neighbour_and_the_partner_never_reach_a_household(db: None) -> None:
    scene = build_scene()
    address = f"/households/{scene.household.pk}"
    assert people.outsider().client().get(address).status_code == 404
    assert people.li(people.villages()[-1]).client().get(address).status_code == 404
    assert people.zhao(scene.market.buyer.pk).client().get(address).status_code == 403
    loop = people.outsider().client().get(f"/places/{scene.county.pk}/loop")
    assert loop.status_code == 404


def test_a_sealed_field_shows_only_on_request_and_leaves_a_trace(db: None) -> None:
    scene = build_scene()
    member = scene.household.members.get(relation="head")
    phone = "13900000000"
    Member.objects.filter(pk=member.pk).update(
        phone_sealed=secrets.seal(scene.county.pk, "member.phone", str(member.uid), phone),
        phone_blind=secrets.blind_index("member.phone", phone),
    )
    cadre, page = people.li(scene.village), f"/households/{scene.household.pk}"
    assert phone not in cadre.client().get(page).content.decode()
    shown = cadre.client().post(f"{page}/members/{member.pk}/phone")
    assert shown.status_code == 200 and phone in shown.content.decode()
    entry = AuditEntry.objects.filter(actor_id=cadre.user.pk).latest("id")
    assert "reveal" in entry.action and phone not in entry.body
    before = AuditEntry.objects.count()
    for stranger, status in (
        (people.outsider(), 404),
        (people.auditor(), 403),
        (people.administrator(), 403),
    ):
        answer = stranger.client().post(f"{page}/members/{member.pk}/phone")
        assert answer.status_code == status and phone not in answer.content.decode()
    other = scene.households[0].members.get()
    assert cadre.client().post(f"{page}/members/{other.pk}/phone").status_code == 404
    assert AuditEntry.objects.count() == before


def test_search_finds_households_in_reach_only(db: None) -> None:
    scene = build_scene()
    number = scene.household.number
    assert number in people.wang().client().get(f"/search?q={number}").content.decode()
    assert (
        f"/households/{scene.household.pk}"
        not in people.outsider().client().get(f"/search?q={number}").content.decode()
    )
    assert "成县" in people.wang().client().get("/search?q=成县").content.decode()
    assert "采购公司" in people.wang().client().get("/search?q=采购公司").content.decode()


def test_the_auditor_searches_the_log_and_others_do_not(db: None) -> None:
    build_scene()
    client = people.auditor().client()
    page = client.get("/audit?action=market.").content.decode()
    assert "market.commit" in page and "ledger.post" not in page
    assert people.wang().client().get("/audit").status_code == 403


@pytest.mark.parametrize("address", ["/people", "/audit"])
def test_these_lists_cost_the_same_for_few_and_many(address: str, db: None) -> None:
    person = people.administrator() if address == "/people" else people.auditor()
    client = person.client()
    people.wang()

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(address).status_code == 200
        return len(caught)

    queries()
    few = queries()
    keeper = people.administrator().actor
    for _i in range(60):
        people.li()
    audit.insert(keeper, [audit.Draft("x", "x", str(i), None, {}) for i in range(60)])
    assert queries() == few


def test_an_administrator_creates_a_person_and_grants_a_role(db: None) -> None:
    client = people.administrator().client()
    page = client.post("/people", {"username": "chen", "display_name": "陈村干"})
    assert "data-password" in page.content.decode()
    user = User.objects.get(username="chen")
    assert client.post("/people", {"username": "chen", "display_name": "陈"}).status_code == 200
    code = people.villages()[0].code
    answer = client.post(f"/people/{user.pk}", {"role": "village_cadre", "place": code})
    assert answer.status_code == 302 and user.role_grants.get().place.code == code
    assert (
        "没有这个地区代码"
        in client.post(f"/people/{user.pk}", {"role": "village_cadre", "place": "999999"}).content.decode()
    )
    grant = user.role_grants.get()
    assert client.post(f"/grants/{grant.pk}/end").status_code == 409
    assert client.post(f"/grants/{grant.pk}/end", {"version": grant.version}).status_code == 302
    assert client.post(f"/people/{user.pk}/password", {"version": user.version}).status_code == 200
    user.refresh_from_db()
    given = {"version": user.version}
    assert client.post(f"/people/{user.pk}/close", given | {"reason": ""}).status_code == 422
    assert client.post(f"/people/{user.pk}/close", given | {"reason": "调离"}).status_code == 302
    assert people.wang().client().get("/people").status_code == 403


def test_what_comes_next_is_said_late_things_first() -> None:
    today = timezone.localdate()
    steps = next_steps(
        Situation(
            state="entered",
            is_verified=False,
            has_facts=True,
            has_decision=False,
            alert_due_on=today.replace(year=2020),
        ),
        today,
    )
    assert [(s.what, s.who, s.is_late) for s in steps] == [
        (What.VISIT, Who.CADRE, True),
        (What.VERIFY, Who.REVIEWER, False),
        (What.DECIDE_POLICY, Who.OFFICER, False),
    ]
    done = Situation(state="listed", is_verified=True, has_facts=True, has_decision=True)
    assert next_steps(done, today) == []
    waiting = Situation(
        state="noticed", is_verified=True, has_facts=False, has_decision=False, notice_ends_on=today
    )
    assert [s.what for s in next_steps(waiting, today)] == [What.WAIT_NOTICE, What.RECORD_FACTS]
