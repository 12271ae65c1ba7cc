"""The typed tree of a rule, and the vocabulary its names come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction

from yuchang.rulelang.units import NUMBER, Unit

Value = bool | int | Fraction | str | date
"""A known value. Unknown is None. Money and land are integers of the smallest part."""

LIMIT = 10**11
"""A stored quantity beyond this, either way, is a mistake and counts as unknown (a billion yuan)."""


class Kind(StrEnum):
    """The four kinds of value."""

    YES_NO = "yes_no"
    NUMBER = "number"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True)
class Type:
    """A kind, and for numbers the unit."""

    kind: Kind
    unit: Unit = NUMBER

    def words(self) -> str:
        """For a message to the rule's author."""
        if self.kind is Kind.NUMBER:
            return f"数量（{self.unit.text() or '无单位'}）"
        return {Kind.YES_NO: "是非", Kind.TEXT: "文字", Kind.DATE: "日期"}[self.kind]


YES_NO, TEXT, DATE = Type(Kind.YES_NO), Type(Kind.TEXT), Type(Kind.DATE)


def number(unit: Unit = NUMBER) -> Type:
    """A quantity of the unit."""
    return Type(Kind.NUMBER, unit)


class Entity(StrEnum):
    """Whose fact it is."""

    HOUSEHOLD = "household"
    MEMBER = "member"


@dataclass(frozen=True)
class Fact:
    """One input column. ``dated_by`` names the date fact that says when it was observed."""

    name: str
    entity: Entity
    type: Type
    zh: str
    en: str
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)
    dated_by: str = ""


@dataclass(frozen=True)
class Parameter:
    """A dated quantity set by a document; its value is resolved by place and day."""

    name: str
    type: Type
    zh: str
    en: str


@dataclass(frozen=True)
class Node:
    """Any expression. ``position`` is where it stands in its text."""

    type: Type
    position: int

    def children(self) -> tuple[Node, ...]:
        """The parts, left to right."""
        return ()


@dataclass(frozen=True)
class Literal(Node):
    """A constant; numbers are already in stored parts."""

    value: Value


@dataclass(frozen=True)
class FactRef(Node):
    """The value of a fact. With ``max_age_days`` an older observation counts as unknown."""

    fact: Fact
    max_age_days: int | None = None


@dataclass(frozen=True)
class ParameterRef(Node):
    """The value of a parameter."""

    parameter: Parameter


@dataclass(frozen=True)
class OnDay(Node):
    """The day of the decision."""


@dataclass(frozen=True)
class Unary(Node):
    """``not``, ``is_known``."""

    op: str
    part: Node

    def children(self) -> tuple[Node, ...]:
        return (self.part,)


@dataclass(frozen=True)
class Many(Node):
    """``and``, ``or``, ``min``, ``max`` over two or more parts."""

    op: str
    parts: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.parts


@dataclass(frozen=True)
class Binary(Node):
    """``< <= > >= = !=``, ``+ - * /``, ``coalesce``, ``age``, ``days``."""

    op: str
    left: Node
    right: Node

    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True)
class InList(Node):
    """Whether a text is one of some."""

    part: Node
    options: tuple[str, ...]

    def children(self) -> tuple[Node, ...]:
        return (self.part,)


@dataclass(frozen=True)
class Aggregate(Node):
    """``any``, ``all``, ``sum``, ``count`` over the household's members."""

    op: str
    body: Node

    def children(self) -> tuple[Node, ...]:
        return (self.body,)


@dataclass(frozen=True)
class Named(Node):
    """A definition used by name; ``body`` is its expression."""

    name: str
    zh: str
    en: str
    body: Node

    def children(self) -> tuple[Node, ...]:
        return (self.body,)


@dataclass(frozen=True)
class Scope:
    """The names a rule may use."""

    facts: Mapping[str, Fact]
    parameters: Mapping[str, Parameter]
    definitions: Mapping[str, Named] = field(default_factory=dict)


COMPARISONS = frozenset({"<", "<=", ">", ">=", "=", "!="})
ARITHMETIC = frozenset({"+", "-", "*", "/"})


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    yield node
    for child in node.children():
        yield from walk(child)
