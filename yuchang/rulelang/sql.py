"""Portable SQL from expressions: one text for DuckDB and Spark.

CASE, CAST, EXTRACT, FLOOR, MAX, SUM and GREATEST/LEAST only; no FILTER, no ``::``, no alias that equals an
input column. Unknown is NULL. Division never happens: comparisons are multiplied out, so that the
answer is exact. Integers that may pass 63 bits are computed as DECIMAL(38,0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from yuchang.rulelang.check import has_varying_denominator, size_of
from yuchang.rulelang.nodes import (
    ARITHMETIC,
    COMPARISONS,
    LIMIT,
    YES_NO,
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

EMITTER_VERSION = "1"
_SMALL = 2**62
_COLUMN = {Kind.YES_NO: "BOOLEAN", Kind.NUMBER: "BIGINT", Kind.TEXT: "STRING", Kind.DATE: "DATE"}


@dataclass(frozen=True)
class _Quantity:
    """A numerator and a denominator as texts, with the greatest size of each."""

    top: str
    top_size: int
    bottom: str = "1"
    bottom_size: int = 1


@dataclass
class Emitter:
    """Turns expressions into texts over the columns ``v_<fact>`` and ``a<i>_…`` that ``statement`` makes.

    ``parameters`` are literals; those in ``by_place`` come from the column ``p_<name>`` instead.
    """

    on: date
    parameters: Mapping[str, int | None]
    vocabulary: Mapping[str, Fact]
    by_place: frozenset[str] = frozenset()
    facts: dict[str, Fact] = field(default_factory=dict)
    aggregates: dict[tuple[str, str], int] = field(default_factory=dict)

    def yes_no(self, node: Node) -> str:
        """A text whose value is TRUE, FALSE or NULL."""
        match node:
            case Literal(value=value):
                return "TRUE" if value else "FALSE"
            case FactRef():
                return self.fact(node)
            case Named(body=body):
                return self.yes_no(body)
            case Many(op=op, parts=parts):
                return "(" + f" {op.upper()} ".join(self.yes_no(p) for p in parts) + ")"
            case Unary(op="not", part=part):
                return f"(NOT {self.yes_no(part)})"
            case Unary(part=part):
                return f"({self.any_text(part)} IS NOT NULL)"
            case InList(part=part, options=options):
                return f"({self.plain(part)} IN ({', '.join(quote(o) for o in options)}))"
            case Aggregate(op=op, body=body):
                return self.any_or_all(op, self.yes_no(body))
            case Binary(op="coalesce", left=left, right=right):
                return f"COALESCE({self.yes_no(left)}, {self.yes_no(right)})"
            case Binary(op=op, left=left, right=right) if op in COMPARISONS:
                return self.comparison(op, left, right)
        raise TypeError(type(node).__name__)

    def any_text(self, node: Node) -> str:
        """A text that is NULL exactly when the expression is unknown."""
        if node.type == YES_NO:
            return self.yes_no(node)
        if node.type.kind is not Kind.NUMBER:
            return self.plain(node)
        quantity = self.quantity(node)
        if quantity.bottom_size == 1:
            return quantity.top
        return f"(CASE WHEN {quantity.bottom} <> 0 THEN {quantity.top} END)"

    def plain(self, node: Node) -> str:
        """A text or date."""
        match node:
            case Literal(value=date() as value):
                return f"CAST('{value.isoformat()}' AS DATE)"
            case Literal(value=value):
                return quote(str(value))
            case OnDay():
                return f"CAST('{self.on.isoformat()}' AS DATE)"
            case FactRef():
                return self.fact(node)
            case Named(body=body):
                return self.plain(body)
            case Binary(op="coalesce", left=left, right=right):
                return f"COALESCE({self.plain(left)}, {self.plain(right)})"
        raise TypeError(type(node).__name__)

    def fact(self, node: FactRef) -> str:
        self.facts[node.fact.name] = node.fact
        column = f"v_{node.fact.name}"
        if node.max_age_days is None:
            return column
        self.facts[node.fact.dated_by] = self.vocabulary[node.fact.dated_by]
        earliest = self.on - timedelta(days=node.max_age_days)
        dated = f"v_{node.fact.dated_by}"
        return f"(CASE WHEN {dated} >= CAST('{earliest.isoformat()}' AS DATE) THEN {column} END)"

    def comparison(self, op: str, left: Node, right: Node) -> str:
        symbol = "<>" if op == "!=" else op
        if left.type.kind is not Kind.NUMBER:
            return f"({self.plain(left)} {symbol} {self.plain(right)})"
        a, b = self.quantity(left), self.quantity(right)
        if a.bottom_size == b.bottom_size == 1:
            return f"({a.top} {symbol} {b.top})"
        one = _times(a.top, b.bottom, a.top_size * b.bottom_size)
        other = _times(b.top, a.bottom, b.top_size * a.bottom_size)
        sign = _times(a.bottom, b.bottom, a.bottom_size * b.bottom_size)
        straight = f"({one} {symbol} {other})"
        if not (has_varying_denominator(left) or has_varying_denominator(right)):
            return straight
        return (
            f"(CASE WHEN {sign} > 0 THEN {straight} "
            f"WHEN {sign} < 0 THEN ({other} {symbol} {one}) ELSE CAST(NULL AS BOOLEAN) END)"
        )

    def quantity(self, node: Node) -> _Quantity:
        """A number as numerator over denominator."""
        top_size, bottom_size = size_of(node)
        match node:
            case Literal(value=Fraction() as value):
                return _Quantity(_big(value.numerator), top_size, _big(value.denominator), bottom_size)
            case Literal(value=int(value)):
                return _Quantity(_big(value), top_size)
            case FactRef():
                return _Quantity(self.fact(node), top_size)
            case ParameterRef(parameter=parameter):
                return _Quantity(self.parameter(parameter.name), top_size)
            case Named(body=body):
                return self.quantity(body)
            case Many(op=op, parts=parts):
                texts = [self.quantity(p).top for p in parts]
                function = "LEAST" if op == "min" else "GREATEST"
                unknown = " OR ".join(f"{t} IS NULL" for t in texts)
                return _Quantity(
                    f"(CASE WHEN {unknown} THEN NULL ELSE {function}({', '.join(texts)}) END)", top_size
                )
            case Aggregate(op=op, body=body):
                return _Quantity(self.sum_or_count(op, body), top_size)
            case Binary(op="coalesce", left=left, right=right):
                text = f"COALESCE({self.quantity(left).top}, {self.quantity(right).top})"
                return _Quantity(text, top_size)
            case Binary(op="age", left=left, right=right):
                return _Quantity(_age(self.plain(left), self.plain(right)), top_size)
            case Binary(op="days", left=left, right=right):
                text = f"({_day_number(self.plain(right))} - {_day_number(self.plain(left))})"
                return _Quantity(text, top_size)
            case Binary(op=op, left=left, right=right) if op in ARITHMETIC:
                return _arithmetic(op, self.quantity(left), self.quantity(right))
        raise TypeError(type(node).__name__)

    def parameter(self, name: str) -> str:
        if name in self.by_place:
            return f"p_{name}"
        value = self.parameters.get(name)
        return "CAST(NULL AS BIGINT)" if value is None else _big(value)

    def aggregate(self, kind: str, text: str) -> str:
        """The column with ``text`` over all members: ``flag`` is 1 if any is, the others the total."""
        number = self.aggregates.setdefault((kind, text), len(self.aggregates))
        return f"a{number}"

    def any_or_all(self, op: str, body: str) -> str:
        yes = self.aggregate("flag", f"CASE WHEN {body} THEN 1 ELSE 0 END")
        unknown = self.aggregate("flag", f"CASE WHEN {body} IS NULL THEN 1 ELSE 0 END")
        if op == "any":
            return f"(CASE WHEN {yes} > 0 THEN TRUE WHEN {unknown} = 0 THEN FALSE END)"
        no = self.aggregate("flag", f"CASE WHEN {body} THEN 0 WHEN {body} IS NULL THEN 0 ELSE 1 END")
        return f"(CASE WHEN {no} > 0 THEN FALSE WHEN {unknown} = 0 THEN TRUE END)"

    def sum_or_count(self, op: str, body: Node) -> str:
        if op == "count":
            text = self.yes_no(body)
            value, kind = f"CASE WHEN {text} THEN 1 ELSE 0 END", "count"
        else:
            text = value = self.quantity(body).top
            kind = "sum"
        unknown = self.aggregate("flag", f"CASE WHEN {text} IS NULL THEN 1 ELSE 0 END")
        return f"(CASE WHEN {unknown} = 0 THEN {self.aggregate(kind, value)} END)"


def _arithmetic(op: str, a: _Quantity, b: _Quantity) -> _Quantity:
    if op == "*":
        top_size, bottom_size = a.top_size * b.top_size, a.bottom_size * b.bottom_size
        bottom = _times(a.bottom, b.bottom, bottom_size)
        return _Quantity(_times(a.top, b.top, top_size), top_size, bottom, bottom_size)
    if op == "/":
        top_size, bottom_size = a.top_size * b.bottom_size, max(a.bottom_size * b.top_size, 2)
        bottom = _times(a.bottom, b.top, bottom_size)
        return _Quantity(_times(a.top, b.bottom, top_size), top_size, bottom, bottom_size)
    top_size = a.top_size * b.bottom_size + b.top_size * a.bottom_size
    left = _times(a.top, b.bottom, top_size)
    right = _times(b.top, a.bottom, top_size)
    bottom_size = a.bottom_size * b.bottom_size
    bottom = _times(a.bottom, b.bottom, bottom_size)
    return _Quantity(f"({left} {op} {right})", top_size, bottom, bottom_size)


def _times(left: str, right: str, size: int) -> str:
    if right == "1":
        return _wide(left, size)
    if left == "1":
        return _wide(right, size)
    return f"({_wide(left, size)} * {_wide(right, size)})"


def _wide(text: str, size: int) -> str:
    return text if size < _SMALL else f"CAST({text} AS DECIMAL(38,0))"


def _big(value: int) -> str:
    """A 63-bit literal; a bare one might be multiplied in 31 bits."""
    return f"CAST({value} AS BIGINT)"


def quote(text: str) -> str:
    """A text literal."""
    return "'" + text.replace("'", "''") + "'"


def _part(name: str, day: str) -> str:
    return f"CAST(EXTRACT({name} FROM {day}) AS BIGINT)"


def _month_day(day: str) -> str:
    return f"{_part('MONTH', day)} * 100 + {_part('DAY', day)}"


def _age(born: str, on: str) -> str:
    later = f"{_month_day(on)} < {_month_day(born)}"
    return f"({_part('YEAR', on)} - {_part('YEAR', born)} - (CASE WHEN {later} THEN 1 ELSE 0 END))"


def _day_number(day: str) -> str:
    """Days since a fixed day in the proleptic Gregorian calendar; months count from March."""
    early = f"(CASE WHEN {_part('MONTH', day)} <= 2 THEN 1 ELSE 0 END)"
    year = f"({_part('YEAR', day)} - {early})"
    month = f"({_part('MONTH', day)} - 3 + 12 * {early})"
    leaps = f"{_floor(year, 4)} - {_floor(year, 100)} + {_floor(year, 400)}"
    return f"({year} * 365 + {leaps} + {_floor(f'(153 * {month} + 2)', 5)} + {_part('DAY', day)})"


def _floor(text: str, divisor: int) -> str:
    return f"CAST(FLOOR({text} / {divisor}.0) AS BIGINT)"


@dataclass(frozen=True)
class Tables:
    """The names that the emitted statement reads, and the column by which the two belong together."""

    households: str = "households"
    members: str = "members"
    key: str = "household_id"
    place: str = "village_id"
    parameters: str = "place_parameters"


def statement(
    emitter: Emitter,
    conditions: Mapping[str, str],
    outputs: Mapping[str, str],
    tables: Tables,
    keep: tuple[str, ...] = (),
) -> str:
    """One SELECT with a row per household: ``o_<key>``, ``o_<kept column>``, then the outputs by name.

    ``conditions`` are texts that ``emitter`` made, by column name, computed once each; ``outputs`` may use
    those columns. Call it last: it reads which facts and sums the conditions need.
    """
    inputs = _inputs(emitter, tables, keep)
    kept = ["k_household", *(f"k_{n}" for n in keep)]
    columns = ",\n    ".join([*kept, *(f"{text} AS {name}" for name, text in conditions.items())])
    selected = ["k_household AS o_household_id", *(f"k_{n} AS o_{n}" for n in keep)]
    select = ",\n  ".join([*selected, *(f"{text} AS {name}" for name, text in outputs.items())])
    return (
        f"WITH {_member_sums(emitter, tables)}inputs AS (\n{inputs}),\n"  # noqa: S608 - our own names
        f"conditions AS (\n  SELECT {columns}\n  FROM inputs)\nSELECT {select}\nFROM conditions"
    )


def _inputs(emitter: Emitter, tables: Tables, keep: tuple[str, ...]) -> str:
    facts = [_input(f, "h") for f in _needed(emitter, Entity.HOUSEHOLD)]
    columns = [f"h.{tables.key} AS k_household", *(f"h.{name} AS k_{name}" for name in keep), *facts]
    columns += [f"m.a{i} AS a{i}" for i in range(len(emitter.aggregates))]
    columns += [f"p.{name} AS p_{name}" for name in sorted(emitter.by_place)]
    joins = f"FROM {tables.households} h"
    if emitter.aggregates:
        joins += "\n  LEFT JOIN member_sums m ON m.a_household = h." + tables.key
    if emitter.by_place:
        joins += f"\n  LEFT JOIN {tables.parameters} p ON p.place_id = h.{tables.place}"
    return f"  SELECT {', '.join(columns)}\n  {joins}"


def _needed(emitter: Emitter, entity: Entity) -> list[Fact]:
    return sorted((f for f in emitter.facts.values() if f.entity is entity), key=lambda f: f.name)


def _input(fact: Fact, table: str) -> str:
    column = f"CAST({table}.{fact.name} AS {_COLUMN[fact.type.kind]})"
    if fact.type.kind is Kind.NUMBER:
        column = f"CASE WHEN {table}.{fact.name} BETWEEN -{LIMIT} AND {LIMIT} THEN {column} END"
    return f"{column} AS v_{fact.name}"


def _member_sums(emitter: Emitter, tables: Tables) -> str:
    if not emitter.aggregates:
        return ""
    inputs = [f"n.{tables.key} AS m_household", *(_input(f, "n") for f in _needed(emitter, Entity.MEMBER))]
    functions = {"flag": "MAX({})", "count": "SUM({})", "sum": "SUM({})"}
    types = {"flag": "BIGINT", "count": "BIGINT", "sum": "DECIMAL(38,0)"}
    sums = [
        f"CAST({functions[kind].format(text)} AS {types[kind]}) AS a{i}"
        for (kind, text), i in emitter.aggregates.items()
    ]
    return (
        f"member_values AS (\n  SELECT {', '.join(inputs)}\n  FROM {tables.members} n),\n"  # noqa: S608 - names of the vocabulary
        f"member_sums AS (\n  SELECT m_household AS a_household, {', '.join(sums)}\n"
        "  FROM member_values GROUP BY m_household),\n"
    )
