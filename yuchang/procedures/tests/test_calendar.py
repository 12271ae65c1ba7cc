"""Working days by the real calendar, and what holds for every calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.procedures.queries import _shipped_calendar, shipped_days
from yuchang.procedures.rules.calendar import Calendar, Limit, Unit, rung

NATION = _shipped_calendar(shipped_days())
DAYS = st.dates(date(2014, 1, 1), date(2026, 12, 1))
CALENDARS = st.builds(Calendar, off=st.frozensets(DAYS, max_size=20), worked=st.frozensets(DAYS, max_size=20))


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        # The table of docs/rules/working-days.md.
        (date(2026, 9, 18), 1, date(2026, 9, 20)),  # the Sunday is a make-up day
        (date(2026, 9, 24), 1, date(2026, 9, 28)),  # mid-autumn from Friday to Sunday
        (date(2026, 9, 30), 1, date(2026, 10, 8)),  # National Day
        (date(2026, 9, 30), 3, date(2026, 10, 10)),  # the Saturday after it is worked
        (date(2026, 2, 13), 1, date(2026, 2, 14)),  # the Saturday before Spring Festival
        (date(2026, 2, 13), 2, date(2026, 2, 24)),
        (date(2026, 11, 21), 0, date(2026, 11, 23)),
        (date(2020, 1, 23), 1, date(2020, 2, 3)),  # the festival that a later notice made longer
    ],
)
def test_limits_in_working_days_follow_the_notices(start, days, due):
    assert NATION.due(start, Limit(days)) == due


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (date(2026, 11, 16), 7, date(2026, 11, 23)),
        (date(2026, 11, 16), 5, date(2026, 11, 23)),  # the 21st is a Saturday
        (date(2026, 9, 29), 5, date(2026, 10, 8)),
    ],
)
def test_a_limit_in_calendar_days_that_ends_on_a_day_off_goes_on_to_the_next_worked_day(start, days, due):
    assert NATION.due(start, Limit(days, Unit.CALENDAR)) == due


def test_every_year_from_2014_to_2026_is_known_and_the_next_is_not():
    assert all(NATION.is_known(date(y, 5, 1)) for y in range(2014, 2027))
    assert not NATION.is_known(date(2027, 5, 1))


def test_every_make_up_day_is_a_weekend_day_and_every_day_has_a_document():
    for day in shipped_days():
        assert day.is_off or day.day.weekday() >= 5, day
        assert day.document.startswith(("国办发明电〔", "国发明电〔")), day


@given(CALENDARS, DAYS, st.integers(1, 30), st.integers(0, 30))
def test_adding_days_in_two_portions_is_adding_them_at_once(calendar, start, first, second):
    whole = calendar.add_working(start, first + second)
    assert whole == calendar.add_working(calendar.add_working(start, first), second)


@given(CALENDARS, DAYS, st.integers(1, 40))
def test_a_due_day_is_worked_and_exactly_so_many_worked_days_away(calendar, start, days):
    due = calendar.add_working(start, days)
    assert calendar.is_working(due) and calendar.working_between(start, due) == days


@given(CALENDARS, DAYS, st.integers(0, 40))
def test_a_limit_in_calendar_days_is_never_shorter_than_it_says(calendar, start, days):
    due = calendar.due(start, Limit(days, Unit.CALENDAR))
    assert due >= start + timedelta(days=days) and calendar.is_working(due)


@given(CALENDARS, DAYS, DAYS)
def test_counting_back_is_counting_forth_with_the_other_sign(calendar, one, other):
    assert calendar.working_between(one, other) == -calendar.working_between(other, one)


@given(CALENDARS, DAYS)
def test_the_later_word_about_a_day_counts(calendar, day):
    assert not calendar.over([day], ()).is_working(day)
    assert calendar.over([day], ()).over((), [day]).is_working(day)


def test_the_rungs_of_an_overdue_case():
    friday = date(2026, 11, 20)
    assert rung(friday, friday, (1, 5), NATION) == 0
    assert rung(friday, date(2026, 11, 21), (1, 5), NATION) == 1
    assert rung(friday, date(2026, 11, 26), (1, 5), NATION) == 1
    assert rung(friday, date(2026, 11, 27), (1, 5), NATION) == 2
    assert rung(None, friday, (1, 5), NATION) == 0
