"""From the line to the verdict and back to its reasons, in a browser."""

from __future__ import annotations

import json
from datetime import date

import pytest

from tests import people
from tests.journeys.helpers import Site, check
from yuchang.core.models import AuditEntry
from yuchang.policy.models import Decision, Run, RunResult
from yuchang.policy.tests.households import WORKER, household, random_household, simulated

pytestmark = pytest.mark.journey
DAY = date(2026, 6, 1)


def test_an_officer_runs_the_rules_and_follows_a_number_to_its_reasons(site: Site) -> None:
    simulated()
    places = people.villages()[:3]
    for seed in range(60):
        random_household(seed, places)
    ill = WORKER | {"health": ["serious"]}
    row = household(members=[WORKER, ill], net_income_per_head_fen=720_000, exit_attribute="exited")
    page = site.sign_in(people.wang())
    page.goto("/policy/")
    check(page, "policy-desk")
    page.fill("input[name=on]", DAY.isoformat())
    page.click("main form button[type=submit]")
    page.wait_for_url("**/policy/runs/*")
    check(page, "policy-run")
    run = Run.objects.get()
    assert run.households == 61
    assert AuditEntry.objects.filter(action="policy.run_policy", object_id=str(run.pk)).exists()
    link = page.locator("a[href$='?kind=unstable']")
    count = int(link.get_attribute("data-count") or 0)
    assert count == RunResult.objects.filter(run=run, monitoring_class="unstable").count() > 0
    link.click()
    assert page.get_attribute("[data-count]", "data-count") == str(count)
    assert page.locator("tbody tr").count() == count
    check(page)
    page.goto(f"/policy/runs/{run.pk}/households/{row.pk}")
    assert "相差 -1,350 元/人/年" in page.inner_text("main")
    check(page, "policy-why")
    page.goto("/policy/rules")
    check(page, "policy-rules")


def test_an_officer_decides_on_one_household_and_a_cadre_may_only_read_it(site: Site) -> None:
    simulated()
    row = household(members=[WORKER], net_income_per_head_fen=800_000, water_hardship=None)
    page = site.sign_in(people.wang())
    page.goto(f"/policy/households/{row.pk}")
    check(page)
    page.fill("input[name=on]", DAY.isoformat())
    page.click("main form button[type=submit]")
    page.wait_for_url("**/policy/decisions/*")
    decision = Decision.objects.get()
    entry = AuditEntry.objects.get(action="policy.decide_household")
    assert json.loads(entry.body)["details"]["verdict"] == decision.verdict == "needs_checking"
    assert "饮水困难" in page.inner_text("main")
    check(page, "policy-decision")
    reader = site.sign_in(people.li())
    reader.goto(f"/policy/decisions/{decision.pk}")
    assert "重算一致" in reader.inner_text("main")
    reader.goto(f"/policy/households/{row.pk}")
    assert reader.locator("main form").count() == 0
    stranger = site.sign_in(people.outsider())
    answer = stranger.goto(f"/policy/decisions/{decision.pk}")
    assert answer is not None
    assert answer.status == 404
