"""Workbooks on their way in: the batch, its sealed file, its staged rows and what was found in them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.places.models import Placed


class ImportBatch(Versioned, Placed):
    """One uploaded workbook. ``place`` is the area within which it may write.

    ``kind`` names the registered import (``sheets.kinds``). ``mapping`` says where each column was found.
    ``progress_done`` of ``progress_total`` rows are through the step that is under way.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("待确认列对应")
        CHECKING = "checking", _("检查中")
        CHECKED = "checked", _("待确认写入")
        WRITING = "writing", _("写入中")
        DONE = "done", _("已完成")
        UNDONE = "undone", _("已撤销")
        CANCELLED = "cancelled", _("已放弃")
        FAILED = "failed", _("未能完成")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    kind = models.CharField(max_length=60)
    state = models.CharField(max_length=20, choices=State, default=State.UPLOADED)
    file_name = models.CharField(max_length=200)
    file_size = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    observed_on = models.DateField()
    mapping = models.JSONField(default=dict)
    preview = models.JSONField(default=list)
    progress_done = models.IntegerField(default=0)
    progress_total = models.IntegerField(default=0)
    counts = models.JSONField(default=dict)
    message = models.TextField(blank=True, default="")
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["writing", "done", "undone"]) | Q(confirmed_by__isnull=False),
                name="sheets_batch_written_only_when_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(progress_done__gte=0) & Q(progress_done__lte=models.F("progress_total")),
                name="sheets_batch_progress",
            ),
        ]
        indexes = [
            models.Index(fields=["county_id", "-id"], name="sheets_batch_county"),
            models.Index(fields=["village_id", "-id"], name="sheets_batch_village"),
            models.Index(fields=["sha256"], name="sheets_batch_sha256"),
        ]


class BatchFile(models.Model):
    """The uploaded workbook, sealed: it is full of ID numbers. Kept until the batch is purged."""

    batch = models.OneToOneField(
        ImportBatch, on_delete=models.CASCADE, primary_key=True, related_name="stored_file"
    )
    sealed = models.BinaryField()


class StagedGroup(models.Model):
    """Rows that enter together or not at all (for the household workbook: one household)."""

    class State(models.TextChoices):
        OK = "ok", _("可写入")
        WARNING = "warning", _("可写入,有提醒")
        REJECTED = "rejected", _("不写入")

    class Outcome(models.TextChoices):
        PENDING = "", _("未写入")
        CREATED = "created", _("新增")
        CHANGED = "changed", _("更新")
        UNCHANGED = "unchanged", _("无变化")
        SKIPPED = "skipped", _("未写入")
        RETIRED = "retired", _("已撤销")

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="groups")
    number = models.IntegerField()
    key = models.CharField(max_length=100)
    rows = models.IntegerField()
    state = models.CharField(max_length=10, choices=State)
    plan = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="")
    place_id = models.BigIntegerField(null=True)
    object_id = models.BigIntegerField(null=True)
    object_version = models.IntegerField(null=True)
    content_hash = models.BinaryField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="sheets_group_number")]
        indexes = [models.Index(fields=["batch", "state", "number"], name="sheets_group_state")]


class StagedRow(models.Model):
    """One row as read: normalised values as JSON, secrets already sealed. Dropped once written."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="staged")
    group_number = models.IntegerField()
    row = models.IntegerField()
    content = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["batch", "group_number", "row"], name="sheets_row_group")]


class Finding(models.Model):
    """Something found in one cell: which sheet, row and column, what is wrong and what to do.

    ``code`` and ``arguments`` are rendered by the kind's messages in the reader's language.
    """

    class Level(models.TextChoices):
        WARNING = "warning", _("提醒")
        REJECTED = "rejected", _("错误")

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="findings")
    group_number = models.IntegerField()
    row = models.IntegerField()
    column = models.IntegerField(null=True)
    field = models.CharField(max_length=40, blank=True, default="")
    level = models.CharField(max_length=10, choices=Level)
    code = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["batch", "level", "code", "row", "id"], name="sheets_finding_kind"),
            models.Index(fields=["batch", "row", "id"], name="sheets_finding_row"),
        ]
