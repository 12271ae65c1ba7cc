"""What the platform says about itself: tasks, log, database, disk, backups. No business data."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from config.environment import VAR, uses_own_server
from yuchang.core.queries import log_state
from yuchang.supervisor.backups import Backup, backups_in, folder_for
from yuchang.supervisor.certificates import days_left

# Tasks that are due and their age; a task planned for later is not waiting.
TASKS = """
SELECT j.status::text, j.queue_name, count(*),
       coalesce(extract(epoch FROM now() - min(coalesce(j.scheduled_at, e.at)))::float, 0)
FROM procrastinate_jobs j
LEFT JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events WHERE job_id = j.id) e ON true
WHERE j.status IN ('todo', 'doing', 'failed') AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
GROUP BY 1, 2 ORDER BY 1, 2
"""
DATABASE = """
SELECT pg_database_size(current_database()),
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       current_setting('max_connections')::int,
       (SELECT failed_count FROM pg_stat_archiver),
       (SELECT coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL)
        FROM pg_stat_archiver),
       (SELECT coalesce(max(extract(epoch FROM now() - xact_start))::float, 0) FROM pg_stat_activity
        WHERE datname = current_database() AND state <> 'idle')
"""


@dataclass(frozen=True)
class Reading:
    """One number, as Prometheus wants it."""

    name: str
    says: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Tasks:
    """Tasks of one status and queue; ``age``: seconds that the oldest has been due."""

    status: str
    queue: str
    count: int
    age: float


def _ask(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def tasks() -> list[Tasks]:
    """Waiting, running and failed tasks by queue."""
    return [Tasks(*row) for row in _ask(TASKS)]


def newest_backup() -> Backup | None:
    """The newest finished copy; None when there is none, or when none of ours can be seen from here.

    With a server of one's own there is none: copies of an embedded database left behind would deceive.
    """
    if uses_own_server():
        return None
    try:
        there = backups_in(folder_for(VAR))
    except OSError:
        return None
    return there[-1] if there else None


def backup_age(now: datetime | None = None) -> float | None:
    """Seconds since the newest backup was finished."""
    newest = newest_backup()
    return None if newest is None else ((now or datetime.now(UTC)) - newest.finished).total_seconds()


def readings() -> Iterable[Reading]:
    """Every number there is; those that do not apply are left out."""
    for row in tasks():
        labels = (("status", row.status), ("queue", row.queue))
        yield Reading("yuchang_tasks", "Due, running and failed tasks", row.count, labels)
        yield Reading("yuchang_task_age_seconds", "How long the oldest has been due", row.age, labels)
    yield from _log()
    ((size, used, most, failures, is_failing, oldest),) = _ask(DATABASE)
    yield Reading("yuchang_database_bytes", "Size of the database", size)
    yield Reading("yuchang_database_sessions", "Sessions in use", used)
    yield Reading("yuchang_database_sessions_max", "Sessions the server takes", most)
    yield Reading("yuchang_archive_failures", "Log segments that could not be archived at once", failures)
    yield Reading("yuchang_archive_failing", "1 while the newest attempt to archive failed", int(is_failing))
    yield Reading("yuchang_longest_transaction_seconds", "Age of the oldest open transaction", oldest)
    usage = shutil.disk_usage(VAR if VAR.exists() else VAR.parent)
    yield Reading("yuchang_disk_free_bytes", "Free space of the data folder", usage.free)
    yield Reading("yuchang_disk_bytes", "Size of that disk", usage.total)
    if (age := backup_age()) is not None:
        yield Reading("yuchang_backup_age_seconds", "Since the newest backup", age)
    if (days := days_left(VAR)) is not None:
        yield Reading("yuchang_certificate_days", "Days until our certificate ends", days)


def _log() -> Iterable[Reading]:
    state = log_state()
    yield Reading("yuchang_audit_waiting", "Audit entries not yet ordered and signed", state.waiting)
    if state.signed_at:
        lag = (datetime.now(UTC) - state.signed_at).total_seconds() if state.waiting else 0.0
        yield Reading("yuchang_audit_lag_seconds", "Since the last checkpoint, while entries wait", lag)
