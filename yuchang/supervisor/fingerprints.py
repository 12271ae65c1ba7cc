"""A fingerprint of every table, to tell whether two databases hold the same rows.

The sum of a 64-bit hash of each row does not depend on their order, so it needs no sorting and agrees
across servers and versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql

# The same text for the same value on every server.
_QUESTION = sql.SQL(
    "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} t"
)
_PLAIN = ("SET LOCAL TIME ZONE 'UTC'", "SET LOCAL extra_float_digits = 1", "SET LOCAL bytea_output = 'hex'")


def table_names(connection: psycopg.Connection[Any]) -> list[str]:
    """Every table of the application, sorted."""
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in rows]


def fingerprints(connection: psycopg.Connection[Any], names: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Rows and hash of each table, as the connection's transaction sees them."""
    found = {}
    for statement in _PLAIN:
        connection.execute(statement)
    for name in names:
        row = connection.execute(_QUESTION.format(sql.Identifier(name))).fetchone()
        rows, total = row or (0, "0")
        found[name] = (int(rows), str(total))
    return found


def of_database(url: str) -> dict[str, tuple[int, str]]:
    """Rows and hash of each table at this moment."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return fingerprints(connection, table_names(connection))


def audit_root(connection: psycopg.Connection[Any]) -> str:
    """``size:root`` of the last signed checkpoint of the audit log; empty when there is none."""
    if connection.execute("SELECT to_regclass('core_auditcheckpoint')").fetchone() == (None,):
        return ""
    row = connection.execute(
        "SELECT size, encode(root, 'hex') FROM core_auditcheckpoint ORDER BY size DESC LIMIT 1"
    ).fetchone()
    return f"{row[0]}:{row[1]}" if row else ""
