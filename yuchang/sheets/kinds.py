"""Kinds of import. A domain declares its layout and its three verbs; the machinery is the same for all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from yuchang.accounts.rules import Actor
from yuchang.sheets.models import ImportBatch

Report = Callable[[int, int], None]
"""Called with (rows done, rows in all) while a step runs."""


@dataclass(frozen=True)
class Column:
    """One declared column: its canonical header, other headers read as it, and what to tell people.

    ``required``: the header must be there. ``secret``: never shown in previews. ``is_text``: digits that name
    something, so that a blank keeps them as text. ``choices``: what a blank offers.
    """

    name: str
    header: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    secret: bool = False
    example: str = ""
    help: str = ""
    is_text: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One row as read: its number (``sheets.parts``), and the cells of the mapped columns by name."""

    number: int
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class FindingDraft:
    """Something found: in which row and column (a column name; empty: the row), by code of the kind."""

    row: int
    field: str
    level: str
    code: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass
class Group:
    """Rows that go in together or not at all, judged. ``plan``: created, changed or unchanged.

    ``contents`` are (row number, JSON document) pairs for the kind's own ``write``; none when rejected.
    ``numbers`` are those of all its rows, so that a rejected group can be given back to be corrected.
    """

    key: str
    rows: int
    findings: list[FindingDraft]
    plan: str = ""
    place_id: int | None = None
    object_id: int | None = None
    object_version: int | None = None
    content_hash: bytes | None = None
    contents: Sequence[tuple[int, str]] = ()
    numbers: Sequence[int] = ()

    @property
    def state(self) -> str:
        """``ok``, ``warning`` or ``rejected``, by the worst finding."""
        levels = {f.level for f in self.findings}
        return "rejected" if "rejected" in levels else "warning" if levels else "ok"


class Kind(Protocol):
    """What a domain brings to import one kind of workbook."""

    name: str
    permission: str
    columns: Sequence[Column]

    @property
    def title(self) -> str:
        """What the workbook is called on pages."""
        ...

    def message(self, code: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """(message, remedy) of a finding in the reader's language."""
        ...

    def check(
        self, *, actor: Actor, batch: ImportBatch, rows: Sequence[Row], report: Report
    ) -> Iterator[Group]:
        """Judge every row. Reads only."""
        ...

    def write(self, *, actor: Actor, batch: ImportBatch, first: int, last: int) -> None:
        """Write the staged groups numbered ``first``…``last`` in the transaction that is open.

        Sets ``outcome`` and ``object_id`` of each, and writes the domain's own audit entries.
        """
        ...

    def undo(self, *, actor: Actor, batch: ImportBatch) -> int:
        """Retire what the batch wrote, in the open transaction; returns how many objects.

        Raises Conflict, naming the first, when something was built on it.
        """
        ...


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known (called once, when the domain's app is ready)."""
    _kinds[kind.name] = kind


def kind_named(name: str) -> Kind:
    """The registered kind. Raises KeyError."""
    return _kinds[name]
