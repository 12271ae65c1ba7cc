"""What may be frozen: declared extracts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COLUMN_TYPES = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "BIGINT",
    23: "BIGINT",
    25: "VARCHAR",
    1043: "VARCHAR",
    1082: "DATE",
    701: "DOUBLE",
}
"""PostgreSQL type numbers that a snapshot can hold, and the Parquet side's names."""


@dataclass(frozen=True)
class Extract:
    """One table of a snapshot.

    ``sql`` is a PostgreSQL SELECT with named ``%(name)s`` parameters; ``key`` names the columns whose
    values identify a row and give the canonical order. Columns are boolean, integer, text, date or
    double; anything else is cast inside the SELECT. No names, numbers or addresses of persons.
    """

    name: str
    sql: str
    key: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
