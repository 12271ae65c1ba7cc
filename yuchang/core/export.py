"""Writes the ordered audit log as files that ``tools/verify_audit.py`` checks without us."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from yuchang.core.models import AuditCheckpoint
from yuchang.core.sequencer import signer

# A leaf whose entry is gone still has a line, so that the verifier can name it.
_ENTRIES = """
    SELECT l.seq, l.entry_id, l.leaf_hash, e.body, e.at, e.actor_id, e.actor_name, e.action,
           e.object_kind, e.object_id, e.place_id
    FROM core_auditleaf l LEFT JOIN core_auditentry e ON e.id = l.entry_id
    ORDER BY l.seq
"""


def export_log(folder: Path) -> tuple[int, int]:
    """Write ``entries.jsonl``, ``checkpoints.jsonl`` and ``public_key.txt``.

    Returns the numbers of entries and checkpoints.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "public_key.txt").write_text(signer().public_raw.hex() + "\n")
    with transaction.atomic():
        _freeze()
        entries = _write_lines(folder / "entries.jsonl", _entries())
        checkpoints = _write_lines(folder / "checkpoints.jsonl", _checkpoints())
    return entries, checkpoints


def _freeze() -> None:
    """Entries and checkpoints are read as of one moment."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _write_lines(path: Path, lines: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        for line in lines:
            handle.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
    return count


def _entries() -> Iterator[dict[str, Any]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ENTRIES)
        for seq, number, leaf, body, at, actor_id, actor, action, kind, object_id, place_id in cursor:
            yield {
                "seq": seq,
                "id": number,
                "leaf": bytes(leaf).hex(),
                "body": body,
                # The columns by which the platform searches must say the same as the signed text.
                "columns": {
                    "at": at.isoformat() if at else None,
                    "actor_id": actor_id,
                    "actor": actor,
                    "action": action,
                    "kind": kind,
                    "object_id": object_id,
                    "place_id": place_id,
                },
            }


def _checkpoints() -> Iterator[dict[str, Any]]:
    for row in AuditCheckpoint.objects.order_by("size").iterator(chunk_size=200):
        yield {
            "body": row.body,
            "leaves": base64.b64encode(bytes(row.leaves)).decode(),
            "signature": bytes(row.signature).hex(),
        }
