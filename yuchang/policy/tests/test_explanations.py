"""Explanations hold: the nearest change turns the verdict every time, and the masks are recomputed."""

from __future__ import annotations

from datetime import date

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from yuchang.policy.explain import explain, nearest_change, state_of
from yuchang.policy.library import NATION, load_library
from yuchang.policy.rules import (
    NEEDS_CHECKING,
    InputRow,
    compile_pack,
    decide,
    judge,
    needed_parameters,
    plan_hash,
    plan_source,
    read_plan,
    resolve,
    with_fact,
)

DAY = date(2026, 6, 1)
LIBRARY = load_library(settings.POLICIES_DIR)
VALUES = {
    name: resolve(LIBRARY.values, name, [NATION], DAY, simulated=True)
    for name in needed_parameters(compile_pack(LIBRARY))
}
PLAN = read_plan(plan_source(LIBRARY, VALUES))

_money = st.one_of(st.sampled_from([854_999, 855_000, 855_001, 0]), st.integers(0, 3_000_000))
MEMBER = st.fixed_dictionaries(
    {"member_observed_on": st.just("2026-05-01"), "health_observed_on": st.just("2026-05-01")},
    optional={
        "birth_on": st.sampled_from(["1950-01-01", "2010-06-02", "1961-06-01"]),
        "labour": st.sampled_from(["ordinary", "weak", "lost", "none"]),
        "enrolment": st.sampled_from(["not_enrolled", "senior", "dropped_out"]),
        "has_serious_illness": st.booleans(),
        "is_disabled": st.booleans(),
        "is_healthy": st.booleans(),
    },
)
HOUSEHOLD = st.fixed_dictionaries(
    {
        "observed_on": st.sampled_from(["2026-05-01", "2026-05-01", "2024-01-01"]),
        "size": st.integers(1, 6),
        "state": st.sampled_from(["listed", "listed", "removed"]),
        "exit_attribute": st.sampled_from(["not_exited", "exited", "returned"]),
    },
    optional={
        "net_income_per_head": _money,
        "medical_spending": _money,
        "disaster_loss": _money,
        "insurance_claims": _money,
        "unsafe_house": st.sampled_from(["no", "c"]),
        "safe_water": st.booleans(),
        "water_hardship": st.booleans(),
    },
)
ROWS = st.builds(InputRow, HOUSEHOLD, st.lists(MEMBER, max_size=3).map(tuple))


@how(max_examples=150, deadline=None)
@given(ROWS)
def test_the_nearest_change_turns_the_verdict_every_time(row):
    outcome = decide(PLAN, row, DAY)
    change = nearest_change(PLAN, row, DAY, outcome)
    if outcome.verdict == NEEDS_CHECKING:
        assert change is None
    elif change is not None:
        changed = with_fact(row, change.reference.fact.name, change.value, change.member)
        after = decide(PLAN, changed, DAY).verdict
        assert after == change.verdict != outcome.verdict
        assert after != NEEDS_CHECKING


@how(max_examples=80, deadline=None)
@given(ROWS)
def test_the_explanation_recomputes_the_masks_and_asks_only_for_what_is_open(row):
    outcome = decide(PLAN, row, DAY)
    words = explain(PLAN, row, DAY, outcome)
    met = sum(1 << r.bit for r, w in zip(PLAN.pack.rules, words["rules"], strict=True) if w["state"] == "met")
    unknown = sum(1 << r.bit for r in PLAN.pack.rules if state_of(r, outcome) == "unknown")
    assert (met, unknown) == (outcome.met_mask, outcome.unknown_mask)
    assert met & unknown == 0
    has_members = bool(row.members)
    assert bool(words["ask"]) <= (outcome.verdict == NEEDS_CHECKING)
    if outcome.verdict == NEEDS_CHECKING and has_members:
        assert words["ask"]
    assert not any(fact["is_known"] for fact in words["ask"])


@how(max_examples=60, deadline=None)
@given(ROWS)
def test_an_input_row_survives_its_canonical_text(row):
    again = InputRow.read(row.text())
    assert again.text() == row.text()
    assert decide(PLAN, again, DAY) == decide(PLAN, row, DAY)


@pytest.mark.parametrize(
    ("met", "unknown", "verdict"),
    [
        ({"monitored"}, set(), "eligible"),
        ({"monitored"}, {"removed"}, "needs_checking"),
        ({"monitored", "removed"}, set(), "not_eligible"),
        (set(), {"monitored"}, "needs_checking"),
        ({"removed"}, {"monitored"}, "not_eligible"),
        (set(), {"removed"}, "not_eligible"),
        ({"monitored"}, {"water", "schooling"}, "eligible"),
    ],
)
def test_an_unknown_leads_to_checking_only_where_it_could_turn_the_answer(met, unknown, verdict):
    bits = {rule.text.id: 1 << rule.bit for rule in PLAN.pack.rules}
    found = judge(PLAN.pack, sum(bits[r] for r in met), sum(bits[r] for r in unknown))
    assert found.verdict == verdict


def test_an_earlier_class_that_is_unknown_makes_the_class_unknown():
    bits = {rule.text.id: 1 << rule.bit for rule in PLAN.pack.rules}
    base = bits["monitored"]
    assert judge(PLAN.pack, base | bits["sudden"], bits["unstable"]).monitoring_class == "unknown"
    assert judge(PLAN.pack, base | bits["unstable"] | bits["sudden"], 0).monitoring_class == "unstable"
    assert judge(PLAN.pack, base | bits["borderline"], bits["sudden"]).monitoring_class == "borderline"


def test_the_plan_s_hash_changes_with_every_rule_and_line_and_with_nothing_else():
    source = plan_source(LIBRARY, VALUES)
    assert plan_hash(source) == plan_hash(
        plan_source(load_library(settings.POLICIES_DIR), dict(reversed(VALUES.items())))
    )
    assert plan_hash(source) != plan_hash(plan_source(LIBRARY, VALUES | {"poverty_line": None}))
