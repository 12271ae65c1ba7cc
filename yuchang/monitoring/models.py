"""Alerts on households, and the visits that close or escalate them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.monitoring.rules import SignalKind
from yuchang.places.models import Placed


class Assessment(Placed):
    """One comparison of a county's households with the line of a day."""

    on = models.DateField()
    line_fen = models.BigIntegerField()
    line_source = models.CharField(max_length=200)
    households = models.PositiveIntegerField()
    opened = models.PositiveIntegerField()
    assessed_by_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["county_id", "-on", "id"], name="monitoring_assess_county")]


class Alert(Versioned, Placed):
    """A reason to visit one household. At most one is open per household and kind."""

    class State(models.TextChoices):
        OPEN = "open", _("待走访")
        ESCALATED = "escalated", _("已上报")
        CLOSED = "closed", _("已办结")

    household = models.ForeignKey("registry.Household", on_delete=models.PROTECT, related_name="alerts")
    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(max_length=30)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    observed_fen = models.BigIntegerField(null=True)
    limit_fen = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, blank=True)
    opened_on = models.DateField()
    due_on = models.DateField()
    closed_on = models.DateField(null=True, blank=True)
    opened_by_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["household", "kind"], condition=~Q(state="closed"), name="monitoring_alert_one_live"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[k.value for k in SignalKind]), name="monitoring_alert_known_kind"
            ),
            models.CheckConstraint(
                condition=Q(due_on__gte=F("opened_on")), name="monitoring_alert_due_after_open"
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_on__isnull=False)
                | (~Q(state="closed") & Q(closed_on__isnull=True)),
                name="monitoring_alert_closed_has_day",
            ),
        ]
        indexes = [
            models.Index(fields=[level, "state", "due_on", "id"], name=f"monitoring_alert_{level[:-3]}")
            for level in ("county_id", "township_id", "village_id")
        ] + [
            # The usual list: what is not closed, the most urgent first.
            models.Index(
                fields=[f"{level}_id", "due_on", "id"],
                condition=~Q(state="closed"),
                name=f"monitoring_live_{level}",
            )
            for level in ("province", "prefecture", "county", "township", "village")
        ]


class Visit(Placed):
    """What a person found at the household's door. Append-only: a correction is another visit."""

    class Outcome(models.TextChoices):
        CLOSE = "close", _("风险消除,办结")
        ESCALATE = "escalate", _("情况属实,上报")
        CONTINUE = "continue", _("继续关注")

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="visits")
    household = models.ForeignKey("registry.Household", on_delete=models.PROTECT, related_name="visits")
    visited_on = models.DateField()
    recorded_at = models.DateTimeField()
    visitor_id = models.BigIntegerField()
    visitor_name = models.CharField(max_length=60)
    outcome = models.CharField(max_length=10, choices=Outcome)
    finding = models.TextField()

    class Meta:
        indexes = [
            models.Index(fields=["household", "-visited_on", "id"], name="monitoring_visit_household"),
            models.Index(fields=["alert", "id"], name="monitoring_visit_alert"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(finding=""), name="monitoring_visit_has_finding"),
        ]
