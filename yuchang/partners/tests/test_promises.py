"""Kept, late or broken follows from confirmed progress and a date alone."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.partners.rules import (
    GRACE_DAYS,
    DealFacts,
    Done,
    MilestoneFacts,
    MilestonePlan,
    Record,
    assess_dealings,
    assess_record,
    commitment_flaws,
    judge_commitment,
    judge_milestone,
)

DUE = date(2026, 6, 30)
DAY = timedelta(days=1)
GRACE = timedelta(days=GRACE_DAYS)
done_lists = st.lists(
    st.builds(Done, st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(1, 60)), max_size=6
)


@pytest.mark.parametrize(
    ("done", "on", "verdict"),
    [
        ([], DUE, "open"),
        ([], DUE + DAY, "late"),
        ([], DUE + GRACE, "late"),
        ([], DUE + GRACE + DAY, "broken"),
        ([Done(DUE, 100)], DUE, "kept"),
        ([Done(DUE - DAY, 60), Done(DUE, 40)], DUE + GRACE * 9, "kept"),
        ([Done(DUE + DAY, 100)], DUE + GRACE * 9, "late"),
        ([Done(DUE, 99)], DUE + DAY, "late"),
        ([Done(DUE + GRACE + DAY, 100)], DUE + GRACE * 9, "broken"),
        ([Done(DUE, 100)], DUE - DAY, "open"),
    ],
)
def test_the_worked_cases(done: list[Done], on: date, verdict: str) -> None:
    assert judge_milestone(DUE, 100, done, on) == verdict


@given(done_lists, st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.integers(1, 400))
def test_a_promise_once_broken_or_kept_stays_so(done: list[Done], on: date, days: int) -> None:
    now = judge_milestone(DUE, 100, done, on)
    later = judge_milestone(DUE, 100, done, on + timedelta(days=days))
    assert now not in ("kept", "broken") or later == now
    assert not (now == "late" and later in ("open", "kept"))


@given(
    done_lists,
    st.dates(date(2026, 1, 1), date(2028, 1, 1)),
    st.builds(Done, st.just(DUE), st.integers(1, 99)),
)
def test_more_in_time_never_harms(done: list[Done], on: date, more: Done) -> None:
    order = ["broken", "late", "open", "kept"]
    before, after = (judge_milestone(DUE, 100, d, on) for d in (done, [*done, more]))
    assert order.index(after) >= order.index(before)


def test_a_commitment_is_as_good_as_its_worst_milestone() -> None:
    assert judge_commitment(["kept", "late", "open"]) == "late"
    assert judge_commitment(["kept", "open"]) == "open"
    assert judge_commitment(["kept"]) == "kept"


def test_a_record_counts_and_shows_of_how_many() -> None:
    facts = [
        MilestoneFacts(DUE, 10, (Done(DUE, 10),)),
        MilestoneFacts(DUE, 10),
        MilestoneFacts(DUE + GRACE * 9, 10),
    ]
    record = assess_record(facts, DUE + GRACE + DAY)
    assert record == Record(kept=1, broken=1, open=1)
    assert (record.percent_kept, record.due) == (50, 2)
    assert Record(open=3).percent_kept is None


def test_agreements_and_answers_are_counted() -> None:
    deals = [
        DealFacts(DUE, DUE),
        DealFacts(DUE, DUE + DAY),
        DealFacts(DUE, None),
        DealFacts(DUE + GRACE, None),
    ]
    found = assess_dealings(deals, [7200, 3600, 90_000], 2, DUE + DAY)
    assert (found.on_time, found.late, found.overdue, found.running) == (1, 1, 1, 1)
    assert (found.answer_hours, found.answered, found.unanswered) == (2, 3, 2)
    assert assess_dealings([], [], 0, DUE).answer_hours is None


@pytest.mark.parametrize(
    ("plan", "unit", "code"),
    [
        ([], "个", "no milestone"),
        ([MilestonePlan(DUE, "岗位", 0)], "个", "amount"),
        ([MilestonePlan(DUE, "岗位", 10**16)], "个", "amount"),
        ([MilestonePlan(date(2020, 1, 1), "岗位", 1)], "个", "past"),
        ([MilestonePlan(date(2090, 1, 1), "岗位", 1)], "个", "far"),
        ([MilestonePlan(DUE + DAY, "岗位", 1), MilestonePlan(DUE, "岗位", 1)], "个", "order"),
        ([MilestonePlan(DUE, " ", 1)], "个", "measure"),
        ([MilestonePlan(DUE, "岗位", 1)], "fen", "unit"),
        ([MilestonePlan(DUE, "岗位", 1)] * 25, "个", "too many"),
    ],
)
def test_absurd_promises_are_named(plan: list[MilestonePlan], unit: str, code: str) -> None:
    assert code in commitment_flaws("jobs", unit, plan, date(2026, 1, 1))
