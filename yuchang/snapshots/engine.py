"""DuckDB: the only module that knows it. Freezing one table, hashing it, and asking frozen tables.

Two ways lead from PostgreSQL to Parquet with the same content: the postgres scanner (its own
connection, fast) outside a transaction, and COPY through Django's connection inside one, where the
caller's own uncommitted rows must be seen.
"""

from __future__ import annotations

# ruff: noqa: S608 - every text here is made of declared extracts and quoted names, none of a user's words
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from django.db import connection as database
from psycopg.conninfo import make_conninfo

from yuchang.snapshots.rules import COLUMN_TYPES, Column, Extract, content_digest

_CHUNK = 5_000
SCANNER = "postgres_scanner"


@dataclass(frozen=True)
class Frozen:
    """One table on disk."""

    columns: tuple[Column, ...]
    rows: int
    content_hash: str
    file_hash: str


def columns_of(extract: Extract) -> tuple[Column, ...]:
    """An extract's columns and types, as PostgreSQL plans them. Raises ValueError for one we cannot hold."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({extract.sql}) AS e LIMIT 0", dict(extract.parameters) or None)
        described = cursor.description or ()
    columns = []
    for item in described:
        if item.type_code not in COLUMN_TYPES:
            raise ValueError(f"extract {extract.name}: cast column {item.name} to a type a snapshot can hold")
        columns.append(Column(item.name, COLUMN_TYPES[item.type_code]))
    missing = set(extract.key) - {c.name for c in columns}
    if missing:
        raise ValueError(f"extract {extract.name}: no column {min(missing)}")
    return tuple(columns)


@contextmanager
def freezer(extracts: Sequence[Extract]) -> Iterator[_Freezer]:
    """A DuckDB that reads all extracts in one transaction of PostgreSQL."""
    duck = duckdb.connect(config={"threads": 2})
    try:
        use_scanner = not database.in_atomic_block and importlib.util.find_spec(f"duckdb_extension_{SCANNER}")
        if use_scanner:
            _attach(duck)
            duck.execute("BEGIN")
            yield _Freezer(duck, scanner=True)
            duck.execute("COMMIT")
        else:
            yield _Freezer(duck, scanner=False)
    finally:
        duck.close()


def _attach(duck: duckdb.DuckDBPyConnection) -> None:
    package = importlib.util.find_spec(f"duckdb_extension_{SCANNER}")
    folder = Path(str((package.submodule_search_locations or [""])[0])) if package else Path()
    duck.execute(f"LOAD '{folder / 'extensions' / f'v{duckdb.__version__}' / f'{SCANNER}.duckdb_extension'}'")
    settings = database.settings_dict
    address = make_conninfo(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        options=settings["OPTIONS"].get("options", ""),
    )
    duck.execute(f"ATTACH {_quote(address)} AS source (TYPE postgres, READ_ONLY)")


class _Freezer:
    def __init__(self, duck: duckdb.DuckDBPyConnection, *, scanner: bool) -> None:
        self.duck = duck
        self.scanner = scanner

    def write(self, extract: Extract, path: Path) -> Frozen:
        """Freeze one extract into a Parquet file in canonical order."""
        columns = columns_of(extract)
        if self.scanner:
            self._scan(extract)
        else:
            self._copy(extract, columns)
        return write_sorted(self.duck, columns, extract.key, path)

    def _scan(self, extract: Extract) -> None:
        database.ensure_connection()
        text = psycopg.ClientCursor(database.connection).mogrify(
            extract.sql, dict(extract.parameters) or None
        )
        self.duck.execute(
            f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT * FROM postgres_query('source', {_quote(text)})"
        )

    def _copy(self, extract: Extract, columns: Sequence[Column]) -> None:
        select = psycopg.ClientCursor(database.connection).mogrify(
            extract.sql, dict(extract.parameters) or None
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "incoming.csv"
            with database.cursor() as cursor, path.open("wb") as file:
                text = f"COPY ({select}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
                with cursor.cursor.copy(text) as copy:
                    for block in copy:
                        file.write(block)
            types = ", ".join(f"{_quote(c.name)}: {_quote(c.type)}" for c in columns)
            self.duck.execute(
                f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT * FROM read_csv({_quote(str(path))},"
                f" header=false, auto_detect=false, delim=',', quote='\"', escape='\"', nullstr='',"
                f" allow_quoted_nulls=false, new_line='\\n', columns={{{types}}})"
            )


def _written_out(extract: Extract) -> str:
    """The SELECT with its parameters as literals, quoted by the driver."""
    database.ensure_connection()
    return psycopg.ClientCursor(database.connection).mogrify(extract.sql, dict(extract.parameters) or None)


def write_sorted(
    duck: duckdb.DuckDBPyConnection, columns: Sequence[Column], key: Sequence[str], path: Path
) -> Frozen:
    """The table ``incoming`` as one Parquet file in key order, with its hashes. Same content, same bytes."""
    order = ", ".join(_name(k) for k in key)
    casts = ", ".join(f"CAST({_name(c.name)} AS {c.type}) AS {_name(c.name)}" for c in columns)
    duck.execute(f"CREATE OR REPLACE TEMP TABLE sorted AS SELECT {casts} FROM incoming ORDER BY {order}")
    duck.execute("SET threads=1")
    duck.execute(
        f"COPY (SELECT * FROM sorted ORDER BY {order}) TO {_quote(str(path))}"
        " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)"
    )
    duck.execute("SET threads=2")
    path.chmod(0o400)
    rows, digest = table_hash(duck, "sorted", columns, key)
    return Frozen(tuple(columns), rows, digest, file_hash(path))


def table_hash(
    duck: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column], key: Sequence[str]
) -> tuple[int, str]:
    """Number of rows and content hash: rows in key order, every value length-prefixed, NULL apart."""
    order = ", ".join(_name(k) for k in key)
    texts = (f"CAST({_name(c.name)} AS VARCHAR)" for c in columns)
    parts = (f"CASE WHEN {t} IS NULL THEN '-' ELSE concat(length({t}), ':', {t}) END" for t in texts)
    found = duck.execute(
        f"""SELECT sha256(string_agg(line, chr(10) ORDER BY number)), count(*)
            FROM (SELECT concat_ws(',', {", ".join(parts)}) AS line,
                         row_number() OVER (ORDER BY {order}) - 1 AS number FROM {table})
            GROUP BY number // {_CHUNK} ORDER BY number // {_CHUNK}"""
    ).fetchall()
    rows = sum(count for _, count in found)
    return rows, content_digest(columns, rows, [digest for digest, _ in found])


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def reader(folder: Path, tables: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """A DuckDB that sees the tables (name → file in ``folder``) and nothing else of this machine."""
    duck = duckdb.connect(config={"threads": os.cpu_count() or 1})
    duck.execute(f"SET allowed_directories = [{_quote(str(folder))}]")
    duck.execute("SET enable_external_access = false")
    for name, file in tables.items():
        source = _quote(str(folder / file))
        duck.execute(f"CREATE VIEW {_name(name)} AS SELECT * FROM read_parquet({source})")
    duck.execute("SET lock_configuration = true")
    return duck


@lru_cache(maxsize=4)
def kept_reader(folder: Path, tables: tuple[tuple[str, str], ...]) -> duckdb.DuckDBPyConnection:
    """The same, kept open for small questions of pages: opening costs forty times the question."""
    return reader(folder, dict(tables))


def add_table(duck: duckdb.DuckDBPyConnection, name: str, columns: Sequence[Column], rows: Any) -> None:
    """A small table beside the frozen ones, for example parameters by place."""
    declared = ", ".join(f"{_name(c.name)} {c.type}" for c in columns)
    duck.execute(f"CREATE TEMP TABLE {_name(name)} ({declared})")
    if rows:
        marks = ", ".join("?" for _ in columns)
        duck.executemany(f"INSERT INTO {_name(name)} VALUES ({marks})", rows)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
