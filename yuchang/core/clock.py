"""The only source of time for actions and queries. Settable only in a database marked simulated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime

from django.utils import timezone

from yuchang.core.models import Instance

# Within one request the instance is read once: [] not read yet, [row or None] read.
_reading: ContextVar[list[Instance | None] | None] = ContextVar("reading", default=None)


@contextmanager
def one_reading() -> Iterator[None]:
    """While inside, the database is asked only once what it is and what its clock shows."""
    token = _reading.set([])
    try:
        yield
    finally:
        _reading.reset(token)


def forget_reading() -> None:
    """Ask the database again: the instance row was changed."""
    if (kept := _reading.get()) is not None:
        kept.clear()


def instance() -> Instance | None:
    """What this database is; None when it was never named."""
    kept = _reading.get()
    if kept is None:
        return Instance.objects.filter(pk=1).first()
    if not kept:
        kept.append(Instance.objects.filter(pk=1).first())
    return kept[0]


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
