"""Definitions (dated, of a place), cases with their append-only records, parallel tracks, samples, holidays.

A case keeps the definition it began under; the database refuses to change one or the other. Every change
of a case's step or state has a ``StepRecord`` of the same number, and where two people are required the
database refuses the record of the same one (``0002_guards``).
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.models import Vetted, proposal_constraints
from yuchang.core.models import Versioned
from yuchang.core.signs import signs_index
from yuchang.places.models import Place, Placed


class Certainty(models.TextChoices):
    """How sure a definition or a day is."""

    TEXT = "text", _("见于公开文本")
    LOCAL = "local", _("见于地方文本")
    MEMORY = "memory", _("有待核对")
    OURS = "ours", _("本系统约定")


class Definition(Vetted):
    """One version of a procedure, for the whole country or for one place, from a day until a day.

    ``body`` is the canonical content (see ``rules.machine.parse``), ``digest`` its SHA-256. ``pairs`` says
    for which step who must not have acted in which steps, ``waits`` which tracks must be over before a
    step is left; both are derived from ``body`` for the database's own checks.

    A place's own version is proposed by one person and put in force by another; no case begins under one
    that waits or was refused. Once answered, only ``valid_to`` changes.
    """

    code = models.CharField(max_length=40)
    place = models.ForeignKey(Place, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="version of this code in this place")
    title = models.CharField(max_length=60)
    title_en = models.CharField(max_length=80)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    document = models.CharField(max_length=120, blank=True, default="")
    certainty = models.CharField(max_length=10, choices=Certainty)
    source = models.CharField(max_length=400, blank=True, default="")
    body = models.JSONField()
    digest = models.CharField(max_length=64)
    pairs = models.JSONField(default=dict)
    waits = models.JSONField(default=dict)

    class Meta:
        constraints = [
            *proposal_constraints("procedures_definition"),
            models.UniqueConstraint(
                fields=["code", "place"],
                condition=Q(state="proposed"),
                name="procedures_definition_one_waits",
            ),
            models.UniqueConstraint(
                fields=["code", "place", "number"],
                name="procedures_definition_number",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="procedures_definition_dates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"


class Case(Versioned, Placed):
    """One run of a procedure about one subject (``subject_kind`` and ``subject_id`` are opaque here).

    ``step``, ``permission`` and ``levels`` say what is to be done now and by whom (levels of place scopes,
    empty: any); ``barred`` are the users who may not do it because they acted before; ``assigned_to`` the
    one to whom it was transferred. ``due_on`` is the last day of the step or of the whole case, whichever
    comes first; ``final_on`` that of the whole case. ``escalation`` counts the rungs climbed in this step.
    """

    class State(models.TextChoices):
        OPEN = "open", _("办理中")
        DONE = "done", _("已办结")
        WITHDRAWN = "withdrawn", _("已撤回")

    definition = models.ForeignKey(Definition, on_delete=models.PROTECT, related_name="+", db_index=False)
    code = models.CharField(max_length=40)
    subject_kind = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    title = models.CharField(max_length=200)
    reference = models.CharField(max_length=120, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    outcome = models.CharField(max_length=40, blank=True, default="")
    step = models.CharField(max_length=40)
    permission = models.CharField(max_length=60)
    levels = ArrayField(models.SmallIntegerField(), default=list)
    barred = ArrayField(models.BigIntegerField(), default=list)
    assigned_to = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    opened_by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    opened_at = models.DateTimeField()
    step_since = models.DateField()
    due_on = models.DateField(null=True)
    final_on = models.DateField(null=True)
    escalation = models.PositiveSmallIntegerField(default=0)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id", "code"],
                condition=Q(state="open"),
                name="procedures_case_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True)
                | Q(state__in=["done", "withdrawn"], closed_at__isnull=False),
                name="procedures_case_closed",
            ),
        ]
        indexes = [
            signs_index("title", "procedures_case_signs"),
            models.Index(fields=["subject_kind", "subject_id", "-id"], name="procedures_case_subject"),
            *(
                models.Index(
                    fields=[f"{level}_id", "due_on", "id"],
                    condition=Q(state="open"),
                    name=f"procedures_due_{level}",
                )
                for level in ("county", "township", "village")
            ),
            models.Index(fields=["due_on", "id"], condition=Q(state="open"), name="procedures_due"),
            # Of a region's many open cases few are its own officers' turn.
            *(
                models.Index(
                    fields=[f"{level}_id", "permission", "due_on", "id"],
                    condition=Q(state="open"),
                    name=f"procedures_turn_{level}",
                )
                for level in ("province", "prefecture")
            ),
            models.Index(fields=["definition", "id"], name="procedures_case_definition"),
            # What the box on top finds in a small area, without all that it finds in the country.
            models.Index(fields=["county_id", "-id"], name="procedures_case_county"),
            models.Index(fields=["township_id", "-id"], name="procedures_case_township"),
            models.Index(fields=["village_id", "-id"], name="procedures_case_village"),
            models.Index(
                fields=["subject_kind", "assigned_to"],
                condition=Q(state="open", assigned_to__isnull=False),
                name="procedures_case_assigned",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Track(Placed):
    """What runs beside the main steps of a case: a notice with its objection period, or a parallel step.

    A notice is over on the day after ``ends_on``, if no objection to it (a case about the track) is open.
    """

    class Kind(models.TextChoices):
        NOTICE = "notice", _("公示")
        ACT = "act", _("并行步骤")

    class State(models.TextChoices):
        OPEN = "open", _("进行中")
        DONE = "done", _("已完成")
        CANCELLED = "cancelled", _("已取消")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="tracks")
    step = models.CharField(max_length=40)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    permission = models.CharField(max_length=60, blank=True, default="")
    levels = ArrayField(models.SmallIntegerField(), default=list)
    opened_on = models.DateField()
    ends_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    closed_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "step"], condition=Q(state="open"), name="procedures_track_one_open"
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(closed_on__isnull=False), name="procedures_track_closed"
            ),
            models.CheckConstraint(
                condition=~Q(state="done", kind="notice") | Q(closed_on__gt=F("ends_on")),
                name="procedures_track_ran_out",
            ),
        ]
        indexes = [
            models.Index(fields=["case", "id"], name="procedures_track_case"),
            models.Index(fields=["county_id", "id"], condition=Q(state="open"), name="procedures_track_open"),
        ]


class StepRecord(models.Model):
    """What somebody did to a case. Append-only; ``number`` is the case's version after it."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("发起")
        ADVANCED = "advanced", _("办理")
        RETURNED = "returned", _("退回")
        WITHDRAWN = "withdrawn", _("撤回")
        TRANSFERRED = "transferred", _("转办")
        TRACK = "track", _("并行办理")
        ESCALATED = "escalated", _("超期上报")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="records", db_index=False)
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    step = models.CharField(max_length=40)
    choice = models.CharField(max_length=40, blank=True, default="")
    next_step = models.CharField(max_length=40, blank=True, default="")
    opinion = models.CharField(max_length=1000, blank=True, default="")
    document_number = models.CharField(max_length=120, blank=True, default="")
    seal_file_id = models.BigIntegerField(null=True)
    evidence = models.JSONField(default=list, help_text="[[kind, file id], ...]")
    by = models.ForeignKey(
        "accounts.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    by_name = models.CharField(max_length=150)
    due_on = models.DateField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="procedures_record_once"),
        ]
        indexes = [models.Index(fields=["by", "-id"], name="procedures_record_by")]


class Sample(Placed):
    """A reproducible draw among the cases that stood in one step of one place. Append-only.

    ``draw`` counts the draws of the same step and place, so that drawing again is seen.
    """

    code = models.CharField(max_length=40)
    step = models.CharField(max_length=40)
    share_percent = models.PositiveSmallIntegerField()
    seed = models.CharField(max_length=64)
    population = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    population_hash = models.CharField(max_length=64)
    draw = models.PositiveIntegerField()
    drawn_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    drawn_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "step", "place", "draw"], name="procedures_sample_draw"),
            models.CheckConstraint(
                condition=Q(share_percent__range=(1, 100)) & Q(size__lte=F("population")),
                name="procedures_sample_share",
            ),
            models.CheckConstraint(
                condition=Q(size__gte=F("population") * F("share_percent") / 100),
                name="procedures_sample_large_enough",
            ),
        ]
        indexes = [models.Index(fields=["county_id", "-id"], name="procedures_sample_county")]


class SampleRow(models.Model):
    """One case of a sample's population, with its place in the drawn order. Append-only."""

    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="rows", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+", db_index=False)
    rank = models.PositiveIntegerField()
    is_drawn = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sample", "rank"], name="procedures_samplerow_rank"),
            models.UniqueConstraint(fields=["case", "sample"], name="procedures_samplerow_case"),
        ]


class SampleCheck(models.Model):
    """What the check of one drawn case found. Append-only; one per row."""

    row = models.OneToOneField(SampleRow, on_delete=models.PROTECT, related_name="check_result")
    is_sound = models.BooleanField()
    note = models.CharField(max_length=500)
    by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class Holiday(models.Model):
    """A day that an operator imported: off though a weekday, or worked though a weekend.

    Lies over the shipped national calendar (``reference/holidays``): the nation's row, then the row of the
    province, prefecture or county. Correcting a day adds a row; the latest row counts. Append-only.
    """

    day = models.DateField()
    place = models.ForeignKey(Place, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_off = models.BooleanField()
    name = models.CharField(max_length=40)
    document = models.CharField(max_length=120)
    imported_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["day", "id"], name="procedures_holiday_day")]
