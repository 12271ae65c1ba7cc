"""One household: verdict, class, reasons, margin, what would change it, and the replay."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest
from django.db import connection

from tests.people import auditor, evaluator, li, opened, outsider, wang
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.policy.actions import decide_household
from yuchang.policy.models import Decision
from yuchang.policy.queries import decisions_for, replay_decision, verdict_for
from yuchang.policy.tests.households import DAY, SEEN, WORKER, household, simulated
from yuchang.registry.models import HouseholdFacts

ILL = WORKER | {"health": ["serious"]}
LINE = 855_000  # the assumed monitoring range of 2026, in fen


def decided(row, on=DAY, person=None):
    return decide_household(actor=(person or wang()).actor, household_id=row.pk, on=on)


def rule(decision, name):
    return next(r for r in decision.explanation["rules"] if r["id"] == name)


@pytest.mark.parametrize(
    ("facts", "members", "verdict", "kind"),
    [
        ({"net_income_per_head_fen": LINE - 1}, [WORKER, ILL], "eligible", "borderline"),
        ({"net_income_per_head_fen": LINE - 1, "exit_attribute": "exited"}, [ILL], "eligible", "unstable"),
        ({"net_income_per_head_fen": LINE}, [WORKER, ILL], "not_eligible", ""),
        ({"net_income_per_head_fen": LINE - 1}, [WORKER], "not_eligible", ""),
        ({"net_income_per_head_fen": LINE - 1, "unsafe_house": "c"}, [WORKER], "eligible", "borderline"),
        ({"net_income_per_head_fen": LINE - 1, "safe_water": False}, [WORKER], "eligible", "borderline"),
        ({"net_income_per_head_fen": LINE - 1, "state": "removed"}, [ILL], "not_eligible", ""),
        ({"net_income_per_head_fen": None}, [ILL], "needs_checking", "unknown"),
        ({"net_income_per_head_fen": LINE - 1, "safe_water": None}, [WORKER], "needs_checking", "unknown"),
        ({"net_income_per_head_fen": LINE, "safe_water": None}, [WORKER], "not_eligible", ""),
        (
            {"net_income_per_head_fen": LINE, "compliant_medical_spending_fen": 1},
            [WORKER],
            "eligible",
            "sudden",
        ),
        (
            {"net_income_per_head_fen": LINE + 1, "disaster_loss_fen": 2, "insurance_claims_fen": 1},
            [WORKER],
            "not_eligible",
            "",
        ),
    ],
)
def test_the_rules_propose_as_the_worked_table_says(db, facts, members, verdict, kind):
    simulated()
    decision = decided(household(members=members, **facts))
    assert (decision.verdict, decision.monitoring_class) == (verdict, kind)
    assert decision.met_mask & decision.unknown_mask == 0
    assert replay_decision(decision).verdict == verdict


def test_the_decision_keeps_its_reasons_margin_and_nearest_change(db):
    simulated()
    decision = decided(household(members=[WORKER, ILL], net_income_per_head_fen=720_000))
    monitored = rule(decision, "monitored")
    assert monitored["state"] == "met"
    margin = next(m for m in monitored["margins"] if m["is_a_line"])
    assert margin["left"]["zh"] == "7,200 元/人/年"
    assert margin["right"]["zh"] == "8,550 元/人/年"
    assert margin["parts"] == 720_000 - LINE
    assert margin["gap"]["zh"] == "-1,350 元/人/年"
    change = decision.explanation["change"]
    assert change["name"] == "net_income_per_head"
    assert change["value"] == LINE
    assert change["verdict"] == "not_eligible"
    entry = AuditEntry.objects.get(action="policy.decide_household")
    details = json.loads(entry.body)["details"]
    assert details["verdict"] == "eligible"
    assert details["plan"] == decision.plan.hash
    assert "serious" not in entry.body
    assert verdict_for(decision.household_id).decision_id == decision.pk


def test_what_is_missing_is_named_so_that_somebody_can_go_and_ask(db):
    simulated()
    decision = decided(household(members=[WORKER], net_income_per_head_fen=LINE - 1, water_hardship=None))
    assert [f["name"] for f in decision.explanation["ask"]] == ["water_hardship"]
    assert decision.explanation["change"] is None
    assert rule(decision, "water")["state"] == "unknown"


def test_an_observation_that_is_too_old_counts_as_unknown(db):
    simulated()
    decision = decided(household(members=[ILL], net_income_per_head_fen=1, observed_on=date(2025, 4, 26)))
    assert decision.verdict == "needs_checking"
    stale = next(f for f in decision.explanation["ask"] if f["name"] == "net_income_per_head")
    assert stale["is_too_old"]


def test_only_what_was_observed_by_the_day_counts(db):
    simulated()
    row = household(members=[ILL], net_income_per_head_fen=LINE)
    HouseholdFacts.objects.create(
        household=row,
        observed_on=date(2026, 5, 20),
        recorded_at="2026-05-20T00:00Z",
        source="visit",
        net_income_per_head_fen=1,
    )
    assert decided(row, on=SEEN).verdict == "not_eligible"
    assert decided(row, on=DAY).verdict == "eligible"


def test_a_decision_is_refused_where_no_line_is_stored(db):
    row = household(members=[ILL], net_income_per_head_fen=1)
    with pytest.raises(Invalid, match="监测范围") as refusal:
        decided(row)
    assert "policies/" in refusal.value.problems[0].remedy
    simulated()
    with pytest.raises(Invalid, match="2022-06-01"):
        decided(row, on=date(2022, 6, 1))
    with pytest.raises(Invalid, match="将来"):
        decided(row, on=date(2031, 1, 1))
    assert not Decision.objects.exists()


def test_a_cadre_an_auditor_and_the_next_county_are_refused(db):
    simulated()
    row = household(members=[ILL], net_income_per_head_fen=1)
    for person, error in ((li(), Refused), (auditor(), Refused), (outsider(), Hidden)):
        with pytest.raises(error):
            decided(row, person=person)
    assert not Decision.objects.exists()
    assert decided(row).verdict == "eligible"


def test_a_decision_cannot_be_changed_and_a_replay_notices_when_it_was(db, as_role):
    simulated()
    decision = decided(household(members=[ILL], net_income_per_head_fen=1))
    from django.db import DatabaseError, transaction

    with pytest.raises(DatabaseError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(verdict="not_eligible")
    with as_role("owner"), connection.cursor() as cursor:
        cursor.execute("UPDATE policy_decision SET input_row = replace(input_row, '1', '2')")
    decision.refresh_from_db()
    with pytest.raises(Conflict):
        replay_decision(decision)


def test_a_decision_takes_less_than_fifty_milliseconds(db):
    simulated()
    rows = [
        household(members=[WORKER, ILL, WORKER, WORKER], net_income_per_head_fen=LINE - i) for i in range(6)
    ]
    person = wang()
    decided(rows[0], person=person)
    actor, times = person.actor, []
    for row in rows:
        start = time.process_time()
        decide_household(actor=actor, household_id=row.pk, on=DAY)
        times.append(time.process_time() - start)
    assert sorted(times)[len(times) // 2] < 0.05


def test_the_worked_table_of_the_reader_s_page_holds(db):
    simulated()
    four = [WORKER] * 3
    a = decided(
        household(members=[ILL, *four], net_income_per_head_fen=720_000, exit_attribute="exited"),
    )
    b = decided(household(members=[WORKER, *four], net_income_per_head_fen=720_000))
    c = decided(
        household(
            members=[ILL, *four], net_income_per_head_fen=900_000, compliant_medical_spending_fen=600_000
        )
    )
    d = decided(household(members=[WORKER, *four], net_income_per_head_fen=720_000, safe_water=None))
    said = [(x.verdict, x.monitoring_class) for x in (a, b, c, d)]
    assert said == [
        ("eligible", "unstable"),
        ("not_eligible", ""),
        ("eligible", "sudden"),
        ("needs_checking", "unknown"),
    ]
    changes = [x.explanation["change"] for x in (a, b, c, d)]
    assert (changes[0]["name"], changes[0]["value"]) == ("net_income_per_head", 855_000)
    assert (changes[1]["value"], changes[1]["verdict"]) == (True, "eligible")
    assert (changes[2]["name"], changes[2]["value"]) == ("net_income_per_head", 1_005_000)
    assert changes[3] is None
    assert [f["name"] for f in d.explanation["ask"]] == ["safe_water"]


def test_an_evaluator_reads_the_decisions_on_the_drawn_household_and_on_no_other(db):
    simulated()
    drawn, left = household(net_income_per_head_fen=LINE), household(net_income_per_head_fen=LINE)
    decision, _other = decided(drawn), decided(left)
    opened("sample", 7, drawn.pk)
    yang = evaluator(7).actor
    assert list(decisions_for(yang, drawn.pk)) == [decision]
    assert not decisions_for(yang, left.pk).exists()
    assert not decisions_for(evaluator(8).actor, drawn.pk).exists()
    with pytest.raises(Refused):
        decided(drawn, person=evaluator(7))
