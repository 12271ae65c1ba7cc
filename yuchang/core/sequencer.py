"""Orders the audit entries, grows the Merkle tree over them and signs checkpoints.

Writers only insert entries; nobody waits for a hot row. One pass of the sequencer takes the entries
whose transactions are surely finished: those below the oldest transaction still running. So no
entry can later appear before one that is already ordered. Within that, order is by transaction,
then entry.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection, transaction
from django.utils import timezone

from config.environment import secret
from yuchang.core.merkle import HASH_BYTES, Frontier
from yuchang.core.models import AuditCheckpoint

LOCK = 6962
# A checkpoint covers at most this many new entries: if an attacker destroys its list of leaves
# too, the verifier can still say within so many entries where the damage begins.
LEAVES_PER_CHECKPOINT = 1024
# One pass takes at most this many entries, so that a huge import does not hold one transaction open.
ENTRIES_PER_PASS = 200_000
NOTHING_BEFORE = "0" * 64


@dataclass(frozen=True)
class Signer:
    """The log's Ed25519 key. The key id is the beginning of the public key's SHA-256."""

    private: Ed25519PrivateKey

    @property
    def public_raw(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        return hashlib.sha256(self.public_raw).hexdigest()[:16]

    def sign(self, body: str) -> bytes:
        return self.private.sign(body.encode())


@lru_cache(maxsize=4)
def _signer(configured: str) -> Signer:
    seed = hashlib.sha256(b"yuchang audit key 1\x00" + configured.encode()).digest()
    return Signer(Ed25519PrivateKey.from_private_bytes(seed))


def signer() -> Signer:
    """The configured signing key (``YUCHANG_AUDIT_KEY``)."""
    return _signer(secret("YUCHANG_AUDIT_KEY"))


def sequence() -> int:
    """Order every finished entry that is not yet ordered, and sign. Returns how many were ordered.

    Returns 0 at once when another process is sequencing.
    """
    total = 0
    while True:
        done = _pass()
        total += done
        if done < ENTRIES_PER_PASS:
            return total


@transaction.atomic
def _pass() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not _first(cursor.fetchone()):
            return 0
        cursor.execute(
            "SELECT txid_snapshot_xmin(txid_current_snapshot()), system_identifier FROM pg_control_system()"
        )
        horizon, cluster = cursor.fetchone() or (0, 0)
    last = AuditCheckpoint.objects.order_by("-size").defer("leaves").first()
    size = last.size if last else 0
    leaves = _take(size, _from_horizon(last, cluster), horizon)
    if leaves:
        _sign_all(last, leaves, horizon, cluster)
    return len(leaves)


def _from_horizon(last: AuditCheckpoint | None, cluster: int) -> int | None:
    """Below this transaction every entry is already ordered.

    None: look at all of them, because this is the beginning, or the database was moved to another
    server, whose transaction numbers have nothing to do with the stored ones.
    """
    return last.horizon if last and last.cluster == cluster else None


def _take(size: int, low: int | None, horizon: int) -> list[bytes]:
    """Give the next numbers to the waiting entries; returns their leaf hashes in order."""
    finished = "e.transaction_id >= %(low)s AND e.transaction_id < %(horizon)s"
    if low is None:
        # Numbers of the future come from another server: those transactions ended long ago.
        finished = (
            "(e.transaction_id < %(horizon)s"
            " OR e.transaction_id >= txid_snapshot_xmax(txid_current_snapshot()))"
        )
    sql = f"""
        SELECT e.id, e.leaf_hash FROM core_auditentry e
        WHERE {finished} AND NOT EXISTS (SELECT 1 FROM core_auditleaf l WHERE l.entry_id = e.id)
        ORDER BY e.transaction_id, e.id LIMIT {ENTRIES_PER_PASS}
    """  # noqa: S608 - both pieces are constants above
    # Read to the end before the first leaf is written: a statement that did both would look for every
    # entry among the leaves it is adding, which took minutes for a county's first log.
    with connection.cursor() as cursor:
        cursor.execute(sql, {"low": low, "horizon": horizon})
        rows = cursor.fetchall()
        leaves = [bytes(leaf) for _entry, leaf in rows]
        cursor.execute(_NUMBER, [size, [entry for entry, _leaf in rows], leaves])
    return leaves


_NUMBER = """
    INSERT INTO core_auditleaf (seq, entry_id, leaf_hash)
    SELECT %s - 1 + u.position, u.entry_id, u.leaf_hash
    FROM unnest(%s::bigint[], %s::bytea[]) WITH ORDINALITY AS u(entry_id, leaf_hash, position)
"""


def _sign_all(last: AuditCheckpoint | None, leaves: list[bytes], horizon: int, cluster: int) -> None:
    """Store checkpoints over the new leaves."""
    if len(leaves) == ENTRIES_PER_PASS:
        # Entries below the horizon may be left: the next pass starts where this one did.
        horizon, cluster = (last.horizon, last.cluster) if last else (0, 0)
    tree = Frontier(last.size, bytes(last.frontier)) if last else Frontier()
    previous = checkpoint_hash(last.body) if last else NOTHING_BEFORE
    rows = signed_checkpoints(tree, previous, leaves, signer(), timezone.now())
    for row in rows:
        row.horizon, row.cluster = horizon, cluster
    AuditCheckpoint.objects.bulk_create(rows, batch_size=100)


def signed_checkpoints(
    tree: Frontier, previous: str, leaves: list[bytes], key: Signer, at: datetime
) -> list[AuditCheckpoint]:
    """Checkpoints over the new leaves, each chained to the one before. Extends ``tree``; stores nothing."""
    rows = []
    for start in range(0, len(leaves), LEAVES_PER_CHECKPOINT):
        batch = leaves[start : start + LEAVES_PER_CHECKPOINT]
        for leaf in batch:
            tree.append(leaf)
        root, packed = tree.root(), b"".join(batch)
        body = checkpoint_body(tree.size, root, previous, packed, at, key.key_id)
        row = AuditCheckpoint(size=tree.size, root=root, body=body, leaves=packed, at=at, key_id=key.key_id)
        row.signature, row.frontier = key.sign(body), tree.packed()
        rows.append(row)
        previous = checkpoint_hash(body)
    return rows


def checkpoint_body(size: int, root: bytes, previous: str, leaves: bytes, at: datetime, key_id: str) -> str:
    """The exact text that is signed: one line of JSON with sorted keys."""
    return json.dumps(
        {
            "at": at.isoformat(),
            "first": size - len(leaves) // HASH_BYTES,
            "key": key_id,
            "leaves": hashlib.sha256(leaves).hexdigest(),
            "log": "yuchang audit 1",
            "previous": previous,
            "root": root.hex(),
            "size": size,
        },
        sort_keys=True,
    )


def checkpoint_hash(body: str) -> str:
    """How the next checkpoint names this one."""
    return hashlib.sha256(body.encode()).hexdigest()


def _first(row: tuple[object, ...] | None) -> object:
    return row[0] if row else None
