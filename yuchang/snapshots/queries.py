"""Reads: SQL over a snapshot, after its files proved unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Conflict
from yuchang.snapshots.engine import add_table, file_hash, kept_reader, reader
from yuchang.snapshots.models import Snapshot
from yuchang.snapshots.rules import Column


@dataclass(frozen=True)
class Result:
    """Column names and rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class SideTable:
    """A small table given to a query beside the frozen ones."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]


def snapshot_for(actor: Actor, snapshot_id: int) -> Snapshot:
    """One snapshot in the actor's reach. Raises Refused or Hidden."""
    return open_door(Snapshot.objects.all(), actor, "snapshots.read", snapshot_id)


def verify(snapshot: Snapshot) -> Path:
    """The folder of the files, each proved to match its hash. Raises Conflict (409) otherwise."""
    folder = Path(settings.SNAPSHOT_DIR) / snapshot.folder
    tables = snapshot.manifest.get("tables", {})
    if not tables:
        raise _untrusted(snapshot, snapshot.name)
    for name, table in tables.items():
        path = folder / table["file"]
        if not path.is_file() or _hash_now(path) != table["file_sha256"]:
            raise _untrusted(snapshot, name)
    return folder


def _untrusted(snapshot: Snapshot, name: str) -> Conflict:
    words = {"number": snapshot.pk, "name": name}
    return Conflict(
        _("快照 %(number)s 的文件“%(name)s”缺失或已被改动，不再可信。") % words,
        remedy=_("请从备份恢复该文件，或重新冻结一份快照；不要沿用它的结果。"),
    )


def _hash_now(path: Path) -> str:
    """The file's hash; computed anew as soon as the file's inode, size or times differ."""
    state = path.stat()
    return _hash_of(path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@lru_cache(maxsize=256)
def _hash_of(path: Path, *state: int) -> str:
    return file_hash(path)


def query(
    snapshot: Snapshot,
    sql: str,
    parameters: Sequence[Any] = (),
    beside: Mapping[str, SideTable] | None = None,
) -> Result:
    """Run one SQL text on DuckDB; each frozen table is a view of its name.

    Raises Conflict (409) when a file is missing or no longer matches its hash.
    """
    with _asked(snapshot, sql, parameters, beside) as found:
        columns = tuple(item[0] for item in found.description or ())
        return Result(columns, found.fetchall())


def stream(
    snapshot: Snapshot, sql: str, size: int = 10_000, beside: Mapping[str, SideTable] | None = None
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of one SQL text, some thousands at a time. Raises like ``query``."""
    with _asked(snapshot, sql, (), beside) as found:
        while rows := found.fetchmany(size):
            yield rows


@contextmanager
def _asked(
    snapshot: Snapshot, sql: str, parameters: Sequence[Any], beside: Mapping[str, SideTable] | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = verify(snapshot)
    files = {name: table["file"] for name, table in snapshot.manifest["tables"].items()}
    duck = reader(folder, files) if beside else kept_reader(folder, tuple(files.items())).cursor()
    try:
        for name, table in (beside or {}).items():
            add_table(duck, name, table.columns, table.rows)
        yield duck.execute(sql, list(parameters))
    finally:
        duck.close()
