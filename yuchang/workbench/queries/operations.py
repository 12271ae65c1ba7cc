"""The health of the system: database, tasks, disk, backups, certificate. No business data."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from config.environment import VAR, uses_own_server
from yuchang.core.queries import log_state
from yuchang.core.readings import backup_age, newest_backup, tasks
from yuchang.supervisor.certificates import days_left

GIB = 1024**3
LOW_DISK = 0.1
OLD_BACKUP_HOURS, LATE_TASK_SECONDS, CERTIFICATE_DAYS = 26, 600, 30
TASKS_SHOWN = 100
TASK_ROWS = """
SELECT j.id, j.task_name, j.queue_name, j.status::text, j.attempts, e.at
FROM procrastinate_jobs j
LEFT JOIN LATERAL (SELECT max(at) AS at FROM procrastinate_events WHERE job_id = j.id) e ON true
WHERE j.status = %s ORDER BY j.id DESC LIMIT %s
"""


@dataclass(frozen=True)
class Check:
    """One thing looked at: a word, what was found, and whether that is well."""

    word: str
    found: str
    kind: str


def health() -> list[Check]:
    """Everything the system administrator looks at first."""
    return [*_database(), *_tasks(), _disk(), _log(), _backup(), *_certificate()]


@dataclass(frozen=True)
class TaskRow:
    """One task: what, since when, how often tried. Its arguments are not shown: they may name a record."""

    pk: int
    name: str
    queue: str
    status: str
    attempts: int
    at: datetime | None

    @property
    def may_run_again(self) -> bool:
        return self.status == "failed"


def task_rows(status: str) -> list[TaskRow]:
    """The newest tasks of one status: ``todo``, ``doing`` or ``failed``."""
    return [TaskRow(*row) for row in _ask(TASK_ROWS, [status, TASKS_SHOWN])]


def _ask(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return list(cursor.fetchall())


def _database() -> list[Check]:
    ((version, size, used, most, role, superuser),) = _ask(
        "SELECT current_setting('server_version'), pg_database_size(current_database()),"
        " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),"
        " current_setting('max_connections')::int, current_user,"
        " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
    )
    return [
        Check(_("数据库版本"), f"PostgreSQL {version.split()[0]}", "good"),
        Check(_("数据库大小"), f"{size / GIB:.2f} GiB", "info"),
        Check(_("数据库连接"), f"{used} / {most}", "warn" if used > 0.8 * most else "good"),
        Check(
            _("应用角色"),
            _("权限过大") if superuser else _("%(role)s，无管理权") % {"role": role},
            "bad" if superuser else "good",
        ),
    ]


def _tasks() -> list[Check]:
    rows = tasks()
    waiting = sum(row.count for row in rows if row.status != "failed")
    failed = sum(row.count for row in rows if row.status == "failed")
    late = max((row.age for row in rows if row.status == "todo"), default=0.0)
    return [
        Check(_("等待与进行中的任务"), f"{waiting:,}", "warn" if waiting > 1000 else "good"),
        Check(
            _("最久的等待"),
            _("%(n)s 秒") % {"n": f"{late:,.0f}"},
            "bad" if late > LATE_TASK_SECONDS else "good",
        ),
        Check(_("失败的任务"), f"{failed:,}", "bad" if failed else "good"),
    ]


def _backup() -> Check:
    if uses_own_server():
        return Check(_("最近一次备份"), _("由数据库服务器自己备份"), "quiet")
    age, newest = backup_age(), newest_backup()
    if age is None or newest is None:
        return Check(_("最近一次备份"), _("本机没有备份"), "warn")
    hours = age / 3600
    found = _("%(name)s，%(hours)s 小时前") % {"name": newest.name, "hours": f"{hours:,.0f}"}
    return Check(_("最近一次备份"), found, "bad" if hours > OLD_BACKUP_HOURS else "good")


def _certificate() -> list[Check]:
    days = days_left(VAR)
    if days is None:
        return []
    found = _("还有 %(days)s 天到期") % {"days": f"{days:,.0f}"}
    return [Check(_("本机证书"), found, "bad" if days < CERTIFICATE_DAYS else "good")]


def _disk() -> Check:
    usage = shutil.disk_usage(VAR if VAR.exists() else VAR.parent)
    share = usage.free / usage.total
    return Check(
        _("磁盘剩余"), f"{usage.free / GIB:.1f} GiB ({share:.0%})", "bad" if share < LOW_DISK else "good"
    )


def _log() -> Check:
    state = log_state()
    return Check(_("审计日志待排序"), f"{state.waiting:,}", "warn" if state.waiting > 1000 else "good")
