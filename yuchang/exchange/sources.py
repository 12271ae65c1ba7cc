"""What of the exchange may leave as a file: postings, without anybody's price limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.queries import LEVEL_COLUMNS, place_filter
from yuchang.exchange.models import Direction, Posting
from yuchang.sheets.catalogue import DAY, NUMBER, Ask, Choice, Field, Found


class Postings:
    """One row per posting of the area. The price limit is no field: it never leaves."""

    name = "exchange.postings"
    permission = "exchange.read"
    secret_permission = ""
    fields: Sequence[Field] = (
        Field("number", "编号", NUMBER),
        Field("direction", "供需"),
        Field("owner", "发布者"),
        Field("place", "所在地"),
        Field("category", "品类"),
        Field("quantity", "数量", NUMBER),
        Field("agreed_quantity", "已约数量", NUMBER),
        Field("unit", "单位"),
        Field("window_from", "开始日期", DAY),
        Field("window_to", "截止日期", DAY),
        Field("state", "状态"),
    )

    @property
    def title(self) -> str:
        """As pages call it."""
        return _("供需")

    @property
    def filters(self) -> Sequence[Choice]:
        """Direction and state."""
        return (
            Choice("direction", _("供需"), [(str(v), str(w)) for v, w in Direction.choices]),
            Choice("state", _("状态"), [(str(v), str(w)) for v, w in Posting.State.choices]),
        )

    def canonical(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Only known values narrow."""
        return {
            c.name: query[c.name]
            for c in self.filters
            if query.get(c.name) in {value for value, _w in c.choices}
        }

    def describe(self, narrow: Mapping[str, Any]) -> str:
        """The filter in words."""
        return "、".join(w for c in self.filters for v, w in c.choices if narrow.get(c.name) == v)

    def _rows(self, ask: Ask) -> Any:
        rows = Posting.objects.filter(place_filter(ask.actor, self.permission), **self.canonical(ask.narrow))
        return rows.filter(**{LEVEL_COLUMNS[ask.area.level]: ask.area.pk})

    def total(self, ask: Ask) -> int:
        """How many postings there are."""
        return int(self._rows(ask).count())

    def read(self, ask: Ask, after: int, limit: int) -> list[Found]:
        """The next postings."""
        rows = self._rows(ask).filter(id__gt=after).order_by("id")
        rows = rows.select_related("category", "household", "organisation", "place")[:limit]
        return [Found(p.pk, str(p.pk), [[_value(p, n) for n in ask.fields]], p.place_id) for p in rows]


def _value(posting: Posting, name: str) -> Any:
    if name == "number":
        return posting.pk
    if name == "owner":
        owner = posting.household or posting.organisation or posting.place
        return owner.head_name if owner is posting.household and posting.household else str(owner)
    if name in ("direction", "state"):
        return str(getattr(posting, f"get_{name}_display")())
    if name in ("place", "category"):
        return posting.place.name if name == "place" else posting.category.name_zh
    value = getattr(posting, name)
    return value.isoformat() if name.startswith("window") else value


SOURCES = (Postings(),)
