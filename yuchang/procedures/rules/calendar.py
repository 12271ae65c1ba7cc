"""Working days with holidays and make-up days. Pure. Rules: ``docs/rules/working-days.md``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

ONE = timedelta(days=1)
MAX_DAYS = 400


class Unit(StrEnum):
    """How the days of a limit are counted."""

    WORKING = "working"
    CALENDAR = "calendar"


@dataclass(frozen=True)
class Limit:
    """A number of days (0: the same day)."""

    days: int
    unit: Unit = Unit.WORKING


@dataclass(frozen=True)
class Calendar:
    """Weekdays that are off, weekend days that are worked, and the years whose notice is known.

    In a year without a notice only weekends are off.
    """

    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    years: frozenset[int] = frozenset()

    def is_working(self, day: date) -> bool:
        """A make-up day is worked; a holiday or an ordinary weekend is not."""
        if day in self.worked:
            return True
        return day.weekday() < 5 and day not in self.off

    def is_known(self, day: date) -> bool:
        """Whether the year's notice is part of this calendar."""
        return day.year in self.years

    def over(self, days_off: Iterable[date], days_worked: Iterable[date]) -> Calendar:
        """This calendar with some days set anew; the later word counts."""
        off, worked = set(days_off), set(days_worked)
        return Calendar((self.off - worked) | off, (self.worked - off) | worked, self.years)

    def next_working(self, day: date) -> date:
        """The day itself if it is worked, else the first worked day after it."""
        while not self.is_working(day):
            day += ONE
        return day

    def add_working(self, start: date, days: int) -> date:
        """The ``days``-th worked day after ``start``, itself not counted; 0: the next one from it on."""
        if not 0 <= days <= MAX_DAYS:
            raise ValueError(days)
        day = self.next_working(start) if days == 0 else start
        for _count in range(days):
            day = self.next_working(day + ONE)
        return day

    def due(self, start: date, limit: Limit) -> date:
        """The last day of a limit that begins with an event on ``start``.

        The day of the event is not counted (民法典第二百零一条). A limit in calendar days that would end on
        a day off ends on the next worked day (第二百零三条).
        """
        if limit.unit is Unit.WORKING:
            return self.add_working(start, limit.days)
        return self.next_working(start + timedelta(days=limit.days))

    def working_between(self, after: date, until: date) -> int:
        """Worked days later than ``after`` and not later than ``until``; negative when it lies behind."""
        if until < after:
            return -self.working_between(until, after)
        return sum(self.is_working(after + timedelta(days=n)) for n in range(1, (until - after).days + 1))


def rung(due_on: date | None, today: date, ladder: Iterable[int], calendar: Calendar) -> int:
    """How many rungs of the ladder (worked days past the last day, ascending) an open case has climbed."""
    if due_on is None or today <= due_on:
        return 0
    late = max(1, calendar.working_between(due_on, today))
    return sum(late >= days for days in ladder)
