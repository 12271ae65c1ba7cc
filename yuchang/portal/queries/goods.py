"""Goods in the reader's words: the public zone has no table of categories, but the shipped list of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from yuchang.core.language import is_english
from yuchang.exchange.catalogue import read_categories
from yuchang.portal.models import PublishedGoods


@dataclass(frozen=True)
class Goods:
    """One kind of goods with its title and unit in the reader's language, where we have words for them."""

    row: PublishedGoods
    title: str
    unit: str


@lru_cache(maxsize=1)
def _english() -> tuple[dict[str, str], dict[str, str]]:
    """The English of the shipped categories and of their units."""
    rows = read_categories()
    return {r["name_zh"]: r["name_en"] for r in rows}, {r["unit"]: r["unit_en"] for r in rows}


def in_words(row: PublishedGoods) -> Goods:
    """What a seller named otherwise stays as it was named."""
    if not is_english():
        return Goods(row, row.title, row.unit)
    names, units = _english()
    return Goods(row, names.get(row.title, row.title), units.get(row.unit, row.unit))


def all_in_words(rows: Iterable[PublishedGoods]) -> list[Goods]:
    """``in_words`` of each."""
    return [in_words(row) for row in rows]
