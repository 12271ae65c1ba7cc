"""Frozen extracts: what a run or a figure was computed from."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yuchang.places.models import Placed


class Snapshot(Placed):
    """Some named extracts of one place, frozen on one day into Parquet files. Append-only.

    ``manifest`` lists per table its columns, types, number of rows, the SHA-256 of its content in
    canonical order and the SHA-256 of its file. ``content_hash`` depends on the content alone:
    unchanged data give the same hash. ``folder`` is relative to ``settings.SNAPSHOT_DIR``.
    """

    name = models.CharField(max_length=60)
    as_of = models.DateField()
    created_at = models.DateTimeField()
    created_by_id = models.BigIntegerField(null=True)
    content_hash = models.CharField(max_length=64)
    folder = models.CharField(max_length=200)
    manifest = models.JSONField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(content_hash__regex=r"^[0-9a-f]{64}$"), name="snapshots_snapshot_hash_is_sha256"
            ),
        ]
        indexes = [models.Index(fields=["county_id", "name", "id"], name="snapshots_snapshot_county")]
