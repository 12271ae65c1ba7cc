"""Loading the divisions shipped in ``reference/`` into the database, by COPY.

A row of the 2023 edition has its own 12-digit code as number; a period of a code before or after it
is numbered code × 10,000 + months since 1900. So every database gives the same place the same number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from psycopg.copy import QueuedLibpqWriter

from yuchang.places import reference
from yuchang.places.models import Place, PlaceSuccessor, PovertyCounty, ReferenceLoad
from yuchang.places.reference import COLUMNS, EVERYWHERE, Tree

Progress = Callable[[str, int, int], None]
BATCH = 1 << 20  # characters handed to COPY at once
TABLE = Place._meta.db_table
_LOCK = 7_410_311  # any number that no other advisory lock uses


def load_divisions(areas: Sequence[str] | None = None, progress: Progress | None = None) -> int:
    """Load the divisions with their history; returns how many rows were added or changed.

    The tree down to the counties is always whole. ``areas`` says whose townships and villages are
    loaded: county codes of 6 digits or province codes of 2; None means all. ``progress`` is called
    with (step, done, total). Runs as the owner role. The same load twice changes nothing.
    Raises ValueError for an area that is neither.
    """
    report = progress or _silent
    key = reference.area_key(areas)
    digest = _digest(settings.REFERENCE_DIR)
    with transaction.atomic():
        _execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if ReferenceLoad.objects.filter(areas__in=[key, EVERYWHERE], digest=digest).exists():
            return 0
        tree = reference.read_tree(settings.REFERENCE_DIR)
        changed = _load_places(tree, areas, report)
        changed += _load_successors(tree) + _load_poverty_counties(tree)
        report("done", 1, 1)
        ReferenceLoad.objects.update_or_create(areas=key, defaults={"digest": digest, "rows": changed})
    return changed


def _silent(step: str, done: int, total: int) -> None:
    """No progress wanted."""


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.csv*")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _execute(sql: str, params: Sequence[Any] = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return int(cursor.rowcount)


def _load_places(tree: Tree, areas: Sequence[str] | None, report: Progress) -> int:
    total = reference.row_count(tree, areas)
    lines = reference.copy_lines(tree, areas)
    if Place.objects.exists():
        return _merge(lines, total, report)
    with _without_indexes(report):
        rows = _copy(TABLE, lines, total, report)
    _execute(f"ANALYZE {TABLE}")
    return rows


def _copy(table: str, lines: Iterable[str], total: int, report: Progress) -> int:
    """Stream the lines into a table; returns their number."""
    rows, waiting, size = 0, list[str](), 0
    connection.ensure_connection()
    assert connection.connection is not None  # noqa: S101 - for the type checker
    with (
        connection.connection.cursor() as cursor,
        # A thread of its own sends, while this one makes the next lines.
        cursor.copy(
            f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN", writer=QueuedLibpqWriter(cursor)
        ) as copy,
    ):
        for line in lines:
            waiting.append(line)
            size += len(line)
            rows += line.count("\n")
            if size >= BATCH:
                copy.write("".join(waiting))
                waiting, size = [], 0
                report("copy", rows, total)
        copy.write("".join(waiting))
    report("copy", rows, total)
    return rows


def _merge(lines: Iterable[str], total: int, report: Progress) -> int:
    """Add what is missing and correct what differs; rows that the reference no longer names stay."""
    _execute(f"CREATE TEMPORARY TABLE places_incoming (LIKE {TABLE}) ON COMMIT DROP")
    _copy("places_incoming", lines, total, report)
    _execute("ANALYZE places_incoming")
    values = [c for c in COLUMNS if c != "id"]
    mine, theirs = (", ".join(f"{t}.{c}" for c in values) for t in ("p", "i"))
    changed = _execute(
        f"UPDATE {TABLE} p SET {', '.join(f'{c} = i.{c}' for c in values)}"  # noqa: S608
        f" FROM places_incoming i WHERE p.id = i.id AND ({mine}) IS DISTINCT FROM ({theirs})"
    )
    added = _execute(
        f"INSERT INTO {TABLE} ({', '.join(COLUMNS)})"  # noqa: S608
        f" SELECT {', '.join(f'i.{c}' for c in COLUMNS)} FROM places_incoming i"
        f" WHERE NOT EXISTS (SELECT 1 FROM {TABLE} p WHERE p.id = i.id) ORDER BY i.level, i.id"
    )
    _execute("DROP TABLE places_incoming")
    if added:
        _execute(f"ANALYZE {TABLE}")
    return changed + added


@contextmanager
def _without_indexes(report: Progress) -> Iterator[None]:
    """Take the table's checks and indexes away, and build them again afterwards (the primary key stays)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype IN ('u', 'c', 'f') ORDER BY contype, conname",
            [TABLE],
        )
        constraints: list[tuple[str, str]] = cursor.fetchall()
        for name, _definition in constraints:
            cursor.execute(f'ALTER TABLE {TABLE} DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass AND NOT indisprimary",
            [TABLE],
        )
        indexes: list[tuple[str, str]] = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
    yield
    added = ", ".join(f'ADD CONSTRAINT "{name}" {definition}' for name, definition in constraints)
    steps = [definition for _name, definition in indexes] + [f"ALTER TABLE {TABLE} {added}"]
    _execute("SET LOCAL maintenance_work_mem = '256MB'")
    for done, sql in enumerate(steps):
        report("index", done, len(steps))
        _execute(sql)
    report("index", len(steps), len(steps))


def _load_successors(tree: Tree) -> int:
    rows = [PlaceSuccessor(**fields) for fields in reference.successions(tree)]
    known = set(PlaceSuccessor.objects.values_list("place_id", "successor_id"))
    new = [r for r in rows if (r.place_id, r.successor_id) not in known]
    PlaceSuccessor.objects.bulk_create(new, batch_size=2000)
    return len(new)


def _load_poverty_counties(tree: Tree) -> int:
    rows = [PovertyCounty(**fields) for fields in reference.poverty_counties(tree)]
    known = set(PovertyCounty.objects.values_list("place_id", "name_in_list"))
    new = [r for r in rows if (r.place_id, r.name_in_list) not in known]
    PovertyCounty.objects.bulk_create(new, batch_size=2000)
    return len(new)
