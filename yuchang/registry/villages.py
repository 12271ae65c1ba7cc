"""From the names or the code in a workbook to one village of the importer's own area."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from datetime import date
from typing import Any

from django.db import connection

from yuchang.places.models import Place

_SUFFIXES = ("村民委员会", "社区居民委员会", "居民委员会", "社区居委会", "村委会", "居委会", "社区", "村")
_LEVEL_COLUMN = {1: "province_id", 2: "prefecture_id", 3: "county_id", 4: "township_id", 5: "village_id"}


def core_name(name: str) -> str:
    """A village's name without its suffixes: 支旗村村委会 and 支旗村 and 支旗 are the same."""
    text = unicodedata.normalize("NFKC", name).replace(" ", "")
    while True:
        suffix = next((s for s in _SUFFIXES if text.endswith(s) and len(text) > len(s)), None)
        if suffix is None:
            return text
        text = text.removesuffix(suffix)


class Villages:
    """The villages of one area on one day. ``find`` never looks outside of it."""

    def __init__(self, area: Place, on: date) -> None:
        self.area_name = area.name
        self.by_code: dict[str, tuple[int, int]] = {}
        self.county_of: dict[int, int] = {}
        self.name_of: dict[int, str] = {}
        self._exact: dict[tuple[str, str, str], set[int]] = defaultdict(set)
        self._core: dict[tuple[str, str, str], set[int]] = defaultdict(set)
        self._cache: dict[tuple[str, str, str, str], int | str] = {}
        for row in _villages(area, on):
            self._add(*row)

    def _add(self, pk: int, code: str, name: str, county_id: int, county: str, township: str) -> None:
        self.by_code[code] = (pk, county_id)
        self.county_of[pk] = county_id
        self.name_of[pk] = name
        for c in ("", county):
            for t in ("", township):
                self._exact[c, t, name].add(pk)
                self._core[c, t, core_name(name)].add(pk)

    def find(self, county: str, township: str, village: str, code: str) -> int | str:
        """The village's id, or why there is none: place_missing, place_outside or place_ambiguous."""
        key = (county, township, village, code)
        if key not in self._cache:
            self._cache[key] = self._find(*(unicodedata.normalize("NFKC", k).replace(" ", "") for k in key))
        return self._cache[key]

    def _find(self, county: str, township: str, village: str, code: str) -> int | str:
        if code:
            found = self.by_code.get(code)
            return found[0] if found else "place_outside"
        if not village:
            return "place_missing"
        exact = self._exact.get((county, township, village), set())
        near = self._core.get((county, township, core_name(village)), set())
        for candidates in (exact, near):
            if len(candidates) == 1:
                return next(iter(candidates))
            if candidates:
                return "place_ambiguous"
        return "place_outside"


def _villages(area: Place, on: date) -> list[tuple[Any, ...]]:
    column = _LEVEL_COLUMN[area.level]
    sql = f"""
        SELECT v.id, v.code, v.name, v.county_id, c.name, t.name
        FROM places_place v JOIN places_place c ON c.id = v.county_id
        JOIN places_place t ON t.id = v.township_id
        WHERE v.level = 5 AND v.{column} = %s AND v.valid_from <= %s AND (v.valid_to IS NULL OR v.valid_to >= %s)
    """  # noqa: S608, E501 - the column is one of five names above
    with connection.cursor() as cursor:
        cursor.execute(sql, [area.pk, on, on])
        return list(cursor.fetchall())
