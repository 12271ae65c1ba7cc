"""The columns of a run's results."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from yuchang.core.lists import state, text
from yuchang.policy.models import RunResult
from yuchang.policy.queries import households_of
from yuchang.registry.models import Household

VERDICT_KINDS = {"eligible": "bad", "needs_checking": "warn"}
# Lines of (result, household).
RESULTS = (
    text(
        "number",
        _("户编号"),
        lambda r: r[1].number,
        href=lambda r: reverse("policy:result", args=[r[0].run_id, r[0].household_id]),
    ),
    text("head", _("户主"), lambda r: r[1].head_name),
    text("place", _("村"), lambda r: r[1].place.name),
    state(
        "verdict",
        _("结论"),
        lambda r: r[0].get_verdict_display(),
        lambda r: VERDICT_KINDS.get(r[0].verdict, "quiet"),
    ),
    text("class", _("类别"), lambda r: r[0].get_monitoring_class_display() if r[0].monitoring_class else ""),
    text(
        "why",
        _("理由"),
        lambda r: now("为什么"),
        href=lambda r: reverse("policy:result", args=[r[0].run_id, r[0].household_id]),
    ),
)


def with_households(rows: list[RunResult]) -> list[tuple[RunResult, Household | None]]:
    """Results beside their households. One query."""
    households = households_of(rows)
    return [(row, households.get(row.household_id)) for row in rows]
