"""A rule as a sentence that a county officer can read, in Chinese or English."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from yuchang.rulelang.nodes import (
    COMPARISONS,
    Aggregate,
    Binary,
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
    Type,
    Unary,
)

_COMPARE = {
    "zh": {"<": "低于", "<=": "不高于", ">": "高于", ">=": "不低于", "=": "为", "!=": "不为"},
    "en": {
        "<": "is below",
        "<=": "is at most",
        ">": "is above",
        ">=": "is at least",
        "=": "is",
        "!=": "is not",
    },
}
_ARITHMETIC = {"+": "＋", "-": "－", "*": "×", "/": "÷"}
_JOIN = {"zh": {"and": "，并且", "or": "，或者"}, "en": {"and": " and ", "or": " or "}}


def sentence(node: Node, language: str = "zh") -> str:
    """The expression in words; a definition stands by its name. ``language``: ``zh`` or ``en``."""
    return _Writer(language).words(node)


def value_words(kind: Type, value: Any, language: str = "zh", fact: Fact | None = None) -> str:
    """A value with its unit: ``7,999.99 元/人/年``; unknown says so."""
    zh = language == "zh"
    if value is None:
        return "不详" if zh else "unknown"
    if isinstance(value, bool):
        return ("是" if value else "否") if zh else ("yes" if value else "no")
    if kind.kind is Kind.NUMBER:
        return quantity_words(kind, value, language)
    if isinstance(value, date):
        return value.isoformat()
    if fact is not None and value in fact.values:
        return fact.values[value][0 if zh else 1]
    return f"“{value}”" if zh else f'"{value}"'


def quantity_words(kind: Type, value: int | Fraction, language: str = "zh") -> str:
    """Stored parts as a decimal of the unit."""
    parts = kind.unit.parts
    if isinstance(value, int) and parts.denominator == 1:
        amount, rest = divmod(value, parts.numerator)
        text = f"{amount:,}" if rest == 0 else _decimals(value / parts.numerator)
        is_one = amount == 1 and rest == 0
    else:
        exact = Fraction(value) / parts
        text = f"{int(exact):,}" if exact.denominator == 1 else _decimals(float(round(exact, 2)))
        is_one = exact == 1
    unit = kind.unit.text() if language == "zh" else kind.unit.english(plural=not is_one)
    return f"{text} {unit}".strip()


def _decimals(value: float) -> str:
    """At most two decimals. Stored quantities stay below 10¹³, where a float still holds the second."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


class _Writer:
    def __init__(self, language: str) -> None:
        self.zh = language == "zh"
        self.language = language

    def pick(self, zh: str, en: str) -> str:
        return zh if self.zh else en

    def wrap(self, text: str) -> str:
        return f"（{text}）" if self.zh else f"({text})"

    def words(self, node: Node) -> str:
        match node:
            case Literal():
                return value_words(node.type, node.value, self.language)
            case FactRef(fact=fact):
                return self.pick(fact.zh, fact.en)
            case ParameterRef(parameter=parameter):
                return self.pick(parameter.zh, f"the {parameter.en}")
            case OnDay():
                return self.pick("认定日", "the day of the decision")
            case Named():
                return self.pick(f"“{node.zh}”", f"“{node.en}”")
            case Unary():
                return self.unary(node)
            case Many():
                return self.many(node)
            case InList():
                options = self.options(node)
                return self.pick(
                    f"{self.words(node.part)}属于（{options}）",
                    f"{self.words(node.part)} is one of ({options})",
                )
            case Aggregate():
                return self.aggregate(node)
            case Binary():
                return self.binary(node)
        raise TypeError(type(node).__name__)

    def options(self, node: InList) -> str:
        fact = node.part.fact if isinstance(node.part, FactRef) else None
        words = [value_words(node.part.type, o, self.language, fact) for o in node.options]
        return ("、" if self.zh else ", ").join(words)

    def unary(self, node: Unary) -> str:
        inner = self.words(node.part)
        if node.op == "is_known":
            return self.pick(f"已掌握{inner}", f"{inner} is known")
        if isinstance(node.part, FactRef):
            return self.pick(f"{inner}为否", f"not {inner}")
        return self.pick(f"并非{self.wrap(inner)}", f"not {self.wrap(inner)}")

    def many(self, node: Many) -> str:
        if node.op in ("min", "max"):
            listed = ("、" if self.zh else ", ").join(self.words(p) for p in node.parts)
            word = self.pick(
                "中较低者" if node.op == "min" else "中较高者", "lowest" if node.op == "min" else "highest"
            )
            return self.pick(f"（{listed}）{word}", f"the {word} of ({listed})")
        parts = [self.wrap(self.words(p)) if isinstance(p, Many) else self.words(p) for p in node.parts]
        return _JOIN[self.language][node.op].join(parts)

    def aggregate(self, node: Aggregate) -> str:
        body = self.words(node.body)
        match node.op:
            case "any":
                return self.pick(f"有成员{self.wrap(body)}", f"some member ({body})")
            case "all":
                return self.pick(f"所有成员都{self.wrap(body)}", f"every member ({body})")
            case "count":
                return self.pick(f"{self.wrap(body)}的成员数", f"the number of members with ({body})")
        return self.pick(f"全体成员{self.wrap(body)}之和", f"the members' total ({body})")

    def binary(self, node: Binary) -> str:
        if node.op == "age":
            born = self.words(node.left)
            is_today = isinstance(node.right, OnDay)
            on = "" if is_today else self.words(node.right)
            return self.pick(
                "年龄" if is_today else f"{on}时的年龄", "age" if is_today else f"age on {on} ({born})"
            )
        if node.op in "+-":
            return self.sum(node)
        left, right = self.operand(node.left), self.operand(node.right)
        if node.op == "days":
            return self.pick(f"{left}至{right}的天数", f"the days from {left} to {right}")
        if node.op == "coalesce":
            return self.pick(f"{left}（不详时按{right}）", f"{left} ({right} when unknown)")
        if node.op in COMPARISONS:
            fact = node.left.fact if isinstance(node.left, FactRef) else None
            if fact and isinstance(node.right, Literal):
                right = value_words(node.right.type, node.right.value, self.language, fact)
            word = _COMPARE[self.language][node.op]
            return f"{left}{word}{right}" if self.zh else f"{left} {word} {right}"
        return f"{left} {_ARITHMETIC[node.op] if self.zh else node.op} {right}"

    def sum(self, node: Binary) -> str:
        """Added and subtracted from left to right; only what is subtracted as a whole needs brackets."""
        left = self.words(node.left)
        right = self.words(node.right) if node.op == "+" else self.operand(node.right)
        return f"{left} {_ARITHMETIC[node.op] if self.zh else node.op} {right}"

    def operand(self, node: Node) -> str:
        """A part, in brackets when it is itself a sum, so that the reader sees what belongs together."""
        text = self.words(node)
        is_sum = isinstance(node, Binary) and node.op in "+-"
        return self.wrap(text) if is_sum else text
