"""The number under which a form was sent, kept in the transaction of what it wrote.

So a form is written once although the process was killed between its commit and its answer, and of two
requests at once the second waits at the unique key until the first has committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.core.errors import Conflict

KEPT_DAYS = 7


@dataclass
class UnderWay:
    """One form on its way through a request."""

    user_id: int
    number: str
    is_noted: bool = False
    is_repeated: bool = False


_sending: ContextVar[UnderWay | None] = ContextVar("sending", default=None)


@contextmanager
def sent(user_id: int, number: str) -> Iterator[UnderWay]:
    """While inside, the first write keeps the number of this form."""
    made = UnderWay(user_id, number)
    token = _sending.set(made)
    try:
        yield made
    finally:
        _sending.reset(token)


@contextmanager
def noted() -> Iterator[None]:
    """Within a transaction: keep the number with what is written inside; rolled back, both are gone.

    Raises Conflict when the form was written before.
    """
    made = _sending.get()
    if made is None or made.is_noted:
        yield
        return
    _keep(made)
    try:
        yield
    except BaseException:
        made.is_noted = False
        raise


def _keep(made: UnderWay) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_sending (user_id, number, at) VALUES (%s, %s, now()) ON CONFLICT DO NOTHING",
            [made.user_id, made.number],
        )
        made.is_noted, made.is_repeated = cursor.rowcount == 1, cursor.rowcount == 0
    if made.is_repeated:
        raise Conflict(_("这份内容刚才已经送到，没有再写一次。"))


def forget_old() -> int:
    """Remove numbers that no browser sends again; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_sending WHERE at < now() - make_interval(days => %s)", [KEPT_DAYS])
        return int(cursor.rowcount)
