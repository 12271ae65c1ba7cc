"""The index of open postings that each process holds, kept in step with the database. Reads only.

Every posting carries the number of the transaction that last wrote it (``changed_in``, by trigger). A
search first takes over what was written since its process last looked, up to the oldest transaction that
was then still open, so that a slow one is not passed over: what is committed is found by the next search.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from yuchang.exchange.term_index import Entry, TermIndex

_COLUMNS = """p.id, p.state = 'open', p.category_id, p.direction = 'offer', coalesce(p.county_id, 0),
    coalesce(p.province_id, 0), p.window_from - date '0001-01-01' + 1, p.window_to - date '0001-01-01' + 1,
    array_to_string(p.terms, ' ')"""
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_ALL = f"SELECT {_COLUMNS} FROM exchange_posting p WHERE p.state = 'open' ORDER BY p.id"  # noqa: S608 - own text
_CHANGED = f"""
    SELECT s.xmin::text::bigint, coalesce(s.mine::text::bigint, 0), p.changed_in::text::bigint, {_COLUMNS}
    FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin, pg_current_xact_id_if_assigned() AS mine,
                 pg_snapshot_xmax(pg_current_snapshot()) AS xmax) s
    LEFT JOIN exchange_posting p
        ON p.changed_in >= %s::text::xid8 AND p.changed_in <= greatest(s.xmax, s.mine)
"""  # noqa: S608 - own text


@dataclass
class _Held:
    """The index of one database, and up to which transaction it is complete."""

    database: str
    horizon: int
    index: TermIndex = field(default_factory=TermIndex)
    seen: dict[int, int] = field(default_factory=dict)
    """Of postings written at or after the horizon: in which transaction they were read."""


_lock = threading.Lock()
_held: list[_Held] = []


@contextmanager
def live_index() -> Iterator[TermIndex]:
    """The index as of now, for one caller at a time. The first call of a process reads every open posting."""
    with _lock:
        name = str(connection.settings_dict["NAME"])
        if not _held or _held[0].database != name or _held[0].index.is_worn:
            _held[:] = [_read_all(name)]
        else:
            _take_over_changes(_held[0])
        yield _held[0].index


def forget_index() -> None:
    """Let the next search read everything again: for tests, and after a database was replaced."""
    with _lock:
        _held.clear()


def _read_all(name: str) -> _Held:
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON)
        held = _Held(name, cursor.fetchone()[0])
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ALL)
        for row in cursor:
            held.index.add(_entry(*row))
    return held


def _take_over_changes(held: _Held) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [held.horizon])
        rows = cursor.fetchall()
    horizon, mine = rows[0][:2]
    for _xmin, _mine, changed_in, *row in rows:
        if changed_in is None or (held.seen.get(row[0]) == changed_in != mine):
            continue
        held.seen[row[0]] = changed_in
        if row[1]:
            held.index.add(_entry(*row))
        else:
            held.index.remove(row[0])
    held.horizon = horizon
    held.seen = {pk: changed_in for pk, changed_in in held.seen.items() if changed_in >= horizon}


def _entry(
    pk: int, _is_open: bool, category: str, is_offer: bool, county: int, province: int, *rest: Any
) -> Entry:
    first_day, last_day, terms = rest
    named = [f"={category}", *terms.split()]
    return Entry(pk, category, is_offer, county, province, first_day, last_day, named)
