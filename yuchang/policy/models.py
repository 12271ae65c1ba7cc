"""Plans, decisions on one household, and runs over a county. All append-only."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from yuchang.places.models import Placed


class Verdict(models.TextChoices):
    """What the rules say about a household: a proposal with reasons, which a person decides on."""

    ELIGIBLE = "eligible", _("符合条件")
    NOT_ELIGIBLE = "not_eligible", _("不符合条件")
    NEEDS_CHECKING = "needs_checking", _("需要核实")


class MonitoringClass(models.TextChoices):
    """The three kinds of monitored household; empty for none."""

    NONE = "", _("不属于监测对象")
    UNSTABLE = "unstable", _("脱贫不稳定户")
    BORDERLINE = "borderline", _("边缘易致贫户")
    SUDDEN = "sudden", _("突发严重困难户")
    UNKNOWN = "unknown", _("待核实")


_VERDICT_IS_KNOWN = Q(verdict__in=[v.value for v in Verdict])


class Plan(models.Model):
    """Rules with every parameter resolved: exactly what a decision was computed by.

    ``source`` is the canonical text whose SHA-256 is ``hash``; a decision is replayed from it
    alone, whatever became of the YAML files since.
    """

    hash = models.CharField(max_length=64, unique=True)
    pack = models.CharField(max_length=60)
    source = models.TextField()
    created_at = models.DateTimeField()


class Decision(Placed):
    """The verdict on one household on one day, with the input row it saw and its reasons."""

    household = models.ForeignKey("registry.Household", on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    input_row = models.TextField()
    input_hash = models.CharField(max_length=64)
    verdict = models.CharField(max_length=20, choices=Verdict)
    monitoring_class = models.CharField(max_length=20, choices=MonitoringClass, blank=True, default="")
    met_mask = models.BigIntegerField()
    unknown_mask = models.BigIntegerField()
    explanation = models.JSONField()
    made_at = models.DateTimeField()
    made_by_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=_VERDICT_IS_KNOWN, name="policy_decision_verdict")]
        indexes = [
            models.Index(fields=["household", "-id"], name="policy_decision_household"),
            models.Index(fields=["county_id", "-id"], name="policy_decision_county"),
        ]


class Run(Placed):
    """One plan over one frozen snapshot of a county. ``place`` is the county.

    ``counts`` maps verdicts and classes to numbers of households; ``result_hash`` is the SHA-256
    of all result rows in household order, so that a re-run can be compared byte for byte.
    """

    on = models.DateField()
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    snapshot = models.ForeignKey("snapshots.Snapshot", on_delete=models.PROTECT, related_name="+")
    households = models.IntegerField()
    counts = models.JSONField()
    result_hash = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["county_id", "-id"], name="policy_run_county")]


class RunResult(models.Model):
    """What a run said about one household. Bit i of the masks is rule i of the plan."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="results")
    household_id = models.BigIntegerField()
    province_id = models.BigIntegerField(null=True)
    prefecture_id = models.BigIntegerField(null=True)
    county_id = models.BigIntegerField(null=True)
    township_id = models.BigIntegerField(null=True)
    village_id = models.BigIntegerField(null=True)
    met_mask = models.BigIntegerField()
    unknown_mask = models.BigIntegerField()
    verdict = models.CharField(max_length=20, choices=Verdict)
    monitoring_class = models.CharField(max_length=20, choices=MonitoringClass, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "household_id"], name="policy_runresult_once"),
            models.CheckConstraint(condition=_VERDICT_IS_KNOWN, name="policy_runresult_verdict"),
        ]
        indexes = [
            models.Index(fields=["run", "verdict", "household_id"], name="policy_result_verdict"),
            models.Index(fields=["run", "monitoring_class", "household_id"], name="policy_result_class"),
            models.Index(fields=["household_id", "-run"], name="policy_result_household"),
        ]
