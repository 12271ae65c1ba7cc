"""The only source of time for actions and queries. Settable only in a database marked simulated."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

from yuchang.core.models import Instance
from yuchang.core.once import once
from yuchang.core.rows import row_by


def instance() -> Instance | None:
    """What this database is; None when it was never named. Within one request asked once."""
    return once("core.instance", lambda: row_by(Instance, "id", 1))


def now() -> datetime:
    """The present instant, or the simulated one."""
    row = instance()
    return row.clock_at if row and row.clock_at else timezone.now()


def today() -> date:
    """The present day in Asia/Shanghai."""
    return timezone.localdate(now())


def is_simulated() -> bool:
    """Whether every person and figure in this database is made up."""
    row = instance()
    return bool(row and row.is_simulated)
