"""Keyset paging: the cost of page 1,000 is the cost of page 1."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.core.errors import Invalid, invalid
from yuchang.core.prepared import prepared

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows, and the cursors of the pages beside them (empty string: there is none)."""

    items: list[M]
    next: str = ""
    previous: str = ""


@dataclass(frozen=True)
class Ranges(Generic[M]):
    """Rows found in several ranges of indexes and put together, for lists in the order of the primary key.

    Each of ``parts`` selects primary keys of ``rows`` in its column ``key``, in a form that one index serves
    in that order; no part is read further than one page needs. So a page costs the same however many rows
    the parts hold, where one condition of many ors would be sorted whole.
    """

    rows: QuerySet[M]
    parts: Sequence[QuerySet[Any]]
    key: str = "pk"

    def first(self, most: int, *, is_newest: bool = True, beyond: Any = None) -> list[M]:
        """The first ``most`` rows after the primary key ``beyond``, newest (or oldest) first.

        Two queries; one where a single part holds the rows themselves.
        """
        sign, step = ("-", "lt") if is_newest else ("", "gt")
        narrow = {} if beyond is None else {f"{self.key}__{step}": beyond}
        parts = [part.filter(**narrow).order_by(sign + self.key) for part in self.parts]
        if self.key == "pk" and len(parts) == 1:
            return list(parts[0][:most])
        found = [
            part.prefetch_related(None).values_list(self.key, flat=True).distinct()[:most] for part in parts
        ]
        numbers = set(found[0].union(*found[1:]) if len(found) > 1 else found[0]) if found else set()
        chosen = sorted(numbers, reverse=is_newest)[:most]
        rows = self.rows.in_bulk(chosen) if chosen else {}
        return [rows[number] for number in chosen if number in rows]


def encode_cursor(values: Sequence[Any], backwards: bool = False) -> str:
    """Pack the sort values of one row into text fit for an address."""
    text = json.dumps([backwards, [str(v) if v is not None else None for v in values]], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> tuple[bool, list[Any]]:
    """Unpack a cursor. Raises Invalid when it is not one of ours."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        backwards, values = json.loads(text)
        if not isinstance(values, list) or len(values) != length or not isinstance(backwards, bool):
            raise ValueError
        if any("\x00" in value.encode().decode() for value in values if value is not None):
            raise ValueError
    except (ValueError, TypeError, AttributeError) as error:
        raise _not_ours() from error
    return backwards, values


def _not_ours() -> Invalid:
    return invalid("after", _("翻页位置无效。"), _("请从第一页重新打开列表。"))


def _beyond(fields: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows strictly after ``values`` in the order of ``fields`` (a leading ``-`` is descending)."""
    condition = Q()
    for i in range(len(fields)):
        step = Q()
        for field, value in zip(fields[:i], values[:i], strict=True):
            step &= Q(**{field.lstrip("-"): value})
        name = fields[i].lstrip("-")
        step &= Q(**{f"{name}__{'lt' if fields[i].startswith('-') else 'gt'}": values[i]})
        condition |= step
    return condition


def _flip(field: str) -> str:
    return field[1:] if field.startswith("-") else f"-{field}"


def keyset_page(
    rows: QuerySet[M] | Ranges[M],
    *,
    order: Sequence[str],
    cursor: str = "",
    size: int = 50,
    span: Numbers | None = None,
) -> Page[M]:
    """One page of ``rows`` in ``order``, which must end in a unique, never-null field.

    Constant cost: reads ``size`` + 1 rows. Raises Invalid for a cursor that is not ours. ``span`` is
    for rows in the order of their numbers that no index delivers in it (a search): then they are read window
    by window, each as wide as what was found so far makes it likely to be enough, instead of all found and
    sorted.
    """
    backwards, values = decode_cursor(cursor, len(order)) if cursor else (False, [])
    direction = [_flip(f) for f in order] if backwards else list(order)
    try:
        found = _read(rows, direction, values, size + 1, span)
    except (ValueError, TypeError, ValidationError) as error:
        if not values:
            raise
        raise _not_ours() from error
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Page([])

    def key(row: M, back: bool) -> str:
        return encode_cursor([_value(row, f) for f in order], back)

    has_next, has_previous = (True, more) if backwards else (more, bool(values))
    return Page(
        found,
        next=key(found[-1], False) if has_next else "",
        previous=key(found[0], True) if has_previous else "",
    )


def _read(
    rows: QuerySet[M] | Ranges[M],
    direction: list[str],
    values: list[Any],
    count: int,
    span: Numbers | None,
) -> list[M]:
    """The first rows beyond ``values``. Raises ValueError and the like where the fields refuse the values."""
    is_down = direction[0].startswith("-")
    if isinstance(rows, Ranges):
        return rows.first(count, is_newest=is_down, beyond=values[0] if values else None)
    if values:
        bound = {f"{direction[0].lstrip('-')}__{'lte' if is_down else 'gte'}": values[0]}
        rows = rows.filter(**bound).filter(_beyond(direction, values))
    ordered = rows.order_by(*direction)
    if span and len(direction) == 1:
        return _by_windows(ordered, span, values, count, is_down=is_down)
    return list(ordered[:count])


WINDOW, LEAP = 16_384, 64
"""Numbers in the first window, and how many times wider the next one is where it holds nothing."""


class Numbers(NamedTuple):
    """The first and the last number where a search looks, and how many numbers it reads at first."""

    first: int
    last: int
    window: int = WINDOW


def _by_windows(
    ordered: QuerySet[M], span: Numbers, after: Sequence[Any], count: int, *, is_down: bool
) -> list[M]:
    low, high, width = span
    if after:
        low, high = (low, min(high, int(after[0]) - 1)) if is_down else (max(low, int(after[0]) + 1), high)
    found: list[M] = []
    seen = 0
    while low <= high and len(found) < count:
        width = min(width, high - low + 1)
        first = high - width + 1 if is_down else low
        found += ordered.filter(pk__gte=first, pk__lt=first + width)[: count - len(found)]
        low, high = (low, first - 1) if is_down else (first + width, high)
        seen += width
        width = _next_window(width, seen, len(found), count)
    return found


def _next_window(width: int, seen: int, found: int, wanted: int) -> int:
    """How many numbers to read after ``found`` of ``wanted`` rows were among the ``seen`` ones.

    As many as should hold the rest, and half as many again to be sure; twice the last window at least, so
    that the windows stay few however the rows lie.
    """
    if not found:
        return width * LEAP
    return max(2 * width, 3 * seen * (wanted - found) // (2 * found))


NEIGHBOURS = 16
"""Numbers of which at least every sixteenth is asked for are neighbours."""


class Among(Generic[M]):
    """A prepared question for the rows with one of many numbers in an indexed ``column``.

    Neighbours, as on a page of a list, are read in one sweep of the index instead of each from its root,
    whose depth grows with the table. ``rows_of`` gives the query set to choose from; its arguments are those
    of ``prepared``.
    """

    def __init__(self, column: str, rows_of: Callable[..., QuerySet[M]]) -> None:
        def each(numbers: Any, *values: Any, **fixed: Any) -> QuerySet[M]:
            return rows_of(*values, **fixed).filter(**{f"{column}__any": numbers})

        def swept(numbers: Any, first: Any, last: Any, *values: Any, **fixed: Any) -> QuerySet[M]:
            rows = rows_of(*values, **fixed).filter(**{f"{column}__gte": first, f"{column}__lte": last})
            # A sum is no column: no index is tempted to look each of them up after all.
            asked: Any = rows.alias(number_asked=F(column) + 0)
            found: QuerySet[M] = asked.filter(number_asked__any=numbers)
            return found

        self._each, self._swept = prepared(each), prepared(swept)

    def __call__(self, numbers: Iterable[int], *values: Any, **fixed: Any) -> list[M]:
        """The rows, in the order of the query set. One query; none without a number."""
        wanted = sorted(set(numbers))
        if not wanted:
            return []
        if wanted[-1] - wanted[0] >= NEIGHBOURS * len(wanted):
            return self._each(wanted, *values, **fixed)
        return self._swept(wanted, wanted[0], wanted[-1], *values, **fixed)


def _value(row: Model, field: str) -> Any:
    value: Any = row
    for part in field.lstrip("-").split("__"):
        value = getattr(value, part)
    return value
