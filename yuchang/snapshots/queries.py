"""Reads: SQL over a snapshot, after its files proved unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from yuchang.snapshots.models import Snapshot


@dataclass(frozen=True)
class Result:
    """Column names and rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def query(snapshot: Snapshot, sql: str, parameters: Sequence[Any] = ()) -> Result:
    """Run one SQL text on DuckDB; each frozen table is a view of its name.

    Raises Conflict (409) when a file is missing or no longer matches its hash.
    """
    raise NotImplementedError


def stream(snapshot: Snapshot, sql: str, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of one SQL text, some thousands at a time. Raises like ``query``."""
    raise NotImplementedError
