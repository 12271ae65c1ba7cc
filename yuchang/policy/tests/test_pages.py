"""The policy desk in the browser: lines, rules, runs whose counts open what they count, decisions."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from tests.people import auditor, county, li, outsider, villages, wang, zhao
from yuchang.policy.actions import decide_household, run_policy
from yuchang.policy.models import Decision, Run
from yuchang.policy.tests.households import DAY, WORKER, household, random_household, simulated
from yuchang.snapshots.queries import verify

ILL = WORKER | {"health": ["serious"]}


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_desk_shows_each_line_with_its_year_document_and_certainty(db):
    page = text_of(wang().client().get(reverse("policy:desk")))
    assert "10,560" in page
    assert "待确认" in page
    assert "文号未收录" in page
    assert "模拟假定" not in page
    simulated()
    page = text_of(wang().client().get(reverse("policy:desk")))
    assert "8,550" in page
    assert "模拟假定" in page


def test_the_rules_stand_as_sentences_beside_their_source(db):
    page = text_of(li().client().get(reverse("policy:rules")))
    assert "人均纯收入低于监测范围" in page
    assert "net_income_per_head &lt; monitoring_range" in page
    english = wang().client()
    english.cookies["django_language"] = "en"
    page = text_of(english.get(reverse("policy:rules")))
    assert "net income per head is below the monitoring range" in page


def test_an_officer_runs_the_rules_over_the_county_and_every_count_opens_its_list(db):
    simulated()
    places = villages()[:3]
    for seed in range(40):
        random_household(seed, places)
    client = wang().client()
    data = {"county": county().pk, "on": DAY.isoformat()}
    response = client.post(reverse("policy:run_new"), data)
    run = Run.objects.get()
    assert response.url == reverse("policy:run", args=[run.pk])
    page = client.get(response.url).content.decode()
    links = re.findall(r'href="([^"]+)" data-count="(\d+)"', page)
    assert len(links) >= 3 + 5 + 24
    for address, count in links:
        listed = client.get(address.replace("&amp;", "&")).content.decode()
        assert f'data-count="{count}"' in listed
    assert "8,550" in page


def test_a_list_of_results_costs_the_same_for_five_and_for_sixty_rows(db, django_assert_num_queries):
    simulated()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    person = wang()
    counts = []
    for total in (5, 60):
        while household(net_income_per_head_fen=1).number != f"T{total - 1:06d}":
            pass
        run = run_policy(actor=person.actor, county=county(), on=DAY)
        client = person.client()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.get(reverse("policy:results", args=[run.pk]))
        assert response.status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert "下一页" in text_of(response)


def test_the_why_of_a_run_is_recomputed_from_the_frozen_row(db):
    simulated()
    row = household(members=[WORKER, ILL], net_income_per_head_fen=720_000)
    person = wang()
    run = run_policy(actor=person.actor, county=county(), on=DAY)
    page = text_of(person.client().get(reverse("policy:result", args=[run.pk, row.pk])))
    assert "7,200 元/人/年 与 8,550 元/人/年，相差 -1,350 元/人/年" in page
    assert "若“人均纯收入”由 7,200 元/人/年 变为 8,550 元/人/年，结论即为“不符合条件”。" in page
    assert "边缘易致贫户" in page


def test_a_touched_snapshot_is_named_on_the_page_and_explains_nothing(db):
    simulated()
    row = household(members=[ILL], net_income_per_head_fen=720_000)
    person = wang()
    run = run_policy(actor=person.actor, county=county(), on=DAY)
    path = verify(run.snapshot) / "members.parquet"
    path.unlink()
    page = text_of(person.client().get(reverse("policy:result", args=[run.pk, row.pk])))
    assert "不再可信" in page
    assert "7,200" not in page


def test_an_officer_decides_on_one_household_and_sees_why(db):
    simulated()
    row = household(members=[WORKER], net_income_per_head_fen=800_000, water_hardship=None)
    client = wang().client()
    address = reverse("policy:household", args=[row.pk])
    response = client.post(address, {"on": DAY.isoformat()}, follow=True)
    decision = Decision.objects.get()
    assert response.redirect_chain[0][0] == reverse("policy:decision", args=[decision.pk])
    page = text_of(response)
    assert "需要核实" in page
    assert "先核实这些情况" in page
    assert "饮水困难" in page
    assert "重算一致" in page
    assert DAY.isoformat() in text_of(client.get(address))


def test_without_a_line_the_form_says_so_and_nothing_is_stored(db):
    row = household(net_income_per_head_fen=1)
    client = wang().client()
    for address, data in (
        (reverse("policy:household", args=[row.pk]), {"on": DAY.isoformat()}),
        (reverse("policy:run_new"), {"on": DAY.isoformat(), "county": county().pk}),
    ):
        response = client.post(address, data)
        assert response.status_code == 422
        assert "没有可用的“监测范围”" in text_of(response)
    response = client.post(reverse("policy:household", args=[row.pk]), {"on": "2040-01-01"})
    assert "不能按将来的日期认定" in text_of(response)
    assert not Decision.objects.exists()
    assert not Run.objects.exists()


@pytest.mark.parametrize("who", [li, auditor])
def test_a_reader_sees_no_button_and_may_not_decide(db, who):
    simulated()
    row = household(net_income_per_head_fen=1)
    client = who().client()
    address = reverse("policy:household", args=[row.pk])
    assert "按政策认定" not in text_of(client.get(address))
    assert client.post(address, {"on": DAY.isoformat()}).status_code == 403
    assert client.post(reverse("policy:run_new"), {}).status_code == 403
    assert not Decision.objects.exists()


def test_the_next_county_and_partners_see_nothing_of_it(db):
    simulated()
    row = household(members=[ILL], net_income_per_head_fen=1)
    person = wang()
    decision = decide_household(actor=person.actor, household_id=row.pk, on=DAY)
    run = run_policy(actor=person.actor, county=county(), on=DAY)
    addresses = [
        reverse("policy:household", args=[row.pk]),
        reverse("policy:decision", args=[decision.pk]),
        reverse("policy:run", args=[run.pk]),
        reverse("policy:results", args=[run.pk]),
        reverse("policy:result", args=[run.pk, row.pk]),
    ]
    for client, status in ((outsider().client(), 404), (zhao(1).client(), 403)):
        assert [client.get(a).status_code for a in addresses] == [status] * 5
    data = {"county": county().pk, "on": DAY.isoformat()}
    assert outsider().client().post(reverse("policy:run_new"), data).status_code == 422
    assert Run.objects.count() == 1
    assert [person.client().get(a).status_code for a in addresses] == [200] * 5
