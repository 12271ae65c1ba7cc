"""Writing many rows in one statement."""

from __future__ import annotations

from typing import Any

from django.db import connection


def execute(sql: str, params: Any) -> int:
    """Run one writing statement; returns the number of rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
