"""Syntax to typed nodes: every name known, every kind and unit fitting, every size bounded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from yuchang.rulelang.errors import RuleError
from yuchang.rulelang.nodes import (
    ARITHMETIC,
    COMPARISONS,
    DATE,
    LIMIT,
    TEXT,
    YES_NO,
    Aggregate,
    Binary,
    Entity,
    FactRef,
    InList,
    Kind,
    Literal,
    Many,
    Named,
    Node,
    OnDay,
    ParameterRef,
    Scope,
    Type,
    Unary,
    number,
    walk,
)
from yuchang.rulelang.parser import Syntax, parse
from yuchang.rulelang.units import parse_unit

MOST_MEMBERS = 1000
BIGGEST = 10**37
"""Every integer in an emitted text stays below this, so that DECIMAL(38,0) always holds it."""
_AGE, _DAYS, _COUNT = number(parse_unit("岁")), number(parse_unit("日")), number(parse_unit("人"))


def compile_rule(text: str, scope: Scope) -> Node:
    """A yes/no expression from its text. Raises RuleError."""
    node = compile_expression(text, scope)
    if node.type != YES_NO:
        raise RuleError(
            f"规则必须得出“是”或“否”，这里得出的是{node.type.words()}。",
            "请加上比较，例如 … < 监测范围的参数名。",
            text,
            node.position,
        )
    return node


def compile_expression(text: str, scope: Scope) -> Node:
    """A typed expression of any kind from its text. Raises RuleError."""
    return _Checker(text, scope).node(parse(text), Entity.HOUSEHOLD)


@dataclass
class _Checker:
    text: str
    scope: Scope

    def error(self, at: Syntax | Node, message: str, remedy: str = "") -> RuleError:
        return RuleError(message, remedy, self.text, at.position)

    def node(self, syntax: Syntax, entity: Entity) -> Node:
        if syntax.op == "literal":
            return self.literal(syntax)
        if syntax.op == "name":
            return self.name(syntax, entity)
        if syntax.op == "call":
            return self.call(syntax, entity)
        if syntax.op in ("and", "or"):
            return self.junction(syntax, entity)
        if syntax.op == "not":
            return Unary(YES_NO, syntax.position, "not", self.yes_no(syntax.parts[0], entity))
        if syntax.op == "negative":
            return self.negative(syntax, entity)
        if syntax.op == "in":
            return self.in_list(syntax, entity)
        if syntax.op in COMPARISONS:
            return self.comparison(syntax, entity)
        if syntax.op in ARITHMETIC:
            return self.arithmetic(syntax, entity)
        raise self.error(syntax, "列表只能放在 in 之后。")

    def literal(self, syntax: Syntax) -> Literal:
        value = syntax.value
        if isinstance(value, bool):
            return Literal(YES_NO, syntax.position, value)
        if isinstance(value, str):
            return Literal(TEXT, syntax.position, value)
        if isinstance(value, Fraction):
            unit = parse_unit(syntax.unit)
            stored = value * unit.parts
            if abs(stored) > LIMIT:
                raise self.error(syntax, "这个数太大。", "金额不得超过十亿元。")
            return Literal(number(unit), syntax.position, _whole(stored))
        return Literal(DATE, syntax.position, value)  # type: ignore[arg-type]

    def name(self, syntax: Syntax, entity: Entity) -> Node:
        name, scope = syntax.name, self.scope
        if name == "on":
            return OnDay(DATE, syntax.position)
        if name in scope.parameters:
            parameter = scope.parameters[name]
            return ParameterRef(parameter.type, syntax.position, parameter)
        if name in scope.facts:
            fact = scope.facts[name]
            if fact.entity is not entity:
                raise self.error(syntax, *_wrong_entity(name, entity))
            return FactRef(fact.type, syntax.position, fact)
        if name in scope.definitions:
            if entity is Entity.MEMBER:
                raise self.error(syntax, *_wrong_entity(name, entity))
            return replace(scope.definitions[name], position=syntax.position)
        raise self.error(syntax, f"没有名为“{name}”的事实、参数或定义。", self.near(name))

    def near(self, name: str) -> str:
        known = [*self.scope.facts, *self.scope.parameters, *self.scope.definitions]
        close = [k for k in known if name[:4] in k or k[:4] in name]
        return (
            f"是不是 {'、'.join(close[:4])}？" if close else "请在 facts.yaml 或 parameters.yaml 中核对名称。"
        )

    def yes_no(self, syntax: Syntax, entity: Entity) -> Node:
        node = self.node(syntax, entity)
        if node.type != YES_NO:
            raise self.error(syntax, f"这里需要“是”或“否”，却是{node.type.words()}。", "请加上比较。")
        return node

    def quantity(self, syntax: Syntax, entity: Entity) -> Node:
        node = self.node(syntax, entity)
        if node.type.kind is not Kind.NUMBER:
            raise self.error(syntax, f"这里需要数量，却是{node.type.words()}。", "算术只用于数量。")
        return node

    def junction(self, syntax: Syntax, entity: Entity) -> Node:
        parts: list[Node] = []
        for part in syntax.parts:
            node = self.yes_no(part, entity)
            is_same = isinstance(node, Many) and node.op == syntax.op
            parts += node.children() if is_same else (node,)
        return Many(YES_NO, syntax.position, syntax.op, tuple(parts))

    def negative(self, syntax: Syntax, entity: Entity) -> Node:
        part = self.quantity(syntax.parts[0], entity)
        zero = Literal(part.type, syntax.position, 0)
        return Binary(part.type, syntax.position, "-", zero, part)

    def in_list(self, syntax: Syntax, entity: Entity) -> Node:
        part, options = self.node(syntax.parts[0], entity), syntax.parts[1].parts
        if part.type != TEXT:
            raise self.error(syntax, f"in 左边需要文字，却是{part.type.words()}。")
        for option in options:
            if option.op != "literal" or not isinstance(option.value, str):
                raise self.error(option, "in 的列表里只能是引号中的文字。")
            self.must_be_a_value(part, option)
        return InList(YES_NO, syntax.position, part, tuple(str(o.value) for o in options))

    def must_be_a_value(self, part: Node, option: Syntax) -> None:
        fact = part.fact if isinstance(part, FactRef) else None
        if fact and fact.values and option.value not in fact.values:
            listed = "、".join(f'"{code}"（{zh}）' for code, (zh, _) in fact.values.items())
            raise self.error(option, f"“{fact.zh}”没有“{option.value}”这个值。", f"可用的值：{listed}。")

    def comparison(self, syntax: Syntax, entity: Entity) -> Node:
        left, right = (self.node(part, entity) for part in syntax.parts)
        self.must_match(syntax, left, right, "比较")
        kind = left.type.kind
        if syntax.op not in ("=", "!=") and kind not in (Kind.NUMBER, Kind.DATE):
            raise self.error(syntax, f"{left.type.words()}不能比大小。", "请用 =、!= 或 in。")
        if kind is Kind.YES_NO:
            raise self.error(syntax, "是非值不必比较。", "直接写名称，或写 not 名称。")
        for one, other in ((left, syntax.parts[1]), (right, syntax.parts[0])):
            if kind is Kind.TEXT and other.op == "literal":
                self.must_be_a_value(one, other)
        node = Binary(YES_NO, syntax.position, syntax.op, left, right)
        if kind is Kind.NUMBER:
            (a, b), (c, d) = size_of(left), size_of(right)
            self.must_fit(syntax, max(a * d, c * b, b * d))
        return node

    def must_match(self, syntax: Syntax, left: Node, right: Node, what: str) -> None:
        if left.type == right.type:
            return
        remedy = "请换成同一单位的事实或参数，或者乘除换算（例如 × 12 月/年）。"
        if Literal in (type(left), type(right)) and left.type.kind is right.type.kind is Kind.NUMBER:
            bare = right.type if isinstance(left, Literal) else left.type
            remedy = f"常数要写明单位，例如 100 {bare.unit.text()}。"
        raise self.error(
            syntax, f"左边是{left.type.words()}，右边是{right.type.words()}，不能{what}。", remedy
        )

    def must_fit(self, syntax: Syntax, size: int) -> None:
        if size > BIGGEST:
            raise self.error(
                syntax, "算出的数可能太大，无法精确计算。", "请减少相乘的项数，或把除法改为两边相乘。"
            )

    def arithmetic(self, syntax: Syntax, entity: Entity) -> Node:
        left, right = (self.quantity(part, entity) for part in syntax.parts)
        kind = left.type
        if syntax.op in "+-":
            self.must_match(syntax, left, right, "相加减")
        else:
            kind = number(left.type.unit.times(right.type.unit, 1 if syntax.op == "*" else -1))
        if syntax.op == "/":
            self.must_divide(syntax, right)
        node = Binary(kind, syntax.position, syntax.op, left, right)
        self.must_fit(syntax, max(size_of(node)))
        return node

    def must_divide(self, syntax: Syntax, divisor: Node) -> None:
        if isinstance(divisor, Literal) and divisor.value == 0:
            raise self.error(syntax, "不能除以零。")
        if has_varying_denominator(divisor):
            raise self.error(syntax, "除数里不能再有除法。", "请改写为一次除法，例如 a × c ÷ b。")

    def call(self, syntax: Syntax, entity: Entity) -> Node:
        makers: dict[str, tuple[int, int, Callable[[Syntax, Entity], Node]]] = {
            "is_known": (1, 1, self.is_known),
            "coalesce": (2, 2, self.coalesce),
            "min": (2, 6, self.extreme),
            "max": (2, 6, self.extreme),
            "age": (2, 2, self.dates),
            "days": (2, 2, self.dates),
            "any": (2, 2, self.aggregate),
            "all": (2, 2, self.aggregate),
            "count": (2, 2, self.aggregate),
            "sum": (2, 2, self.aggregate),
        }
        if syntax.name not in makers:
            raise self.error(syntax, f"没有“{syntax.name}”这个函数。", f"可用：{'、'.join(makers)}。")
        least, most, make = makers[syntax.name]
        if not least <= len(syntax.parts) <= most:
            count = str(least) if least == most else f"{least}–{most}"
            raise self.error(syntax, f"{syntax.name} 需要 {count} 个参数，写了 {len(syntax.parts)} 个。")
        return make(syntax, entity)

    def is_known(self, syntax: Syntax, entity: Entity) -> Node:
        return Unary(YES_NO, syntax.position, "is_known", self.node(syntax.parts[0], entity))

    def coalesce(self, syntax: Syntax, entity: Entity) -> Node:
        part, default = (self.node(p, entity) for p in syntax.parts)
        if not isinstance(default, Literal):
            raise self.error(syntax.parts[1], "不详时的取值必须是写明的常数。", "例如 coalesce(x, 0 元)。")
        self.must_match(syntax, part, default, "互相替代")
        self.must_be_whole(syntax, part, default)
        return Binary(part.type, syntax.position, "coalesce", part, default)

    def must_be_whole(self, syntax: Syntax, *parts: Node) -> None:
        if any(p.type.kind is Kind.NUMBER and size_of(p)[1] != 1 for p in parts):
            raise self.error(
                syntax, f"{syntax.name} 里不能有除法或小数。", "请把除法直接写在比较的一边，或两边同乘。"
            )

    def extreme(self, syntax: Syntax, entity: Entity) -> Node:
        parts = [self.quantity(p, entity) for p in syntax.parts]
        for part in parts[1:]:
            self.must_match(syntax, parts[0], part, "比较")
        self.must_be_whole(syntax, *parts)
        return Many(parts[0].type, syntax.position, syntax.name, tuple(parts))

    def dates(self, syntax: Syntax, entity: Entity) -> Node:
        left, right = (self.node(p, entity) for p in syntax.parts)
        for part in (left, right):
            if part.type != DATE:
                raise self.error(part, f"{syntax.name} 需要日期，却是{part.type.words()}。")
        kind = _AGE if syntax.name == "age" else _DAYS
        return Binary(kind, syntax.position, syntax.name, left, right)

    def aggregate(self, syntax: Syntax, entity: Entity) -> Node:
        whole, body = syntax.parts
        if entity is Entity.MEMBER or whole.op != "name" or whole.name != "members":
            raise self.error(
                syntax, f"{syntax.name} 只能数本户的成员，且不能嵌套。", f"写成 {syntax.name}(members, …)。"
            )
        if syntax.name == "sum":
            node = self.quantity(body, Entity.MEMBER)
            self.must_be_whole(syntax, node)
            self.must_fit(syntax, size_of(node)[0] * MOST_MEMBERS)
            return Aggregate(node.type, syntax.position, "sum", node)
        node = self.yes_no(body, Entity.MEMBER)
        kind = _COUNT if syntax.name == "count" else YES_NO
        return Aggregate(kind, syntax.position, syntax.name, node)


def _whole(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value


def _wrong_entity(name: str, entity: Entity) -> tuple[str, str]:
    if entity is Entity.MEMBER:
        return f"“{name}”是户的事实，不能写在 members 里面。", "把户的条件用 and 写在外面。"
    return f"“{name}”是成员的事实，不能直接用于户。", f"写成 any(members, {name} …) 或 sum、count、all。"


def size_of(node: Node) -> tuple[int, int]:
    """The greatest numerator and denominator that a quantity can have, in stored parts.

    The denominator is 1 exactly when the value is always a whole number.
    """
    match node:
        case Literal(value=bool()) | Literal(value=str()):
            return 1, 1
        case Literal(value=int(value)):
            return abs(value), 1
        case Literal(value=Fraction() as value):
            return abs(value.numerator), value.denominator
        case Binary(op="age"):
            return 10_000, 1
        case Binary(op="days"):
            return 4_000_000, 1
        case Binary(op="coalesce", left=left, right=right):
            return max(size_of(left)[0], size_of(right)[0]), 1
        case Binary(op=op, left=left, right=right) if op in ARITHMETIC:
            (a, b), (c, d) = size_of(left), size_of(right)
            if op in "+-":
                return a * d + c * b, b * d
            return (a * c, b * d) if op == "*" else (a * d, max(b * c, 2))
        case Many(parts=parts):
            return max(size_of(p)[0] for p in parts), 1
        case Aggregate(op="sum", body=body):
            return size_of(body)[0] * MOST_MEMBERS, 1
        case Aggregate():
            return MOST_MEMBERS, 1
        case Named(body=body):
            return size_of(body)
    return LIMIT, 1


def has_varying_denominator(node: Node) -> bool:
    """Whether something other than a constant is divided by anywhere within."""
    return any(isinstance(n, Binary) and n.op == "/" and not isinstance(n.right, Literal) for n in walk(node))


def limit_ages(node: Node, ages: Mapping[str, int]) -> Node:
    """The same expression in which an observation older than ``ages[fact]`` days counts as unknown."""
    if isinstance(node, FactRef):
        name = node.fact.name
        return replace(node, max_age_days=ages[name]) if name in ages and node.fact.dated_by else node
    if isinstance(node, Unary | InList):
        return replace(node, part=limit_ages(node.part, ages))
    if isinstance(node, Aggregate | Named):
        return replace(node, body=limit_ages(node.body, ages))
    if isinstance(node, Binary):
        return replace(node, left=limit_ages(node.left, ages), right=limit_ages(node.right, ages))
    if isinstance(node, Many):
        return replace(node, parts=tuple(limit_ages(p, ages) for p in node.parts))
    return node


def facts_of(node: Node) -> dict[str, FactRef]:
    """Every fact that the expression reads, by name."""
    return {n.fact.name: n for n in walk(node) if isinstance(n, FactRef)}


def parameters_of(node: Node) -> set[str]:
    """The names of every parameter that the expression reads."""
    return {n.parameter.name for n in walk(node) if isinstance(n, ParameterRef)}


def kind_matches(kind: Type, value: object) -> bool:
    """Whether a stored value fits a fact's kind (None always does)."""
    if value is None:
        return True
    if kind.kind is Kind.YES_NO:
        return isinstance(value, bool)
    if kind.kind is Kind.NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)
