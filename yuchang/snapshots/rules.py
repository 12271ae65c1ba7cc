"""What may be frozen, and what identifies its content. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
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
"""PostgreSQL type numbers that a snapshot can hold, and their names in the frozen table."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


@dataclass(frozen=True)
class Column:
    """A column of a frozen table."""

    name: str
    type: str


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
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not self.key:
            raise ValueError(f"extract {self.name!r} needs a plain name and a key")


def content_digest(columns: Sequence[Column], rows: int, chunks: Sequence[str]) -> str:
    """SHA-256 over the header and the hashes of consecutive chunks of rows: a table's content hash."""
    header = ",".join(f"{c.name} {c.type}" for c in columns)
    return hashlib.sha256("\n".join([header, str(rows), *chunks]).encode()).hexdigest()


def snapshot_digest(tables: Mapping[str, str]) -> str:
    """SHA-256 over all tables' names and content hashes, by name."""
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(tables.items()))
    return hashlib.sha256(text.encode()).hexdigest()
