"""``drill``: prove that a backup brings everything back, and how long that takes.

A moment is chosen while the platform runs; the database is restored into a second place exactly as it was at
that moment; every table, the root of the audit log and every file are compared. Two figures come out:

- *recovery point* (RPO): how long after a commit it was safe in the archive, without any help;
- *recovery time* (RTO): from the order to restore until the restored server takes writes.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from yuchang.supervisor.backups import MIRRORED, Backup, backups_in, make_backup, mirror, size_of
from yuchang.supervisor.fingerprints import audit_root, fingerprints, table_names
from yuchang.supervisor.restoring import restore
from yuchang.supervisor.server import ARCHIVE_SECONDS, EmbeddedServer
from yuchang.supervisor.words import Trouble

RPO_LIMIT, RTO_LIMIT = 60.0, 900.0
_MARKER = "yuchang.drill"


@dataclass
class Report:
    """What a drill found. Times in seconds."""

    backup: Backup
    moment: datetime
    rpo: float
    rto: float
    tables: int
    rows: int
    database_bytes: int
    wrong: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.wrong and self.rpo <= RPO_LIMIT and self.rto <= RTO_LIMIT

    def lines(self) -> list[str]:
        """The figures as text."""
        size = f"{self.database_bytes / 2**30:.2f} GiB, {self.tables} tables, {self.rows:,} rows"
        state = "everything equal" if not self.wrong else f"DIFFERENT: {', '.join(self.wrong[:20])}"
        return [
            f"backup     {self.backup.name}, made in {self.backup.seconds:.1f} s",
            f"restored   to {self.moment.isoformat()}: {size}",
            f"compared   {state}",
            f"RPO        {self.rpo:.1f} s (limit {RPO_LIMIT:.0f} s)",
            f"RTO        {self.rto:.1f} s (limit {RTO_LIMIT:.0f} s)",
        ]


def drill(
    server: EmbeddedServer, folder: Path, into: Path, *, fresh: bool = True, passphrase: str | None = None
) -> Report:
    """Restore this moment into ``into`` and compare. ``fresh``: make a new copy first. Raises Trouble."""
    if fresh or not backups_in(folder):
        make_backup(server, folder, passphrase=passphrase)
    if server.archive_folder() is None:
        raise Trouble("尚未开始归档，请先执行 backup。", "Archiving has not begun: run backup first.")
    with moment_of(server.urls()["admin"]) as (moment, before, root):
        rpo = wait_until_archived(server, moment)
        mirror(server.root.parent, folder)
        started = time.monotonic()
        restored = restore(folder, into, to=moment, passphrase=passphrase)
        try:
            rto = time.monotonic() - started
            expected = before()
            wrong = compare(restored.urls()["admin"], expected, root)
            wrong += compare_files(folder, into)
        finally:
            restored.stop()
    rows = sum(count for count, _hash in expected.values())
    size = size_of(restored.data)
    return Report(backups_in(folder)[-1], moment, rpo, rto, len(expected), rows, size, wrong)


@contextmanager
def moment_of(url: str) -> Iterator[tuple[datetime, Any, str]]:
    """A moment between two commits: its time, a function that fingerprints its tables, the audit root then.

    Writers wait for the few milliseconds in which the moment is fixed.
    """
    with psycopg.connect(url) as holder, psycopg.connect(url) as reader:
        names = _lock(holder)
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        root = audit_root(reader)
        (moment,) = holder.execute("SELECT clock_timestamp()").fetchone() or (None,)
        holder.execute("SELECT pg_sleep(0.002)")
        holder.rollback()
        # Replaying stops before the first commit after the moment: make sure that there is one.
        holder.execute("SELECT pg_logical_emit_message(true, %s, 'after')", [_MARKER])
        holder.commit()
        assert isinstance(moment, datetime)
        yield moment, lambda: fingerprints(reader, names), root


def _lock(holder: psycopg.Connection[Any]) -> list[str]:
    for _attempt in range(20):
        try:
            holder.execute("SET LOCAL lock_timeout = '2s'")
            names = table_names(holder)
            tables = sql.SQL(", ").join(sql.Identifier(name) for name in names)
            holder.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(tables))
            return names
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            holder.rollback()
            time.sleep(1)
    raise Trouble(
        "有长时间的写入，无法取得一致的时刻，请稍后再试。",
        "Long writes are under way and leave no moment between commits: try again later.",
    )


def wait_until_archived(server: EmbeddedServer, moment: datetime) -> float:
    """Seconds from the moment until its log segment lay in the archive. Raises Trouble if it never does."""
    folder = server.archive_folder()
    with psycopg.connect(server.urls()["admin"], autocommit=True) as admin:
        (segment,) = admin.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").fetchone() or ("",)
        deadline = time.monotonic() + 4 * ARCHIVE_SECONDS
        while time.monotonic() < deadline:
            if folder and (folder / f"{segment}.gz").exists():
                row = admin.execute("SELECT extract(epoch FROM clock_timestamp() - %s)::float", [moment])
                return float((row.fetchone() or (0.0,))[0])
            time.sleep(0.2)
    raise Trouble(
        f"日志没有进入归档目录 {folder}，请查看数据库日志。",
        f"The log does not reach the archive {folder}: see the server's log.",
    )


def compare(url: str, expected: dict[str, tuple[int, str]], root: str) -> list[str]:
    """The tables that differ, and the audit log if its root does."""
    with psycopg.connect(url) as restored:
        found = fingerprints(restored, table_names(restored))
        wrong = [n for n in sorted(found.keys() | expected.keys()) if found.get(n) != expected.get(n)]
        return wrong + ([] if audit_root(restored) == root else ["audit root"])


def compare_files(folder: Path, into: Path) -> list[str]:
    """Files of the mirror that did not arrive whole."""
    wrong = []
    for part in MIRRORED:
        for path in (folder / "files" / part).rglob("*"):
            twin = into / part / path.relative_to(folder / "files" / part)
            if path.is_file() and (not twin.exists() or twin.read_bytes() != path.read_bytes()):
                wrong.append(f"{part}/{path.name}")
    return wrong


def remove(var: Path) -> None:
    """Take the second place away again."""
    EmbeddedServer(var).stop("immediate")
    shutil.rmtree(var, ignore_errors=True)
