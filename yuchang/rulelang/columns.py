"""The value of an expression for many households at once, with NumPy.

Every value is a pair of arrays: the values, and which of them are known. Whole numbers stay in 63 bits
where ``size_of`` proves that they fit, and become Python integers where it does not, so nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yuchang.rulelang.check import size_of
from yuchang.rulelang.nodes import (
    ARITHMETIC,
    COMPARISONS,
    LIMIT,
    Aggregate,
    Binary,
    Entity,
    Fact,
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

Array = NDArray[Any]
_SMALL = 2**62
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Vector:
    """Values and whether each is known. A quantity is ``values / bottom``; elsewhere ``bottom`` is 1."""

    values: Array
    known: Array
    bottom: Array | int = 1


@dataclass
class Table:
    """Columns of facts by name, None where unknown. ``owner``: the household row of each member."""

    households: Mapping[str, Sequence[Any]]
    members: Mapping[str, Sequence[Any]]
    owner: Array
    size: int
    parameters: Mapping[str, int | None]
    on: date
    memory: dict[tuple[int, Entity], Vector] = field(default_factory=dict)


def column_of(node: Node, table: Table, entity: Entity = Entity.HOUSEHOLD) -> Vector:
    """The value for every household (or member), unknown marked."""
    key = (id(node), entity)
    if key not in table.memory:
        table.memory[key] = _compute(node, table, entity)
    return table.memory[key]


def _compute(node: Node, table: Table, entity: Entity) -> Vector:
    match node:
        case Literal(value=Fraction() as value):
            top = _constant(value.numerator, table, entity)
            return Vector(top.values, top.known, value.denominator)
        case Literal(value=value):
            return _constant(_plain(value), table, entity)
        case OnDay():
            return _constant(_day(table.on), table, entity)
        case ParameterRef(parameter=parameter):
            return _constant(table.parameters.get(parameter.name), table, entity)
        case FactRef():
            return _fact(node, table)
        case Named(body=body):
            return column_of(body, table, entity)
        case InList(part=part, options=options):
            inner = column_of(part, table, entity)
            return Vector(np.isin(inner.values, options), inner.known)
        case Unary(op="is_known", part=part):
            known = column_of(part, table, entity).known
            return Vector(known, np.ones_like(known))
        case Unary(part=part):
            inner = column_of(part, table, entity)
            return Vector(~inner.values, inner.known)
        case Aggregate():
            return _aggregate(node, table)
        case Many(op=op):
            parts = [column_of(p, table, entity) for p in node.parts]
            return _junction(op, parts) if op in ("and", "or") else _extreme(op, parts)
        case Binary():
            left, right = (column_of(p, table, entity) for p in (node.left, node.right))
            return _binary(node, left, right)
    raise TypeError(type(node).__name__)


def _length(table: Table, entity: Entity) -> int:
    return table.size if entity is Entity.HOUSEHOLD else len(table.owner)


def _constant(value: Any, table: Table, entity: Entity) -> Vector:
    length = _length(table, entity)
    known = np.full(length, value is not None)
    return Vector(np.full(length, 0 if value is None else value), known)


def _plain(value: Any) -> Any:
    return _day(value) if isinstance(value, date) else value


def _day(value: date) -> int:
    return (value - _EPOCH).days


def _fact(node: FactRef, table: Table) -> Vector:
    found = _stored(node.fact, table)
    if node.max_age_days is None:
        return found
    source = table.households if node.fact.entity is Entity.HOUSEHOLD else table.members
    seen, dated = _dates(source[node.fact.dated_by])
    earliest = _day(table.on - timedelta(days=node.max_age_days))
    return Vector(found.values, found.known & dated & (seen >= earliest))


def _stored(fact: Fact, table: Table) -> Vector:
    column = (table.households if fact.entity is Entity.HOUSEHOLD else table.members)[fact.name]
    if fact.type.kind is Kind.DATE:
        return Vector(*_dates(column))
    known = np.array([v is not None for v in column], dtype=bool)
    if fact.type.kind is Kind.TEXT:
        return Vector(np.array(["" if v is None else v for v in column], dtype=object), known)
    if fact.type.kind is Kind.YES_NO:
        return Vector(np.array([bool(v) for v in column], dtype=bool), known)
    values = np.array([0 if v is None else v for v in column], dtype=np.int64)
    return Vector(values, known & (np.abs(values) <= LIMIT))


def _dates(column: Sequence[Any]) -> tuple[Array, Array]:
    known = np.array([v is not None for v in column], dtype=bool)
    days = [0 if v is None else _day(date.fromisoformat(v) if isinstance(v, str) else v) for v in column]
    return np.array(days, dtype=np.int64), known


def _junction(op: str, parts: list[Vector]) -> Vector:
    decisive = op == "or"
    settled = np.logical_or.reduce([p.known & (p.values == decisive) for p in parts])
    all_known = np.logical_and.reduce([p.known for p in parts])
    return Vector(settled if decisive else ~settled, settled | all_known)


def _extreme(op: str, parts: list[Vector]) -> Vector:
    choose = np.minimum if op == "min" else np.maximum
    values = parts[0].values
    for part in parts[1:]:
        values = choose(values, part.values)
    return Vector(values, np.logical_and.reduce([p.known for p in parts]))


def _aggregate(node: Aggregate, table: Table) -> Vector:
    body = column_of(node.body, table, Entity.MEMBER)
    any_member = _sums(np.ones(len(table.owner), dtype=np.int64), table) > 0
    any_unknown = _sums((~body.known).astype(np.int64), table) > 0
    if node.op in ("any", "all"):
        decisive = node.op == "any"
        settled = _sums((body.known & (body.values == decisive)).astype(np.int64), table) > 0
        return Vector(settled if decisive else ~settled, any_member & (settled | ~any_unknown))
    weights = body.values.astype(object if size_of(node)[0] >= _SMALL else np.int64)
    return Vector(_sums(np.where(body.known, weights, 0), table), any_member & ~any_unknown)


def _sums(weights: Array, table: Table) -> Array:
    totals = np.zeros(table.size, dtype=weights.dtype)
    np.add.at(totals, table.owner, weights)
    return totals


def _binary(node: Binary, left: Vector, right: Vector) -> Vector:
    if node.op == "coalesce":
        return Vector(np.where(left.known, left.values, right.values), left.known | right.known)
    known = left.known & right.known
    if node.op == "days":
        return Vector(right.values - left.values, known)
    if node.op == "age":
        return Vector(_years(left.values, right.values), known)
    if node.op in COMPARISONS:
        return _comparison(node, left, right, known)
    return _arithmetic(node, left, right, known)


def _years(born: Array, on: Array) -> Array:
    def parts(days: Array) -> tuple[Array, Array]:
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        month = months.astype(np.int64) % 12
        day = (days.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
        return months.astype(np.int64) // 12, month * 100 + day

    (year, within), (other, other_within) = parts(born), parts(on)
    return other - year - (other_within < within)


def _wide(values: Array | int, size: int) -> Any:
    """Room for a result of this size: Python integers where 63 bits could overflow."""
    if size < _SMALL:
        return values
    return values.astype(object) if isinstance(values, np.ndarray) else values


def _comparison(node: Binary, left: Vector, right: Vector, known: Array) -> Vector:
    one, other, sign = left.values, right.values, None
    if left.bottom is not right.bottom or not isinstance(left.bottom, int) or left.bottom != 1:
        (a, b), (c, d) = size_of(node.left), size_of(node.right)
        size = max(a * d, c * b, b * d)
        one, other = _wide(one, size) * right.bottom, _wide(other, size) * left.bottom
        sign = _wide(left.bottom, size) * right.bottom
    values = _compare(node.op, one, other)
    if isinstance(sign, np.ndarray):
        values = np.where(sign < 0, _compare(node.op, other, one), values)
        known = known & (sign != 0)
    return Vector(values.astype(bool), known.astype(bool))


def _compare(op: str, left: Any, right: Any) -> Array:
    functions: dict[str, Any] = {
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
        "=": np.equal,
        "!=": np.not_equal,
    }
    result: Array = functions[op](left, right)
    return result


def _arithmetic(node: Binary, left: Vector, right: Vector, known: Array) -> Vector:
    assert node.op in ARITHMETIC  # noqa: S101 - the checker made it
    size = max(size_of(node))
    a, c = _wide(left.values, size), _wide(right.values, size)
    b, d = _wide(left.bottom, size), _wide(right.bottom, size)
    if node.op == "*":
        return Vector(a * c, known, b * d)
    if node.op == "/":
        known = known & (right.values != 0)
        return Vector(a * d, known, b * c)
    return Vector(a * d + c * b if node.op == "+" else a * d - c * b, known, b * d)
