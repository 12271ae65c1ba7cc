"""One list for every page: columns, filters, sort, page size, and what an export of it holds.

A view says once what its list is (``Column``, ``Filter``) and gets a ``Listing`` for the template
``components/list.html``; ``sheets.lists.answer`` writes the same rows and columns as a workbook.
Everything a reader chooses stands in the address bar, so that an address is a saved list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from yuchang.core.money import format_yuan
from yuchang.core.paging import Numbers, Page, Ranges, keyset_page

SIZES = (20, 50, 100, 200)
CHUNK = 500
# What an address says about the list itself and not about its rows.
OWN_KEYS = frozenset({"after", "sort", "cols", "size", "export", "move", "arrange"})


@dataclass(slots=True)  # not frozen: a page makes hundreds, and a frozen one takes five times as long
class Cell:
    """One cell: text, where it leads, its state (``kind`` of ``{% status %}``), a second line, and the
    bare value for a workbook where the text is not it."""

    text: str
    href: str = ""
    is_number: bool = False
    kind: str = ""
    note: str = ""
    raw: Any = None

    @property
    def value(self) -> Any:
        """What a workbook gets."""
        if self.raw is not None:
            return self.raw
        return f"{self.text} {self.note}".strip()


@dataclass(frozen=True)
class Column:
    """One column. ``sort`` names never-null fields that an index serves; ``is_extra``: only when chosen.

    ``unit`` is that of a row's number; a workbook gets it in a column of its own.
    """

    key: str
    head: Any
    cell: Callable[[Any], Cell]
    is_number: bool = False
    sort: tuple[str, ...] = ()
    is_extra: bool = False
    unit: Callable[[Any], Any] | None = None


def text(
    key: str,
    head: Any,
    get: Callable[[Any], Any],
    *,
    href: Callable[[Any], str] | None = None,
    note: Callable[[Any], Any] | None = None,
    sort: tuple[str, ...] = (),
    is_extra: bool = False,
) -> Column:
    """A column of words; ``href`` makes them lead somewhere, ``note`` adds a quiet second line."""

    def cell(row: Any) -> Cell:
        said = get(row)
        return Cell(
            "—" if said in (None, "") else str(said),
            href(row) if href else "",
            note=str(note(row) or "") if note else "",
        )

    return Column(key, head, cell, sort=sort, is_extra=is_extra)


def day(
    key: str,
    head: Any,
    get: Callable[[Any], date | datetime | None],
    *,
    href: Callable[[Any], str] | None = None,
    sort: tuple[str, ...] = (),
    is_extra: bool = False,
) -> Column:
    """A column of days, ``2026-11-21``."""
    return text(key, head, lambda row: day_word(get(row)), href=href, sort=sort, is_extra=is_extra)


def day_word(value: date | datetime | None) -> str:
    """``2026-11-21`` in the country's time; unknown as a dash."""
    if value is None:
        return "—"
    return f"{timezone.localdate(value) if isinstance(value, datetime) else value:%Y-%m-%d}"


def number(
    key: str,
    head: Any,
    get: Callable[[Any], int | None],
    *,
    unit: Callable[[Any], Any] | None = None,
    sort: tuple[str, ...] = (),
    is_extra: bool = False,
) -> Column:
    """A column of whole numbers, perhaps with a unit."""

    def cell(row: Any) -> Cell:
        value = get(row)
        if value is None:
            return Cell("—", is_number=True)
        return Cell(f"{value:,} {unit(row) if unit else ''}".strip(), is_number=True, raw=value)

    return Column(key, head, cell, is_number=True, sort=sort, is_extra=is_extra, unit=unit)


def yuan(
    key: str,
    head: Any,
    get: Callable[[Any], int | None],
    *,
    sort: tuple[str, ...] = (),
    is_extra: bool = False,
) -> Column:
    """A column of money: fen in, yuan shown."""

    def cell(row: Any) -> Cell:
        fen = get(row)
        return (
            Cell("—", is_number=True)
            if fen is None
            else Cell(format_yuan(fen), is_number=True, raw=fen / 100)
        )

    return Column(key, head, cell, is_number=True, sort=sort, is_extra=is_extra)


def state(
    key: str,
    head: Any,
    get: Callable[[Any], Any],
    kind: Callable[[Any], str],
    *,
    sort: tuple[str, ...] = (),
) -> Column:
    """A column of states: word, colour and icon. ``kind`` gives good, warn, bad, info or quiet."""
    return Column(key, head, lambda row: Cell(str(get(row)), kind=kind(row)), sort=sort)


@dataclass(frozen=True)
class Filter:
    """One field of the filter row: with ``options`` a choice (``is_tabs``: a row of links), else a word.

    ``suggestions`` are offered for a word, which may still be any other.
    """

    name: str
    label: Any
    value: str = ""
    options: Sequence[tuple[Any, Any]] = ()
    kind: str = "search"
    is_wide: bool = False
    is_tabs: bool = False
    submits: bool = False
    any_word: Any = ""
    suggestions: Sequence[str] = ()


@dataclass(frozen=True)
class Head:
    """A column's head as shown: ``href`` sorts by it, ``direction`` is up, down or empty."""

    word: str
    is_number: bool
    href: str = ""
    direction: str = ""


@dataclass(frozen=True)
class Listing:
    """A list as one reader sees it now."""

    name: str
    label: str
    request: HttpRequest
    rows: QuerySet[Any] | Ranges[Any]
    order: tuple[str, ...]
    page: Page[Any]
    columns: tuple[Column, ...]
    shown: tuple[Column, ...]
    lines: list[list[Cell]]
    size: int
    sort: str = ""
    filters: tuple[Filter, ...] = ()
    total: int | None = None
    cap: int | None = None
    may_export: bool = True
    prepare: Callable[[list[Any]], Sequence[Any]] = field(default=list)

    @property
    def heads(self) -> list[Head]:
        """The heads of the columns shown, with the addresses that sort by them."""
        return [self._head(column) for column in self.shown]

    def _head(self, column: Column) -> Head:
        if not column.sort:
            return Head(str(column.head), column.is_number)
        direction = {column.key: "up", f"-{column.key}": "down"}.get(self.sort, "")
        wanted = f"-{column.key}" if direction == "up" else column.key
        return Head(str(column.head), column.is_number, self.address(sort=wanted), direction)

    def address(self, **changes: Any) -> str:
        """This list's address from its first page, some of its choices changed."""
        query = self.request.GET.copy()
        for key in ("after", "export", "arrange"):
            query.pop(key, None)
        for key, value in changes.items():
            query.pop(key, None)
            if value not in (None, ""):
                query[key] = str(value)
        return f"?{query.urlencode()}"

    @property
    def query(self) -> str:
        """What the address says, without the page: what a saved list keeps."""
        return self.address()[1:]

    @property
    def tabs(self) -> list[tuple[Filter, list[tuple[str, str, bool]]]]:
        """The filters that are rows of links: each with (word, address, whether it is the present one)."""
        return [
            (
                f,
                [
                    (str(word), self.address(**{f.name: value}), str(value) == f.value)
                    for value, word in ([("", f.any_word), *f.options] if f.any_word else f.options)
                ],
            )
            for f in self.filters
            if f.is_tabs
        ]

    @property
    def fields(self) -> list[Filter]:
        """The filters that are fields of a form."""
        return [f for f in self.filters if not f.is_tabs]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the filter form must carry along: everything that is no field of it."""
        return self._others({f.name for f in self.fields} | {"after", "export", "arrange"})

    @property
    def kept_beside_columns(self) -> list[tuple[str, str]]:
        """What the form of the columns must carry along."""
        return self._others({"cols", "after", "export", "arrange"})

    @property
    def kept_beside_size(self) -> list[tuple[str, str]]:
        """What the form of the page size must carry along."""
        return self._others({"size", "after", "export", "arrange"})

    def _others(self, own: set[str]) -> list[tuple[str, str]]:
        return [(k, v) for k, values in self.request.GET.lists() if k not in own for v in values if v]

    @property
    def is_narrowed(self) -> bool:
        """Whether the reader has narrowed the list."""
        return any(v for k, v in self.request.GET.items() if k not in OWN_KEYS)

    @property
    def choices(self) -> list[tuple[Column, bool]]:
        """Every column, and whether it is shown: those shown in their order, then the others."""
        others = [column for column in self.columns if column not in self.shown]
        return [(column, True) for column in self.shown] + [(column, False) for column in others]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The page sizes to choose from."""
        return tuple(sorted({*SIZES, self.size}))

    @property
    def workbook_heads(self) -> list[str]:
        """The heads of ``everything``'s columns."""
        found: list[str] = []
        for column in self.shown:
            found.append(str(column.head))
            if column.unit:
                found.append(_("计量单位"))
        return found

    def everything(self) -> Iterator[list[Any]]:
        """Every row of the list in its order and with its columns, page after page, for a workbook."""
        cursor = ""
        while True:
            page = keyset_page(self.rows, order=self.order, cursor=cursor, size=CHUNK)
            for line in self.prepare(page.items):
                yield [value for column in self.shown for value in _values(column, line)]
            if not page.next:
                return
            cursor = page.next


def _values(column: Column, row: Any) -> list[Any]:
    """What a workbook gets of a row: the bare value, and its unit where rows differ in it."""
    cell = column.cell(row)
    if not column.unit:
        return [cell.value]
    return [cell.value, "" if cell.raw is None else str(column.unit(row))]


def listing(
    request: HttpRequest,
    rows: QuerySet[Any] | Ranges[Any],
    columns: Sequence[Column],
    *,
    name: str,
    label: Any,
    order: Sequence[str] = ("-id",),
    size: int = 50,
    prepare: Callable[[list[Any]], Sequence[Any]] | None = None,
    filters: Sequence[Filter] = (),
    total: int | Callable[[], int | None] | None = None,
    cap: int | None = None,
    may_export: bool = True,
    span: Numbers | None = None,
) -> Listing:
    """One page of ``rows`` as the address asks for it: ``sort``, ``cols``, ``size`` and ``after``.

    ``order`` ends in a unique field. ``prepare`` turns the rows of a page into what the columns read,
    in a constant number of queries. ``total`` above ``cap`` is said as "more than"; one to be counted yet is
    counted only when there is another page, and where that says None the first page is known to have more.
    ``span`` is that of ``keyset_page``.
    """
    chosen = tuple(columns)
    _arrange(request)
    sort, wanted = _sort(request, chosen, order)
    size = _size(request, size)
    page = keyset_page(rows, order=wanted, cursor=request.GET.get("after", ""), size=size, span=span)
    make: Callable[[list[Any]], Sequence[Any]] = prepare or list
    shown = _shown(request, chosen)
    if callable(total):
        total = total() if page.next or page.previous else len(page.items)
        if total is None and not page.previous:
            total, cap = len(page.items) + 1, len(page.items)
    return Listing(
        name=name,
        label=str(label),
        request=request,
        rows=rows,
        order=tuple(wanted),
        page=page,
        columns=chosen,
        shown=shown,
        lines=[[column.cell(line) for column in shown] for line in make(page.items)],
        size=size,
        sort=sort,
        filters=tuple(filters),
        total=total,
        cap=cap,
        may_export=may_export,
        prepare=make,
    )


def _sort(request: HttpRequest, columns: Sequence[Column], order: Sequence[str]) -> tuple[str, Sequence[str]]:
    asked = request.GET.get("sort", "")
    for column in columns:
        if column.sort and asked.lstrip("-") == column.key:
            down = asked.startswith("-")
            last = order[-1].lstrip("-")
            wanted = [f"-{f}" if down else f for f in (*column.sort, last)]
            return asked, wanted
    return "", order


def _size(request: HttpRequest, usual: int) -> int:
    asked = request.GET.get("size", "")
    return int(asked) if asked.isdecimal() and int(asked) in SIZES else usual


def _shown(request: HttpRequest, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns that the address names, in its order; else the usual ones."""
    by_key = {c.key: c for c in columns}
    chosen = tuple(by_key[key] for key in _keys(request) if key in by_key)
    return chosen or tuple(c for c in columns if not c.is_extra)


def _keys(request: HttpRequest) -> list[str]:
    return list(dict.fromkeys(k for given in request.GET.getlist("cols") for k in given.split(",")))


def _arrange(request: HttpRequest) -> None:
    """Do what a button of a page without script asks: ``move=key:up`` changes the order of ``cols``."""
    if "move" not in request.GET:
        return
    query = request.GET.copy()
    query.setlist("cols", moved(_keys(request), str(query.pop("move")[-1])))
    query["arrange"] = "1"
    request.GET = QueryDict(query.urlencode())


def moved(keys: Sequence[str], said: str) -> list[str]:
    """The keys with one of them a place further ``up`` or ``down``, as ``key:up`` says."""
    found, (key, _sign, way) = list(keys), said.rpartition(":")
    if key in found:
        at = found.index(key)
        to = at + {"up": -1, "down": 1}.get(way, 0)
        if 0 <= to < len(found):
            found[at], found[to] = found[to], found[at]
    return found
