"""Uploaded files: a row for what came in and what became of it, and the sealed bytes on disk."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from yuchang.accounts.factors import real_now
from yuchang.core.models import Versioned
from yuchang.places.models import Placed


class Blob(models.Model):
    """Bytes on disk, once for each content and data key. ``sha256`` is that of the plain content.

    The file ``name`` (see ``files.store``) holds the content sealed under the data key of ``key_id``
    (a county, or the place itself above counties). Rows appear and go in the transaction that makes a
    file ready or ends it; a file without a row is an orphan that the sweep removes.
    """

    key_id = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=80, unique=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key_id", "sha256"], name="files_blob_content_once"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="files_blob_sha256"),
            models.CheckConstraint(condition=Q(size__gt=0), name="files_blob_size"),
        ]


class StoredFile(Versioned, Placed):
    """One upload: what it is about, who may see it (``purpose``, see ``files.rules``), and its state.

    ``about_kind`` and ``about_id`` name an object of any domain. ``file_name`` is cleaned for display and
    emptied with the bytes. ``size`` and ``sha256`` are those of what is kept (an image is encoded anew),
    ``received_size`` and ``received_sha256`` those of what was sent. ``expires_on`` is the last day on which
    it is kept; a held file outlives it. ``arrived_at`` is the true instant, by which a day's uploads and what
    a killed process left are judged; ``received_at`` is that of the working day, which may be simulated.
    """

    class State(models.TextChoices):
        QUARANTINED = "quarantined", _("检查中")
        READY = "ready", _("可用")
        REFUSED = "refused", _("已拒收")
        EXPIRED = "expired", _("已到期删除")
        REMOVED = "removed", _("已删除")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    purpose = models.CharField(max_length=40)
    about_kind = models.CharField(max_length=40)
    about_id = models.BigIntegerField()
    title = models.CharField(max_length=120, blank=True, default="")
    file_name = models.CharField(max_length=160, blank=True, default="")
    kind = models.CharField(max_length=12, blank=True, default="")
    state = models.CharField(max_length=12, choices=State, default=State.QUARANTINED)
    reason = models.CharField(max_length=300, blank=True, default="")
    quarantine_name = models.CharField(max_length=64, blank=True, default="")
    received_size = models.BigIntegerField()
    received_sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    blob = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    thumbnail = models.ForeignKey(Blob, null=True, on_delete=models.PROTECT, related_name="+")
    expires_on = models.DateField(null=True, blank=True)
    held_for = models.CharField(max_length=200, blank=True, default="")
    uploaded_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    arrived_at = models.DateTimeField(default=real_now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="ready", blob__isnull=False, size__gt=0)
                | (~Q(state="ready") & Q(blob__isnull=True, thumbnail__isnull=True)),
                name="files_storedfile_ready_has_bytes",
            ),
            models.CheckConstraint(
                condition=Q(state="quarantined") ^ Q(quarantine_name=""),
                name="files_storedfile_quarantine",
            ),
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(reason=""), name="files_storedfile_refused_with_reason"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["expired", "removed"]) | Q(held_for="", ended_at__isnull=False),
                name="files_storedfile_held_is_kept",
            ),
            models.CheckConstraint(
                condition=Q(received_size__gte=0, size__gte=0), name="files_storedfile_sizes"
            ),
        ]
        indexes = [
            models.Index(fields=["about_kind", "about_id", "id"], name="files_about"),
            models.Index(fields=["county_id", "-id"], name="files_county"),
            models.Index(fields=["township_id", "-id"], name="files_township"),
            models.Index(fields=["village_id", "-id"], name="files_village"),
            models.Index(fields=["uploaded_by", "arrived_at"], name="files_arrived"),
            models.Index(fields=["expires_on"], name="files_expiry", condition=Q(state="ready")),
            models.Index(fields=["id"], name="files_waiting", condition=Q(state="quarantined")),
        ]

    def __str__(self) -> str:
        return self.title or self.file_name
