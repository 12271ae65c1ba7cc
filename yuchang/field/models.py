"""Telephones made ready for the field, and what was reported from them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.places.models import Placed


class Device(Versioned):
    """A telephone on which somebody works without a network.

    What it stores is encrypted under a key of its own. The telephone keeps that key wrapped by the PIN; a
    second copy lies here, sealed, so that reports are not lost with a forgotten PIN. Closed, it has none.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    key_sealed = models.BinaryField(null=True)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, key_sealed__isnull=False)
                | Q(closed_at__isnull=False, key_sealed__isnull=True),
                name="field_device_closed_has_no_key",
            )
        ]
        indexes = [models.Index(fields=["user", "-id"], name="field_device_user")]


class Report(Versioned, Placed):
    """One report sent from a telephone, under the number that the telephone gave it: received once.

    What contradicts the register is kept, sealed, until a person has settled it; what was settled or set
    aside stays readable to whoever reaches the household.
    """

    class Kind(models.TextChoices):
        VISIT = "visit", _("一次走访")
        FACTS = "facts", _("情况更新")
        ENTRY = "entry", _("新录农户")

    class State(models.TextChoices):
        WRITTEN = "written", _("已写入")
        CONFLICT = "conflict", _("有冲突待处理")
        SETTLED = "settled", _("处理后写入")
        DROPPED = "dropped", _("不再写入")

    number = models.UUIDField()
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State)
    subject_id = models.BigIntegerField()
    household = models.ForeignKey("registry.Household", on_delete=models.PROTECT, null=True, related_name="+")
    read = models.BigIntegerField()
    fingerprint = models.BinaryField()
    content_sealed = models.BinaryField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    received_at = models.DateTimeField()
    settled_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    settled_at = models.DateTimeField(null=True)
    settled_words = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "number"], name="field_report_once"),
            models.CheckConstraint(
                condition=Q(state="written", content_sealed__isnull=True, settled_at__isnull=True)
                | Q(state="conflict", content_sealed__isnull=False, settled_at__isnull=True)
                | Q(
                    state__in=["settled", "dropped"],
                    content_sealed__isnull=False,
                    settled_at__isnull=False,
                    settled_by__isnull=False,
                ),
                name="field_report_state",
            ),
            models.CheckConstraint(
                condition=Q(kind="entry") | Q(household__isnull=False), name="field_report_has_household"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="field_report_user"),
            *(
                models.Index(
                    fields=[f"{level}_id", "-id"],
                    condition=Q(state="conflict"),
                    name=f"field_conflict_{level}",
                )
                for level in ("county", "township", "village")
            ),
            *(
                models.Index(fields=[f"{level}_id", "-id"], name=f"field_report_{level}")
                for level in ("county", "township", "village")
            ),
            models.Index(fields=["household", "-id"], name="field_report_household"),
        ]


class Photo(models.Model):
    """A photo that came after its report, under a number of its own: received once. Append-only."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="photos")
    number = models.UUIDField()
    file = models.OneToOneField("files.StoredFile", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "number"], name="field_photo_once")]
