"""The only source of time for actions and queries. Settable only in a database marked simulated."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

from yuchang.core.models import Instance


def now() -> datetime:
    """The present instant, or the simulated one."""
    simulated = Instance.objects.filter(pk=1).values_list("clock_at", flat=True).first()
    return simulated or timezone.now()


def today() -> date:
    """The present day in Asia/Shanghai."""
    return timezone.localdate(now())


def is_simulated() -> bool:
    """Whether every person and figure in this database is made up."""
    return bool(Instance.objects.filter(pk=1, is_simulated=True).exists())
