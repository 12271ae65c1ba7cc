"""Writes: freezing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.places.models import Place, keys_of
from yuchang.snapshots.engine import Frozen, freezer
from yuchang.snapshots.models import Snapshot
from yuchang.snapshots.rules import Extract, snapshot_digest

MANIFEST = "manifest.json"


def freeze(*, actor: Actor, name: str, place: Place, extracts: Sequence[Extract], as_of: date) -> Snapshot:
    """Freeze the extracts into Parquet files with a manifest and store the ``Snapshot`` row.

    All tables are read in one database transaction. Inside an open transaction the caller's own
    writes are seen. Raises Refused without ``snapshots.freeze``, Hidden outside the actor's places.
    """
    open_door(Place.objects.all(), actor, "snapshots.freeze", place.pk)
    root = Path(settings.SNAPSHOT_DIR)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=root))
    try:
        with freezer(extracts) as tables:
            frozen = {e.name: tables.write(e, draft / f"{e.name}.parquet") for e in extracts}
        created_at = clock.now()
        manifest = _manifest(name, as_of, frozen, {e.name: list(e.key) for e in extracts})
        digest = snapshot_digest({n: t.content_hash for n, t in frozen.items()})
        folder = _keep(root, draft, digest, manifest | {"created_at": created_at.isoformat()})
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    with write("snapshots.freeze", actor) as audit:
        snapshot = Snapshot.objects.create(
            name=name,
            place=place,
            **keys_of(place),
            as_of=as_of,
            created_at=created_at,
            created_by_id=actor.user_id,
            content_hash=digest,
            folder=folder,
            manifest=manifest,
        )
        rows = {n: t.rows for n, t in frozen.items()}
        audit.add("snapshot", snapshot.pk, place_id=place.pk, content_hash=digest, rows=rows, as_of=as_of)
    return snapshot


def _manifest(
    name: str, as_of: date, frozen: dict[str, Frozen], keys: dict[str, list[str]]
) -> dict[str, Any]:
    tables = {
        table: {
            "file": f"{table}.parquet",
            "key": keys[table],
            "columns": [[c.name, c.type] for c in found.columns],
            "rows": found.rows,
            "content_sha256": found.content_hash,
            "file_sha256": found.file_hash,
        }
        for table, found in frozen.items()
    }
    return {"name": name, "as_of": as_of.isoformat(), "tables": tables}


def _keep(root: Path, draft: Path, digest: str, manifest: dict[str, Any]) -> str:
    """Move the files to the folder named after their content; the same content shares one folder."""
    folder = root / digest[:2] / digest
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (draft / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    for path in sorted(draft.iterdir()):
        path.chmod(0o400)
        os.replace(path, folder / path.name)
    return f"{digest[:2]}/{digest}"
