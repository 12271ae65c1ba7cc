"""The health of the system: database, tasks, disk. No business data."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from config.environment import VAR
from yuchang.core.queries import log_state

GIB = 1024**3
LOW_DISK = 0.1


@dataclass(frozen=True)
class Check:
    """One thing looked at: a word, what was found, and whether that is well."""

    word: str
    found: str
    kind: str


def health() -> list[Check]:
    """Everything the system administrator looks at first."""
    return [*_database(), *_tasks(), _disk(), _log()]


def _ask(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
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
    counts = {
        str(status): int(n)
        for status, n in _ask("SELECT status, count(*) FROM procrastinate_jobs GROUP BY 1")
    }
    waiting, failed = counts.get("todo", 0) + counts.get("doing", 0), counts.get("failed", 0)
    return [
        Check(_("等待与进行中的任务"), f"{waiting:,}", "warn" if waiting > 1000 else "good"),
        Check(_("失败的任务"), f"{failed:,}", "bad" if failed else "good"),
    ]


def _disk() -> Check:
    usage = shutil.disk_usage(VAR if VAR.exists() else VAR.parent)
    share = usage.free / usage.total
    return Check(
        _("磁盘剩余"), f"{usage.free / GIB:.1f} GiB ({share:.0%})", "bad" if share < LOW_DISK else "good"
    )


def _log() -> Check:
    state = log_state()
    return Check(_("审计日志待排序"), f"{state.waiting:,}", "warn" if state.waiting > 1000 else "good")
