"""A whole county at once: the run and the single decision agree on every household."""

from __future__ import annotations

import random

import pytest
from django.db import transaction

from tests.people import auditor, county, li, outsider, villages, wang
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.policy.actions import decide_household, run_policy, run_rows
from yuchang.policy.models import Run, RunResult
from yuchang.policy.queries import latest_run, run_results, verdict_for, verdicts_for
from yuchang.policy.rules import read_plan
from yuchang.policy.tests.households import DAY, WORKER, household, random_household, simulated
from yuchang.registry.models import HouseholdFacts
from yuchang.snapshots.models import Snapshot
from yuchang.snapshots.queries import verify


def ran(person=None, place=None, on=DAY):
    return run_policy(actor=(person or wang()).actor, county=place or county(), on=on)


def test_every_household_gets_the_same_masks_verdict_and_class_alone_and_in_the_run(db):
    simulated()
    places = random.Random(1).sample(villages(), 5)
    rows = [random_household(seed, places) for seed in range(120)]
    person = wang()
    run = ran(person)
    assert run.households == 120
    results = {r.household_id: r for r in run_results(run)}
    verdicts = set()
    for row in rows:
        alone, together = decide_household(actor=person.actor, household_id=row.pk, on=DAY), results[row.pk]
        for name in ("met_mask", "unknown_mask", "verdict", "monitoring_class", "village_id", "county_id"):
            assert getattr(alone, name) == getattr(together, name), (row.pk, name)
        verdicts.add(alone.verdict)
        assert alone.plan_id == run.plan_id
    assert verdicts == {"eligible", "not_eligible", "needs_checking"}
    for verdict, number in run.counts["verdict"].items():
        assert RunResult.objects.filter(run=run, verdict=verdict).count() == number
    for kind, number in run.counts["class"].items():
        assert RunResult.objects.filter(run=run, monitoring_class=kind).count() == number


def test_a_run_leaves_a_snapshot_a_plan_and_an_audit_entry_and_can_be_repeated(db):
    simulated()
    row = household(members=[WORKER | {"health": ["serious"]}], net_income_per_head_fen=1)
    person = wang()
    run = ran(person)
    assert run.snapshot.manifest["tables"]["households"]["rows"] == 1
    assert AuditEntry.objects.filter(action="policy.run_policy", object_id=str(run.pk)).exists()
    assert latest_run(county()) == run
    assert verdict_for(row.pk).run_id == run.pk
    again = ran(person)
    assert (again.result_hash, again.snapshot.content_hash, again.plan_id) == (
        run.result_hash,
        run.snapshot.content_hash,
        run.plan_id,
    )
    # A correction changes the next snapshot; the old run still says what it said.
    HouseholdFacts.objects.create(
        household=row,
        observed_on=DAY,
        recorded_at="2026-06-01T00:00Z",
        source="visit",
        net_income_per_head_fen=900_000,
    )
    third = ran(person)
    assert third.snapshot.content_hash != run.snapshot.content_hash
    old = [r[0:1] + r[6:] for r in run_rows(read_plan(run.plan.source), run.snapshot, run.on)]
    assert old == list(
        run_results(run).values_list(
            "household_id", "met_mask", "unknown_mask", "verdict", "monitoring_class"
        )
    )
    assert verdicts_for([row.pk, 0])[row.pk].verdict == "not_eligible"


def test_both_ways_of_freezing_lead_to_the_same_results(transactional_db):
    simulated()
    person, places = wang(), villages()[:3]
    for seed in range(12):
        random_household(seed, places)
    by_scanner = ran(person)
    with transaction.atomic():
        by_copy = ran(person)
    assert by_scanner.result_hash == by_copy.result_hash
    assert by_scanner.snapshot.content_hash == by_copy.snapshot.content_hash
    assert by_scanner.households == 12


def test_other_counties_and_other_people_are_left_out(db):
    simulated()
    household(net_income_per_head_fen=1)
    household(village=villages("621222000000")[0], net_income_per_head_fen=1)
    assert ran().households == 1
    for person, error in ((li(), Refused), (auditor(), Refused), (outsider(), Hidden)):
        with pytest.raises(error):
            ran(person)
    with pytest.raises(Hidden):
        ran(wang(), place=villages()[0])
    assert Run.objects.count() == 1


def test_a_county_without_a_line_is_refused_before_anything_is_frozen(db):
    household(net_income_per_head_fen=1)
    with pytest.raises(Invalid, match="监测范围"):
        ran()
    assert not Snapshot.objects.exists()


def test_a_run_over_a_touched_snapshot_is_refused(db):
    simulated()
    household(net_income_per_head_fen=1)
    run = ran()
    path = verify(run.snapshot) / "members.parquet"
    path.chmod(0o600)
    path.write_bytes(b"PAR1" + path.read_bytes()[4:-1])
    with pytest.raises(Conflict):
        list(run_rows(read_plan(run.plan.source), run.snapshot, run.on))


def test_an_empty_county_gives_an_empty_run(db):
    simulated()
    run = ran()
    assert (run.households, run.counts) == (0, {"verdict": {}, "class": {}})
