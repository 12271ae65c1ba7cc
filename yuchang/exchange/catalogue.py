"""The shipped category tree, read from ``categories.yaml``. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

import yaml

CATALOGUE = Path(__file__).with_name("categories.yaml")


class CategoryRow(TypedDict):
    """One row of the category table."""

    code: str
    parent_id: str | None
    name_zh: str
    name_en: str
    unit: str
    unit_en: str
    aliases: list[str]
    radius_km: int | None
    transport_fen_100km: int
    is_leaf: bool
    is_seasonal: bool
    position: int


def read_categories(path: Path = CATALOGUE) -> list[CategoryRow]:
    """Every category, parents first. Raises ValueError for a doubled code or a leaf without unit."""
    rows: list[CategoryRow] = []
    _walk(yaml.safe_load(path.read_text(encoding="utf-8")), None, {}, rows)
    codes = [row["code"] for row in rows]
    doubled = {code for code in codes if codes.count(code) > 1}
    unitless = {row["code"] for row in rows if row["is_leaf"] and not row["unit"]}
    if doubled or unitless:
        raise ValueError(f"categories twice: {sorted(doubled)}; without unit: {sorted(unitless)}")
    return rows


def _walk(
    nodes: dict[str, Any], parent: str | None, inherited: dict[str, Any], rows: list[CategoryRow]
) -> None:
    """Children inherit unit, radius, transport and season from their parent."""
    for key, node in nodes.items():
        code = f"{parent}.{key}" if parent else key
        values = {**inherited, **{k: v for k, v in node.items() if k in _INHERITED}}
        unit = values.get("unit") or ["", ""]
        rows.append(
            CategoryRow(
                code=code,
                parent_id=parent,
                name_zh=node["zh"],
                name_en=node["en"],
                unit=unit[0],
                unit_en=unit[1],
                aliases=[str(alias) for alias in node.get("aliases", [])],
                radius_km=values.get("radius_km"),
                transport_fen_100km=values.get("transport_fen_100km", 0),
                is_leaf="items" not in node,
                is_seasonal=bool(values.get("seasonal", False)),
                position=len(rows),
            )
        )
        _walk(node.get("items", {}), code, values, rows)


_INHERITED = frozenset({"unit", "radius_km", "transport_fen_100km", "seasonal"})


@dataclass(frozen=True)
class Names:
    """The leaves by every name they go by, in small letters, laid out to be looked through at once."""

    owners: dict[str, tuple[int, ...]]
    text: str
    starts: tuple[int, ...]
    leaves: tuple[int, ...]
    codes: tuple[str, ...]

    def found(self, text: str) -> list[str]:
        """The codes of the leaves whose name is the text; then those with it in a name; then those with a
        name, of more than one sign, in the text. Each group in the order of the tree."""
        ranks = dict.fromkeys(self._within(text), 2) | dict.fromkeys(self._holding(text), 1)
        ranks |= dict.fromkeys(self.owners.get(text, ()), 0)
        return [self.codes[leaf] for leaf in sorted(ranks, key=lambda leaf: (ranks[leaf], leaf))]

    def _holding(self, text: str) -> Iterator[int]:
        """Leaves with the text in a name. No name has a line's end, which parts them here."""
        at = -1 if "\n" in text else self.text.find(text)
        while at >= 0:
            name = bisect_right(self.starts, at) - 1
            yield self.leaves[name]
            after = self.starts[name + 1] if name + 1 < len(self.starts) else len(self.text)
            at = self.text.find(text, after)

    def _within(self, text: str) -> Iterator[int]:
        for first in range(len(text)):
            for end in range(first + 2, len(text) + 1):
                yield from self.owners.get(text[first:end], ())


def names(path: Path = CATALOGUE) -> Names:
    """The names as the file has them now; it is read again when it was changed."""
    told = path.stat()
    return _names(path, told.st_mtime_ns, told.st_size)


@lru_cache(maxsize=2)
def _names(path: Path, _changed_ns: int, _size: int) -> Names:
    leaves = [row for row in read_categories(path) if row["is_leaf"]]
    owners: dict[str, tuple[int, ...]] = {}
    starts, owned, text = [], [], ""
    for number, row in enumerate(leaves):
        for name in dict.fromkeys(n.lower() for n in (row["name_zh"], row["name_en"], *row["aliases"])):
            owners[name] = (*owners.get(name, ()), number)
            starts.append(len(text))
            owned.append(number)
            text += f"{name}\n"
    return Names(owners, text, tuple(starts), tuple(owned), tuple(row["code"] for row in leaves))
