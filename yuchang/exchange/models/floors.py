"""What a run is compared with before it is published: its scenarios, replays and publications."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from yuchang.core.models import Versioned
from yuchang.exchange.models.clearings import Clearing


class Scenario(Versioned):
    """A what-if asked of a draft: parameters, how far the computing is, and the frozen run it became.

    Scoped through ``draft``. A task computes it (``tasks.compute_scenario``); ``run`` is then its result.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("计算中")
        DONE = "done", _("已算完")
        FAILED = "failed", _("不能计算")
        CANCELLED = "cancelled", _("已停止")

    draft = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="scenarios")
    name = models.CharField(max_length=60)
    parameters = models.JSONField()
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=30, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    run = models.OneToOneField(Clearing, null=True, on_delete=models.PROTECT, related_name="scenario")
    asked_by_id = models.BigIntegerField()
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="done", run__isnull=False)
                | Q(state__in=["queued", "running", "failed", "cancelled"], run__isnull=True),
                name="exchange_scenario_done_has_run",
            ),
            models.CheckConstraint(condition=Q(percent__lte=100), name="exchange_scenario_percent"),
            models.UniqueConstraint(fields=["draft", "name"], name="exchange_scenario_name_once"),
        ]


class Replay(Versioned):
    """A stored run computed and checked once more, by whom and with what result. Scoped through ``clearing``.

    A task computes it (``tasks.recompute``); its result is kept and never changes.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("计算中")
        DONE = "done", _("已算完")
        FAILED = "failed", _("不能计算")

    clearing = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="replays")
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=30, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    is_same = models.BooleanField(null=True)
    is_accepted = models.BooleanField(null=True)
    result_hash = models.CharField(max_length=64, blank=True)
    asked_by_id = models.BigIntegerField()
    asked_by_name = models.CharField(max_length=60)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="done", is_same__isnull=False, is_accepted__isnull=False)
                & ~Q(result_hash="")
                | Q(
                    state__in=["queued", "running", "failed"], is_same__isnull=True, is_accepted__isnull=True
                ),
                name="exchange_replay_done_has_result",
            ),
            models.CheckConstraint(condition=Q(percent__lte=100), name="exchange_replay_percent"),
            models.UniqueConstraint(
                fields=["clearing"],
                condition=Q(state__in=["queued", "running"]),
                name="exchange_replay_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["clearing", "-id"], name="exchange_replay_clearing")]


class Publication(Versioned):
    """How far a run's proposals have gone out to both sides, asked by whom. One per run; of a draft and its
    scenarios one at most is under way or decided. Scoped through ``clearing``.

    Decided (``decided_at``), every proposal is written down as ``Unsent`` and goes out portion by portion;
    from then on the run can neither be discarded nor exchanged for another scenario. It ends ``done``, and
    the run ``published``, with the last portion; a failed one is gone on with. ``draft`` is the root of the
    run and its scenarios, ``turn`` the order of the decisions: the later replaces what the earlier proposed.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("发布中")
        DONE = "done", _("已发完")
        FAILED = "failed", _("未能发布")

    clearing = models.OneToOneField(Clearing, on_delete=models.PROTECT, related_name="publication")
    draft = models.ForeignKey(Clearing, on_delete=models.PROTECT, related_name="publications")
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=30, blank=True)
    percent = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    total = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    explained = models.PositiveIntegerField(default=0)
    asked_by_id = models.BigIntegerField()
    asked_by_name = models.CharField(max_length=60)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    turn = models.PositiveIntegerField(null=True, unique=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(percent__lte=100), name="exchange_publication_percent"),
            models.CheckConstraint(
                condition=Q(decided_at__isnull=True, turn__isnull=True)
                | Q(decided_at__isnull=False, turn__isnull=False),
                name="exchange_publication_turn",
            ),
            models.CheckConstraint(
                condition=Q(sent__lte=F("total")) & (Q(decided_at__isnull=False) | Q(total=0)),
                name="exchange_publication_sent",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(decided_at__isnull=False, finished_at__isnull=False),
                name="exchange_publication_done",
            ),
            models.UniqueConstraint(
                fields=["draft"],
                condition=Q(state__in=["queued", "running", "done"]) | Q(decided_at__isnull=False),
                name="exchange_publication_one",
            ),
        ]
