"""Text to syntax: a lexer and a Pratt parser that know where everything stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from yuchang.rulelang.errors import RuleError
from yuchang.rulelang.units import BASES

MAX_LENGTH = 4000
MAX_DEPTH = 40

_UNIT = "(?:" + "|".join(sorted(BASES, key=len, reverse=True)) + ")"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<date>\d{{4}}-\d{{2}}-\d{{2}})
    | (?P<number>\d+(?:\.\d+)?)(?:[ ]*(?P<unit>{_UNIT}(?:[·/]{_UNIT})*))?
    | (?P<text>"[^"\n]*")
    | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
    | (?P<op><=|>=|!=|==|[<>=+\-*/(),\[\]×÷−≤≥≠])
    )""",
    re.VERBOSE,
)
_SAME = {"×": "*", "÷": "/", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "==": "="}
_WORDS = frozenset({"and", "or", "not", "in"})


@dataclass(frozen=True)
class Token:
    """A piece of text. ``kind``: op, word, name, literal, end."""

    kind: str
    text: str
    position: int
    value: object = None
    unit: str = ""


@dataclass(frozen=True)
class Syntax:
    """An expression before names and types are known. ``op``: literal, name, list, call, or an operator."""

    op: str
    position: int
    parts: tuple[Syntax, ...] = ()
    name: str = ""
    value: object = None
    unit: str = ""


def tokens_of(text: str) -> list[Token]:
    """Cut the text into tokens, ending with one of kind ``end``."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"表达式超过 {MAX_LENGTH} 个字符。", "请用 definitions 拆成几段。")
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise RuleError(f"看不懂“{text[at]}”。", "只能用名称、数、引号里的文字、日期和运算符。", text, at)
        tokens.append(_token(text, match))
        at = match.end()
    return [*tokens, Token("end", "", end)]


def _token(text: str, match: re.Match[str]) -> Token:
    kind = next(k for k in ("date", "number", "text", "name", "op") if match[k] is not None)
    raw, at = match[kind], match.start(kind)
    if kind == "date":
        try:
            return Token("literal", raw, at, date.fromisoformat(raw))
        except ValueError:
            raise RuleError(f"没有“{raw}”这一天。", "日期写成 2026-11-21。", text, at) from None
    if kind == "number":
        return Token("literal", raw, at, Fraction(raw), match["unit"] or "")
    if kind == "text":
        return Token("literal", raw, at, raw[1:-1])
    if kind == "name":
        if raw in ("true", "false"):
            return Token("literal", raw, at, raw == "true")
        return Token("word" if raw in _WORDS else "name", raw, at)
    return Token("op", _SAME.get(raw, raw), at)


_BINDING = {
    "or": 10,
    "and": 20,
    "in": 40,
    "<": 40,
    "<=": 40,
    ">": 40,
    ">=": 40,
    "=": 40,
    "!=": 40,
    "+": 50,
    "-": 50,
    "*": 60,
    "/": 60,
}
_NOT_BINDING, _MINUS_BINDING = 30, 70


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.at = 0
        self.depth = 0

    def error(self, message: str, remedy: str = "", position: int | None = None) -> RuleError:
        where = self.tokens[self.at].position if position is None else position
        return RuleError(message, remedy, self.text, where)

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def sees(self, text: str) -> bool:
        token = self.tokens[self.at]
        return token.kind in ("op", "word") and token.text == text

    def expect(self, text: str) -> Token:
        if not self.sees(text):
            found = self.tokens[self.at].text or "表达式结尾"
            raise self.error(f"这里应为“{text}”，却是“{found}”。", "请检查括号和逗号是否成对。")
        return self.take()

    def expression(self, binding: int = 0) -> Syntax:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"嵌套超过 {MAX_DEPTH} 层。", "请用 definitions 拆成几段。")
        left = self.prefix()
        while (power := self.binding_ahead()) > binding:
            left = self.infix(left, power)
        self.depth -= 1
        return left

    def binding_ahead(self) -> int:
        token = self.tokens[self.at]
        if token.kind == "word" and token.text == "not":
            return _BINDING["in"] if self.tokens[self.at + 1].text == "in" else 0
        return _BINDING.get(token.text, 0) if token.kind in ("op", "word") else 0

    def infix(self, left: Syntax, power: int) -> Syntax:
        token = self.take()
        if token.text == "not":
            self.expect("in")
            inside = Syntax("in", token.position, (left, self.options()))
            return Syntax("not", token.position, (inside,))
        if token.text == "in":
            return Syntax("in", token.position, (left, self.options()))
        right = self.expression(power)
        if power == _BINDING["="] and self.binding_ahead() == power:
            raise self.error("比较不能连写。", "写成 a < b and b < c。")
        return Syntax(token.text, token.position, (left, right))

    def prefix(self) -> Syntax:
        token = self.take()
        if token.kind == "literal":
            return Syntax("literal", token.position, value=token.value, unit=token.unit)
        if token.kind == "name":
            return self.call(token) if self.sees("(") else Syntax("name", token.position, name=token.text)
        if token.text == "not":
            return Syntax("not", token.position, (self.expression(_NOT_BINDING),))
        if token.text == "-":
            return Syntax("negative", token.position, (self.expression(_MINUS_BINDING),))
        if token.text == "(":
            inside = self.expression()
            self.expect(")")
            return inside
        found = token.text or "表达式结尾"
        raise self.error(
            f"这里缺少一个值，却是“{found}”。", "请补上名称、数或括号里的表达式。", token.position
        )

    def call(self, name: Token) -> Syntax:
        self.expect("(")
        parts: list[Syntax] = []
        while not self.sees(")"):
            parts.append(self.expression())
            if not self.sees(")"):
                self.expect(",")
        self.expect(")")
        return Syntax("call", name.position, tuple(parts), name=name.text)

    def options(self) -> Syntax:
        start = self.expect("[")
        parts = [self.prefix()]
        while self.sees(","):
            self.take()
            parts.append(self.prefix())
        self.expect("]")
        return Syntax("list", start.position, tuple(parts))


def parse(text: str) -> Syntax:
    """Read one expression. Raises RuleError with the position of what is wrong."""
    parser = _Parser(text)
    result = parser.expression()
    if parser.tokens[parser.at].kind != "end":
        extra = parser.tokens[parser.at].text
        raise parser.error(f"表达式到这里已经完整，多出“{extra}”。", "请删去，或用 and / or 连接。")
    return result
