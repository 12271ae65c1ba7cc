"""What may leave as a file: every domain declares its sources, with their fields, masks and permission.

A source yields objects in the order of their numbers, each with one or more rows, portion by portion
from a number onwards: so an export of any length needs little memory and goes on where it was killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from yuchang.accounts.rules import Actor
from yuchang.places.models import Place
from yuchang.sheets.kinds import Column

TEXT, NUMBER, WHOLE, YUAN, RATE, DAY = "text", "number", "whole", "yuan", "rate", "date"


@dataclass(frozen=True)
class Field:
    """One field: ``kind`` is text, number (never summed), whole, yuan, rate (money per head: never summed) or
    date (ISO). Of money the source yields fen.

    ``secret``: empty for readers without the source's ``secret_permission``. ``aliases``: other headers
    that mean it.
    """

    name: str
    title: str
    kind: str = TEXT
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def is_summed(self) -> bool:
        """Whether a total of it means something."""
        return self.kind in (WHOLE, YUAN)

    @property
    def is_money(self) -> bool:
        """Whether the source yields it in fen, and it is shown in yuan."""
        return self.kind in (YUAN, RATE)


@dataclass(frozen=True)
class Choice:
    """One filter of a source: its name in the address bar, its title and its (value, word) choices."""

    name: str
    title: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Ask:
    """What is asked of a source: who reads, which area, filter and fields, as of which day.

    ``clear``: secrets are shown; the caller has checked the permission.
    """

    actor: Actor
    area: Place
    narrow: Mapping[str, Any]
    fields: tuple[str, ...]
    on: date
    clear: bool = False


@dataclass(frozen=True)
class Found:
    """One object with its rows; the values stand in the order of ``Ask.fields``."""

    object_id: int
    key: str
    rows: list[list[Any]]
    place_id: int = 0


class Source(Protocol):
    """What a domain brings: rows to export, under a permission."""

    name: str
    permission: str
    secret_permission: str
    fields: Sequence[Field]

    @property
    def title(self) -> str:
        """What it is called on pages."""
        ...

    @property
    def filters(self) -> Sequence[Choice]:
        """The filters that a page offers."""
        ...

    def canonical(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The filter of an address bar or form; what is unreadable does not narrow."""
        ...

    def describe(self, narrow: Mapping[str, Any]) -> str:
        """The filter in words; empty when it does not narrow. Repeats no ID number."""
        ...

    def total(self, ask: Ask) -> int:
        """How many objects there are."""
        ...

    def read(self, ask: Ask, after: int, limit: int) -> list[Found]:
        """The next objects with a number above ``after``, at most ``limit``."""
        ...


class Printed(Protocol):
    """A source that can be printed as cards, one page each, and merged into letters."""

    @property
    def card(self) -> Path:
        """The typst template of one batch of cards."""
        ...

    def records(self, ask: Ask, object_ids: Sequence[int]) -> list[dict[str, Any]]:
        """One record per object in the order given: field names → printable values, and ``members``."""
        ...

    @property
    def words(self) -> Mapping[str, str]:
        """Placeholder of a letter → record name, and ``成员.…`` → member's name."""
        ...


class Mirror(Protocol):
    """A source that a superior's system holds, too: it can be read back and compared.

    ``shared``: fields that every row of an object repeats; their difference is listed once.
    """

    columns: Sequence[Column]
    object_field: str
    row_field: str
    compared: Sequence[str]
    shared: frozenset[str]

    def plain(self, name: str, cell: Any) -> str:
        """A cell as comparable text: the same meaning gives the same text."""
        ...

    def take_theirs(
        self,
        *,
        actor: Actor,
        object_id: int,
        on: date,
        changes: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Write their values (row key → field → text) through the domain's own action.

        Raises Refused, Hidden, Conflict or Invalid; nothing is written then.
        """
        ...


@dataclass
class _Catalogue:
    sources: dict[str, Source] = field(default_factory=dict)


_catalogue = _Catalogue()


def declare(source: Source) -> None:
    """Make a source known (called once, when the domain's app is ready)."""
    _catalogue.sources[source.name] = source


def source_named(name: str) -> Source:
    """The declared source. Raises KeyError."""
    return _catalogue.sources[name]


def all_sources() -> list[Source]:
    """Every declared source."""
    return list(_catalogue.sources.values())


def sources_for(actor: Actor) -> list[Source]:
    """The sources whose permission the actor holds somewhere."""
    return [s for s in _catalogue.sources.values() if actor.may(s.permission)]


def fields_of(source: Source, names: Sequence[str]) -> list[Field]:
    """The fields with these names, in this order; unknown names are left out."""
    known = {f.name: f for f in source.fields}
    return [known[n] for n in names if n in known]
