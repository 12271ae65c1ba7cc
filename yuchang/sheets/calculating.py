"""What the formulas of a filled blank come to, so that a viewer which does not calculate shows it, too. Pure.

Sums, counts and their like over the cells of one workbook: the functions that ``blanks`` lets a superior's
form have. A formula with anything else is left to the spreadsheet, as before.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from typing import Any

from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import to_excel

Place = tuple[str, int, int]
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)(?![\w!]) |
    (?P<text>"(?:[^"]|"")*") |
    (?P<range>(?:(?:'(?:[^']|'')+'|[^\W\d][\w.]*)!)?
        \$?[A-Za-z]{1,3}\$?\d+(?::\$?[A-Za-z]{1,3}\$?\d+)?)(?![\w(!:]) |
    (?P<name>[A-Za-z][A-Za-z.]*)(?=\s*\() |
    (?P<word>TRUE|FALSE)(?!\w) |
    (?P<sign><=|>=|<>|[-+*/^&=<>(),%])
    )\s*""",
    re.X | re.I,
)
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d+)")
_CRITERION = re.compile(r"(<=|>=|<>|<|>|=)?(.*)", re.S)
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_BINDING = {**dict.fromkeys(_COMPARED, 1), "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "^": 6}
_UNARY = 7  # tighter than a power: -2^2 is 4


class Unknown(Exception):
    """A formula that is left to the spreadsheet."""


class Fault(Exception):
    """What a spreadsheet shows instead of a value, such as ``#DIV/0!``."""


class Area(list[list[Any]]):
    """The values of a range, with the place of its first cell."""

    place: Place = ("", 0, 0)


class Values:
    """The values of cells by sheet, row and column (from 1); formulas are worked out when asked."""

    def __init__(self, cells: Mapping[Place, Any]) -> None:
        self._cells, self._known = cells, dict[Place, Any]()
        self._under_way: set[Place] = set()

    def of(self, place: Place) -> Any:
        """The value of a cell. Raises Fault, and Unknown for a formula that is not understood."""
        value = self._cells.get(place)
        if isinstance(value, datetime | date):
            return to_excel(value)  # type: ignore[no-untyped-call]
        if not _is_formula(value):
            return value
        if place not in self._known:
            self._known[place] = self._worked_out(place, str(value))
        known = self._known[place]
        if isinstance(known, Exception):
            raise known
        return known

    def _worked_out(self, place: Place, formula: str) -> Any:
        if place in self._under_way or len(self._under_way) > 200:
            return Unknown(formula)
        self._under_way.add(place)
        try:
            found = _Formula(formula[1:], place, self).value()
            return 0 if found is None else found
        except (Unknown, Fault) as error:
            return error
        except (ArithmeticError, ValueError, TypeError, IndexError) as error:
            return Unknown(str(error))
        finally:
            self._under_way.discard(place)

    def is_subtotal(self, place: Place) -> bool:
        """Whether a cell is itself a SUBTOTAL, which other ones leave out."""
        return str(self._cells.get(place) or "").upper().startswith("=SUBTOTAL(")


def _is_formula(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("=") and len(value) > 1


class _Formula:
    """One formula, read from left to right by how tightly its signs bind."""

    def __init__(self, text: str, place: Place, values: Values) -> None:
        self._place, self._values = place, values
        self._tokens, self._at = list(_tokens(text)), 0

    def value(self) -> Any:
        tree = self._expression(0)
        if self._at != len(self._tokens):
            raise Unknown(self._tokens[self._at][1])
        found = self._worth(tree)
        return self._single(found)

    # --- reading ---

    def _take(self, sign: str = "") -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise Unknown("end")
        token = self._tokens[self._at]
        if sign and token[1] != sign:
            raise Unknown(token[1])
        self._at += 1
        return token

    def _next(self) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return text if kind == "sign" else ""

    def _expression(self, least: int) -> Any:
        left = self._operand()
        while True:
            sign = self._next()
            if sign == "%":
                self._take()
                left = ("/", left, ("value", 100))
            elif sign in _BINDING and _BINDING[sign] > least:
                self._take()
                left = (sign, left, self._expression(_BINDING[sign]))
            else:
                return left

    def _operand(self) -> Any:
        kind, text = self._take()
        if kind == "number":
            return ("value", float(text) if re.search(r"[.eE]", text) else int(text))
        if kind == "text":
            return ("value", text[1:-1].replace('""', '"'))
        if kind == "word":
            return ("value", text.upper() == "TRUE")
        if kind == "range":
            return ("range", text)
        if kind == "name":
            return ("call", text.upper(), self._arguments())
        if text in ("-", "+"):
            inner = self._expression(_UNARY)
            return ("-", ("value", 0), inner) if text == "-" else inner
        if text == "(":
            inner = self._expression(0)
            self._take(")")
            return inner
        raise Unknown(text)

    def _arguments(self) -> list[Any]:
        self._take("(")
        found: list[Any] = []
        while self._next() != ")":
            found.append(("value", None) if self._next() == "," else self._expression(0))
            if self._next() == ",":
                self._take()
        self._take(")")
        return found

    # --- what it is worth ---

    def _worth(self, tree: Any) -> Any:
        kind = tree[0]
        if kind == "value":
            return tree[1]
        if kind == "range":
            return self._range(tree[1])
        if kind == "call":
            return self._call(tree[1], tree[2])
        left, right = self._single(self._worth(tree[1])), self._single(self._worth(tree[2]))
        if kind == "&":
            return _words(left) + _words(right)
        if kind in _COMPARED:
            return _compare(kind, left, right)
        return _calculated(kind, _number(left), _number(right))

    def _single(self, found: Any) -> Any:
        if not isinstance(found, Area):
            return found
        if len(found) == 1 and len(found[0]) == 1:
            return found[0][0]
        raise Unknown("range")

    def _range(self, text: str) -> Area:
        name, _sign, cells = text.rpartition("!")
        sheet = name.strip("'").replace("''", "'") if name else self._place[0]
        ends = [
            (int(row), column_index_from_string(letters.upper())) for letters, row in _CELL.findall(cells)
        ]
        (top, left), (bottom, right) = ends[0], ends[-1]
        if (bottom - top + 1) * (right - left + 1) > 2_000_000:
            raise Unknown(text)
        area = Area(
            [self._values.of((sheet, r, c)) for c in range(left, right + 1)] for r in range(top, bottom + 1)
        )
        area.place = (sheet, top, left)
        return area

    def _call(self, name: str, arguments: Sequence[Any]) -> Any:
        if name == "IF":
            is_so = bool(self._single(self._worth(arguments[0])))
            chosen = arguments[1:2] if is_so else arguments[2:3]
            return self._single(self._worth(chosen[0])) if chosen else is_so
        if name == "IFERROR":
            try:
                return self._single(self._worth(arguments[0]))
            except Fault:
                return self._single(self._worth(arguments[1]))
        if name == "ROW":
            return self._row(arguments)
        if name == "SUBTOTAL":
            return self._subtotal(arguments)
        given = [self._worth(a) for a in arguments]
        if name in _OVER_ALL:
            return _OVER_ALL[name]([v for g in given for v in _flat(g)])
        if name in _OTHERS:
            return _OTHERS[name](*given)
        raise Unknown(name)

    def _row(self, arguments: Sequence[Any]) -> int:
        if not arguments:
            return self._place[1]
        found = self._worth(arguments[0])
        if not isinstance(found, Area):
            raise Unknown("ROW")
        return found.place[1]

    def _subtotal(self, arguments: Sequence[Any]) -> Any:
        kind = _SUBTOTALS.get(int(_number(self._single(self._worth(arguments[0])))) % 100)
        if kind is None:
            raise Unknown("SUBTOTAL")
        found = []
        for argument in arguments[1:]:
            area = self._worth(argument)
            if not isinstance(area, Area):
                raise Unknown("SUBTOTAL")
            sheet, top, left = area.place
            for r, line in enumerate(area):
                for c, value in enumerate(line):
                    if not self._values.is_subtotal((sheet, top + r, left + c)):
                        found.append(value)
        return _OVER_ALL[kind](found)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None or found.end() == at:
            raise Unknown(text[at:])
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _number(value: Any) -> Any:
    if value is None:
        return 0
    if isinstance(value, bool | int | float):
        return value + 0
    try:
        return float(value)
    except ValueError as error:
        raise Fault("#VALUE!") from error


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)


def _calculated(sign: str, left: Any, right: Any) -> Any:
    if sign == "/":
        if not right:
            raise Fault("#DIV/0!")
        return left / right
    if sign == "^":
        return left**right
    return {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](left, right)


def _compare(sign: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        other = left if right is None else right
        empty: Any = "" if isinstance(other, str) else 0
        left, right = (empty if left is None else left), (empty if right is None else right)
    if isinstance(left, str) and isinstance(right, str):
        return _COMPARED[sign](left.casefold(), right.casefold())
    if isinstance(left, str) != isinstance(right, str):
        return {"=": False, "<>": True}.get(sign, isinstance(right, str) == (sign in ("<", "<=")))
    return _COMPARED[sign](left, right)


def _flat(given: Any) -> Iterator[Any]:
    """The values of an argument; a text that is given itself counts, one that stands in a cell does not."""
    if isinstance(given, Area):
        yield from (v for line in given for v in line)
    elif given is not None:
        yield given


def _numbers(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]


def _average(values: Sequence[Any]) -> Any:
    found = _numbers(values)
    if not found:
        raise Fault("#DIV/0!")
    return sum(found) / len(found)


def _round(value: Any, places: Any = 0) -> Any:
    """Half away from nothing, as spreadsheets do."""
    digits = int(_number(_one(places)))
    step = Decimal(1).scaleb(-digits)
    found = Decimal(str(_number(_one(value)))).quantize(step, ROUND_HALF_UP)
    return int(found) if digits <= 0 else float(found)


def _one(given: Any) -> Any:
    if isinstance(given, Area):
        if len(given) != 1 or len(given[0]) != 1:
            raise Unknown("range")
        return given[0][0]
    return given


def _meets(criterion: Any) -> Callable[[Any], bool]:
    """The test that COUNTIF and SUMIF put to each cell."""
    if not isinstance(criterion, str):
        return lambda v: not isinstance(v, str) and v is not None and v == criterion
    found = _CRITERION.fullmatch(criterion)
    sign, said = (found[1] or "=", found[2]) if found else ("=", criterion)
    try:
        wanted = float(said)
    except ValueError:
        if sign not in ("=", "<>"):
            raise Unknown(criterion) from None
        pattern = said.casefold()
        is_equal = sign == "="
        return lambda v: (isinstance(v, str) and fnmatchcase(v.casefold(), pattern)) is is_equal
    if sign == "<>":
        return lambda v: not (isinstance(v, int | float) and v == wanted)
    return lambda v: isinstance(v, int | float) and not isinstance(v, bool) and _COMPARED[sign](v, wanted)


def _count_if(area: Any, criterion: Any) -> int:
    meets = _meets(_one(criterion))
    return sum(1 for v in _flat(area) if meets(v))


def _sum_if(area: Any, criterion: Any, summed: Any = None) -> Any:
    meets = _meets(_one(criterion))
    tested, added = list(_flat(area)), list(_flat(area if summed is None else summed))
    if not isinstance(area, Area) or len(tested) != len(added):
        raise Unknown("SUMIF")
    return sum(_numbers([v for t, v in zip(tested, added, strict=True) if meets(t)]))


def _sum_product(*areas: Any) -> Any:
    columns = [list(_flat(a)) for a in areas]
    if len({len(c) for c in columns}) != 1:
        raise Fault("#VALUE!")
    total: Any = 0
    for values in zip(*columns, strict=True):
        product: Any = 1
        for value in values:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            product *= value if is_number else 0
        total += product
    return total


def _whole(value: Any) -> int:
    found = _number(_one(value))
    return int(found // 1)


_OVER_ALL: Mapping[str, Callable[[list[Any]], Any]] = {
    "SUM": lambda v: sum(_numbers(v)),
    "COUNT": lambda v: len(_numbers(v)),
    "COUNTA": lambda v: sum(1 for each in v if each is not None),
    "AVERAGE": _average,
    "MAX": lambda v: max(_numbers(v), default=0),
    "MIN": lambda v: min(_numbers(v), default=0),
}
_OTHERS: Mapping[str, Callable[..., Any]] = {
    "ROUND": _round,
    "ABS": lambda value: abs(_number(_one(value))),
    "INT": _whole,
    "COUNTIF": _count_if,
    "SUMIF": _sum_if,
    "SUMPRODUCT": _sum_product,
}
_SUBTOTALS = {1: "AVERAGE", 2: "COUNT", 3: "COUNTA", 4: "MAX", 5: "MIN", 9: "SUM"}
