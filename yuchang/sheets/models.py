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


# --- what goes out -----------------------------------------------------------------------------


class Template(Versioned, Placed):
    """A superior's blank workbook, or a letter, that officers fill from the register.

    Shared within ``place``: everybody who works in it or below may fill it; who works above may, too.
    What it looks like and where its fields are stands in its editions; ``newest`` is the one in use.
    """

    class Kind(models.TextChoices):
        WORKBOOK = "workbook", _("空白工作簿")
        LETTER = "letter", _("信函")

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=60)
    is_retired = models.BooleanField(default=False)
    newest = models.IntegerField(default=1)
    created_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "name"], name="sheets_template_name")]
        indexes = [
            models.Index(fields=["county_id", "-id"], name="sheets_template_county"),
            models.Index(fields=["place", "-id"], name="sheets_template_place"),
        ]


class Edition(models.Model):
    """One edition of a template: the blank file and where what goes. Append-only.

    ``layout`` is that of ``sheets.blanks.Layout`` for a workbook and empty for a letter; ``narrow`` is
    the saved filter of the source.
    """

    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="editions")
    number = models.IntegerField()
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    layout = models.JSONField(default=dict)
    narrow = models.JSONField(default=dict)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="sheets_edition_number")]


class Output(Versioned, Placed):
    """A file that is made in the background: an export, a filled template, cards, letters, a report.

    ``place`` is the area whose rows it holds. ``after`` and ``rows_done`` say how far its rows are
    stored; a killed task goes on from there. Rows and file are sealed pieces. Only who made it may
    fetch it, as long as the area and ``permission`` are still his or hers; a report's is open to
    all who hold them. ``with_secrets``: it shows what ``secret_permission`` opens.
    """

    class Kind(models.TextChoices):
        TABLE = "table", _("导出")
        FORM = "form", _("填表")
        CARDS = "cards", _("打印")
        LETTERS = "letters", _("信函")
        CHANGES = "changes", _("变动导出")
        REPORT = "report", _("报表")

    class State(models.TextChoices):
        WAITING = "waiting", _("排队中")
        READING = "reading", _("读取中")
        WRITING = "writing", _("生成中")
        DONE = "done", _("已生成")
        FAILED = "failed", _("未能生成")
        CANCELLED = "cancelled", _("已取消")
        EXPIRED = "expired", _("已过期")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    title = models.CharField(max_length=200)
    source = models.CharField(max_length=60)
    permission = models.CharField(max_length=60)
    secret_permission = models.CharField(max_length=60, blank=True, default="")
    with_secrets = models.BooleanField(default=False)
    narrow = models.JSONField(default=dict)
    fields = models.JSONField(default=list)
    options = models.JSONField(default=dict)
    format = models.CharField(max_length=10)
    edition = models.ForeignKey(Edition, null=True, on_delete=models.PROTECT, related_name="+")
    as_of = models.DateField()
    after = models.BigIntegerField(default=0)
    rows_done = models.IntegerField(default=0)
    objects_done = models.IntegerField(default=0)
    objects_total = models.IntegerField(default=0)
    totals = models.JSONField(default=dict)
    rows_sha256 = models.CharField(max_length=64, blank=True, default="")
    file_name = models.CharField(max_length=200, blank=True, default="")
    file_size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    sealed_key = models.BinaryField()
    message = models.TextField(blank=True, default="")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    finished_at = models.DateTimeField(null=True)
    expires_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done") | Q(sha256__regex=r"^[0-9a-f]{64}$"),
                name="sheets_output_done_has_hash",
            ),
        ]
        indexes = [
            models.Index(fields=["made_by", "-id"], name="sheets_output_maker"),
            models.Index(fields=["state", "updated_at"], name="sheets_output_state"),
        ]


class OutputPiece(models.Model):
    """A sealed piece of an output: of its ``rows`` (JSON lines, deflated) or of its finished ``file``."""

    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="pieces")
    part = models.CharField(max_length=10)
    number = models.IntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["output", "part", "number"], name="sheets_piece_number")
        ]


class ReportPlan(Versioned, Placed):
    """A monthly report 报表 or running ledger 台账: which template, filter and source, frozen at month's end.

    ``edition`` empty: a plain table of ``fields``. The plan freezes for who last saved it.
    """

    class Kind(models.TextChoices):
        REPORT = "report", _("报表")
        LEDGER = "ledger", _("台账")

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=60)
    narrow = models.JSONField(default=dict)
    fields = models.JSONField(default=list)
    template = models.ForeignKey(Template, null=True, on_delete=models.PROTECT, related_name="+")
    starts_on = models.DateField()
    is_stopped = models.BooleanField(default=False)
    message = models.CharField(max_length=300, blank=True, default="")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "name"], name="sheets_plan_name")]
        indexes = [
            models.Index(fields=["county_id", "-id"], name="sheets_plan_county"),
            models.Index(fields=["is_stopped", "id"], name="sheets_plan_running"),
        ]


class Report(Placed):
    """One frozen edition of a plan's month. Append-only: a correction is the next edition, with a reason.

    ``period`` is the first day of the month. Hashes are SHA-256 of the file and of the rows in order.
    """

    plan = models.ForeignKey(ReportPlan, on_delete=models.PROTECT, related_name="reports")
    period = models.DateField()
    number = models.IntegerField(help_text="edition of the month, from 1")
    output = models.OneToOneField(Output, on_delete=models.PROTECT, related_name="report")
    rows = models.IntegerField()
    totals = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64)
    rows_sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=300, blank=True, default="")
    frozen_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "period", "number"], name="sheets_report_edition"),
            models.CheckConstraint(condition=Q(number=1) | ~Q(reason=""), name="sheets_report_reason"),
        ]
        indexes = [
            models.Index(fields=["county_id", "-period", "-id"], name="sheets_report_county"),
            models.Index(fields=["plan", "-period", "-number"], name="sheets_report_plan"),
        ]


class Sending(Placed):
    """One export of what changed since the last one, in the layout of a superior's system. Append-only.

    ``number`` counts from 1 per place and source; the next one starts from what this one left in ``Sent``.
    """

    source = models.CharField(max_length=60)
    number = models.IntegerField()
    output = models.OneToOneField(Output, on_delete=models.PROTECT, related_name="sending")
    counts = models.JSONField(default=dict)
    sent_at = models.DateTimeField()
    sent_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "source", "number"], name="sheets_sending_number")
        ]
        indexes = [models.Index(fields=["county_id", "-id"], name="sheets_sending_county")]


class Sent(models.Model):
    """What the last sending said of one object, as keyed digests of its cells: no value can be read back.

    ``cells``: row key → digests of the layout's columns, six bytes each, in hex. Replaced only in the
    transaction that records the next sending.
    """

    place = models.ForeignKey("places.Place", on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=60)
    object_id = models.BigIntegerField()
    key = models.CharField(max_length=60)
    cells = models.JSONField()
    sending = models.ForeignKey(Sending, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "source", "object_id"], name="sheets_sent_object")
        ]


class StagedSent(models.Model):
    """An object of a sending under way, until the sending is recorded. ``cells`` empty: it left."""

    output = models.ForeignKey(Output, on_delete=models.CASCADE, related_name="+")
    object_id = models.BigIntegerField()
    key = models.CharField(max_length=60)
    cells = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["output", "object_id"], name="sheets_stagedsent_object")
        ]


class ReadBack(Versioned, Placed):
    """The superior system's own workbook, compared with ours. ``place`` is the area compared."""

    class State(models.TextChoices):
        WAITING = "waiting", _("排队中")
        COMPARING = "comparing", _("比对中")
        READY = "ready", _("待处理")
        CLOSED = "closed", _("已处理完")
        FAILED = "failed", _("未能比对")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    source = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    sealed = models.BinaryField()
    observed_on = models.DateField()
    counts = models.JSONField(default=dict)
    message = models.TextField(blank=True, default="")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["county_id", "-id"], name="sheets_readback_county"),
            models.Index(fields=["village_id", "-id"], name="sheets_readback_village"),
            models.Index(fields=["state", "updated_at"], name="sheets_readback_state"),
        ]


class Difference(models.Model):
    """One thing in which the two systems differ, and what a person decided about it.

    ``field`` empty: a whole row stands on one side only. Both values are sealed together (label
    ``difference``, uid of the read-back with the number).
    """

    class Kind(models.TextChoices):
        VALUE = "value", _("内容不同")
        ONLY_OURS = "only_ours", _("仅本系统有")
        ONLY_THEIRS = "only_theirs", _("仅对方有")

    class Decision(models.TextChoices):
        OPEN = "", _("待处理")
        OURS = "ours", _("保留本系统")
        THEIRS = "theirs", _("采用对方")

    readback = models.ForeignKey(ReadBack, on_delete=models.CASCADE, related_name="differences")
    number = models.IntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    object_id = models.BigIntegerField(null=True)
    object_key = models.CharField(max_length=60)
    row_key = models.CharField(max_length=60, blank=True, default="")
    row = models.IntegerField(null=True)
    field = models.CharField(max_length=60, blank=True, default="")
    sealed = models.BinaryField()
    decision = models.CharField(max_length=10, choices=Decision, blank=True, default="")
    decided_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["readback", "number"], name="sheets_difference_number"),
            models.CheckConstraint(
                condition=Q(decision="") | Q(decided_by__isnull=False), name="sheets_difference_decided"
            ),
        ]
        indexes = [
            models.Index(fields=["readback", "decision", "number"], name="sheets_difference_open"),
            models.Index(fields=["readback", "object_key", "number"], name="sheets_difference_object"),
        ]
