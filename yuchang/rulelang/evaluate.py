"""The value of an expression for one household, exactly, with unknown as None, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from yuchang.rulelang.nodes import (
    ARITHMETIC,
    COMPARISONS,
    LIMIT,
    Aggregate,
    Binary,
    FactRef,
    InList,
    Kind,
    Literal,
    Many,
    Named,
    Node,
    OnDay,
    ParameterRef,
    Unary,
)

Row = Mapping[str, Any]


@dataclass
class Situation:
    """What a rule sees: a household's facts, its members', the parameters and the day.

    A fact that is absent is unknown. ``members`` None or empty: who lives there is not known, so
    every aggregate is unknown.
    """

    household: Row
    members: Sequence[Row]
    parameters: Mapping[str, int | None]
    on: date
    memory: dict[int, Any] = field(default_factory=dict)


def value_of(node: Node, situation: Situation, row: Row | None = None) -> Any:
    """The exact value, or None for unknown. ``row`` is the member whose turn it is."""
    match node:
        case Literal():
            return node.value
        case FactRef():
            return _fact(node, situation, situation.household if row is None else row)
        case ParameterRef():
            return situation.parameters.get(node.parameter.name)
        case OnDay():
            return situation.on
        case Named():
            key = id(node.body)
            if key not in situation.memory:
                situation.memory[key] = value_of(node.body, situation)
            return situation.memory[key]
        case Many():
            return _many(node, situation, row)
        case Unary(op="is_known"):
            return value_of(node.part, situation, row) is not None
        case Unary():
            value = value_of(node.part, situation, row)
            return None if value is None else not value
        case InList():
            value = value_of(node.part, situation, row)
            return None if value is None else value in node.options
        case Aggregate():
            return _aggregate(node, situation)
        case Binary():
            return _binary(node, situation, row)
    raise TypeError(type(node).__name__)


def _fact(node: FactRef, situation: Situation, row: Row) -> Any:
    value = row.get(node.fact.name)
    if value is None:
        return None
    if node.max_age_days is not None:
        observed = _date(row.get(node.fact.dated_by))
        if observed is None or observed < situation.on - timedelta(days=node.max_age_days):
            return None
    kind = node.type.kind
    if kind is Kind.DATE:
        return _date(value)
    if kind is Kind.NUMBER and abs(value) > LIMIT:
        return None
    return value


def _date(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _many(node: Many, situation: Situation, row: Row | None) -> Any:
    if node.op in ("min", "max"):
        values = [value_of(part, situation, row) for part in node.parts]
        return None if None in values else (min if node.op == "min" else max)(values)
    decisive = node.op == "or"
    result: bool | None = not decisive
    for part in node.parts:
        value = value_of(part, situation, row)
        if value is decisive:
            return decisive
        if value is None:
            result = None
    return result


def _aggregate(node: Aggregate, situation: Situation) -> Any:
    values = [value_of(node.body, situation, member) for member in situation.members]
    if not values:
        return None
    if node.op in ("any", "all"):
        decisive = node.op == "any"
        if decisive in values:
            return decisive
        return None if None in values else not decisive
    return None if None in values else sum(values)


def _binary(node: Binary, situation: Situation, row: Row | None) -> Any:
    left = value_of(node.left, situation, row)
    if node.op == "coalesce":
        return value_of(node.right, situation, row) if left is None else left
    right = value_of(node.right, situation, row)
    if left is None or right is None:
        return None
    if node.op in COMPARISONS:
        return compare(node.op, left, right)
    if node.op in ARITHMETIC:
        return _arithmetic(node.op, left, right)
    if node.op == "age":
        return years_between(left, right)
    return (right - left).days


def compare(op: str, left: Any, right: Any) -> bool:
    """Apply one comparison to two known values."""
    result: bool
    match op:
        case "<":
            result = left < right
        case "<=":
            result = left <= right
        case ">":
            result = left > right
        case ">=":
            result = left >= right
        case "=":
            result = left == right
        case _:
            result = left != right
    return result


def _arithmetic(op: str, left: Any, right: Any) -> Any:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    return None if right == 0 else Fraction(left) / right


def years_between(born: date, on: date) -> int:
    """Full years from ``born`` to ``on``; someone born on 29 February turns on 1 March of other years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@dataclass(frozen=True)
class Trace:
    """One expression with its value, and the same for its parts. ``member`` counts from 0."""

    node: Node
    value: Any
    parts: tuple[Trace, ...] = ()
    member: int | None = None


def trace_of(node: Node, situation: Situation, row: Row | None = None, member: int | None = None) -> Trace:
    """The value with every sub-expression's value; an aggregate has its body once per member."""
    if isinstance(node, Aggregate):
        parts = tuple(
            trace_of(node.body, situation, each, number) for number, each in enumerate(situation.members)
        )
    else:
        parts = tuple(trace_of(child, situation, row, member) for child in node.children())
    return Trace(node, value_of(node, situation, row), parts, member)
