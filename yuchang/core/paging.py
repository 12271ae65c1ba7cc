"""Keyset paging: the cost of page 1,000 is the cost of page 1."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.core.errors import Invalid, invalid

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows, and the cursors of the pages beside them (empty string: there is none)."""

    items: list[M]
    next: str = ""
    previous: str = ""


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


def keyset_page(rows: QuerySet[M], *, order: Sequence[str], cursor: str = "", size: int = 50) -> Page[M]:
    """One page of ``rows`` in ``order``, which must end in a unique, never-null field.

    Constant cost: reads ``size`` + 1 rows. Raises Invalid for a cursor that is not ours.
    """
    backwards, values = decode_cursor(cursor, len(order)) if cursor else (False, [])
    direction = [_flip(f) for f in order] if backwards else list(order)
    if values:
        first = direction[0].lstrip("-")
        bound = {f"{first}__{'lte' if direction[0].startswith('-') else 'gte'}": values[0]}
        try:
            rows = rows.filter(**bound).filter(_beyond(direction, values))
        except (ValueError, TypeError, ValidationError) as error:
            raise _not_ours() from error
    found = list(rows.order_by(*direction)[: size + 1])
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


def _value(row: Model, field: str) -> Any:
    value: Any = row
    for part in field.lstrip("-").split("__"):
        value = getattr(value, part)
    return value
