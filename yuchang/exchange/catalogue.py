"""The shipped category tree, read from ``categories.yaml``. Pure."""

from __future__ import annotations

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
