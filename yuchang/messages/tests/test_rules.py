"""Quiet hours, stages and pauses, by example and by property."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.messages import rules

NOON = datetime(2026, 11, 21, 12, 0)


@pytest.mark.parametrize(
    ("hour", "start", "end", "quiet"),
    [(23, 21, 8, True), (7, 21, 8, True), (8, 21, 8, False), (12, 12, 14, True), (14, 12, 14, False), (3, 8, 8, False)],
)  # fmt: skip
def test_quiet_hours_may_go_over_midnight(hour: int, start: int, end: int, quiet: bool) -> None:
    assert rules.is_quiet(hour, start, end) is quiet


@given(st.integers(0, 23), st.integers(0, 23), st.integers(0, 2000))
def test_the_next_allowed_moment_is_the_first_that_is_not_quiet(start: int, end: int, minutes: int) -> None:
    at = NOON + timedelta(minutes=minutes)
    found = rules.next_allowed(at, start, end)
    assert at <= found <= at + timedelta(days=1)
    assert not rules.is_quiet(found.hour, start, end)
    if found > at:
        assert all(
            rules.is_quiet((at + timedelta(minutes=m)).hour, start, end)
            for m in range(0, int((found - at).total_seconds()) // 60, 17)
        )


@given(st.integers(-40, 40))
def test_a_stage_is_reached_when_its_days_are_left(days: int) -> None:
    stage = rules.stage_of(days)
    assert (stage is None) == (days > 3)
    if stage is not None:
        assert days <= stage
        assert not [s for s in rules.REMINDER_STAGES if days <= s < stage]


def test_pauses_grow_and_end() -> None:
    pauses = [rules.pause_after(n) for n in range(1, 7)]
    assert pauses[:5] == sorted(pauses[:5])
    assert pauses[5] is None


@pytest.mark.parametrize("template", rules.TEXTS)
def test_no_template_says_more_than_that_there_is_something(template: str) -> None:
    values = {"code": "123456", "minutes": "5", "due_on": "2026-11-25", "count": "3"}
    _subject, text = rules.words_for(template, values)
    assert len(text) <= 70
    assert "{" not in text
