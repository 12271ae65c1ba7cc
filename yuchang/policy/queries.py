"""Reads: lines, verdicts, results of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from yuchang.places.models import Place
from yuchang.policy.models import Run, RunResult


@dataclass(frozen=True)
class Line:
    """A parameter that applies in a place on a day. ``fen`` is per person and year."""

    name: str
    fen: int
    region_code: str
    region_name: str
    income_year: int | None
    applied_from: date
    applied_to: date | None
    document: str
    certainty: str
    source: str


@dataclass(frozen=True)
class HouseholdVerdict:
    """The newest verdict on a household, from a decision or a run.

    ``verdict`` and ``monitoring_class`` are codes of ``models.Verdict`` and ``models.MonitoringClass``.
    """

    household_id: int
    on: date
    verdict: str
    monitoring_class: str
    decision_id: int | None
    run_id: int | None


def line_for(place: Place, on: date, name: str = "monitoring_range") -> Line | None:
    """The line that applies: the nearest region that stores a usable one for the day, or None.

    ``name`` is ``monitoring_range`` (监测范围) or ``poverty_line`` (扶贫标准).
    """
    raise NotImplementedError


def verdict_for(household_id: int) -> HouseholdVerdict | None:
    """The newest verdict on one household, or None when none was made. The caller has opened the door."""
    raise NotImplementedError


def verdicts_for(household_ids: list[int]) -> dict[int, HouseholdVerdict]:
    """The newest verdicts of many households. Two queries."""
    raise NotImplementedError


def run_results(run: Run) -> QuerySet[RunResult]:
    """The results of a run, to be filtered and paged."""
    return RunResult.objects.filter(run=run)


def latest_run(county: Place) -> Run | None:
    """The newest run of a county, or None."""
    return Run.objects.filter(county_id=county.pk).order_by("-id").first()
