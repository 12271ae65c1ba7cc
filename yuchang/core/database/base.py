"""Django's PostgreSQL backend with one wrapper around every statement: it counts, and logs the slow ones.

The log has the statement's text with its placeholders, never the values: names and numbers of people do not
belong into logs.
"""

from __future__ import annotations

import contextvars
import logging
import os
import time
from dataclasses import dataclass
from typing import Any

from django.db.backends.postgresql import base

SLOW_SECONDS = float(os.environ.get("YUCHANG_SLOW_SECONDS", "0.5"))
LONGEST_TEXT = 2000
logger = logging.getLogger("yuchang.slow")


@dataclass
class Tally:
    """What the database did for one request: statements, and seconds they took."""

    statements: int = 0
    seconds: float = 0.0


tally: contextvars.ContextVar[Tally | None] = contextvars.ContextVar("tally", default=None)


def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Run a statement; count it for the request, log it when it was slow."""
    started = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        seconds = time.perf_counter() - started
        current = tally.get()
        if current is not None:
            current.statements += 1
            current.seconds += seconds
        if seconds >= SLOW_SECONDS:
            values = len(params) if params is not None else 0
            logger.warning("%.3f s, %s values masked: %s", seconds, values, str(sql)[:LONGEST_TEXT])


class DatabaseWrapper(base.DatabaseWrapper):
    """Every connection is watched from its first statement on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(watch)
