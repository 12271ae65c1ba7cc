"""Writes: freezing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from yuchang.accounts.rules import Actor
from yuchang.places.models import Place
from yuchang.snapshots.models import Snapshot
from yuchang.snapshots.rules import Extract


def freeze(*, actor: Actor, name: str, place: Place, extracts: Sequence[Extract], as_of: date) -> Snapshot:
    """Freeze the extracts into Parquet files with a manifest and store the ``Snapshot`` row.

    All tables are read in one database transaction. Inside an open transaction the caller's own
    writes are seen. Raises Refused without ``snapshots.freeze``, Hidden outside the actor's places.
    """
    raise NotImplementedError
