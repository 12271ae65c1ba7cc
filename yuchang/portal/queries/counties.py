"""Counties by name: the public zone has no table of places, but the reference files lie with the program."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from yuchang.places.reference import read_rows
from yuchang.places.rules import full_code

_NO_NAME = ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划")


@lru_cache(maxsize=1)
def counties() -> dict[str, tuple[str, str]]:
    """The name of each county, and the names above it, by 12-digit code."""
    folder = settings.REFERENCE_DIR / "divisions"
    provinces = {row["code"]: row["name"] for row in read_rows(folder / "provinces.csv")}
    prefectures = {row["code"]: row["name"] for row in read_rows(folder / "prefectures.csv")}
    found = {}
    for row in read_rows(folder / "counties.csv"):
        city = prefectures.get(row["code"][:4], "")
        above = provinces.get(row["code"][:2], "") + ("" if city in _NO_NAME else city)
        found[full_code(row["code"])] = (row["name"], above)
    return found


def counties_called(text: str) -> list[str]:
    """The codes of the counties that somebody may mean: by six or twelve digits, or by name.

    A name may be led by those above it, whole or shortened: 成县, 甘肃成县, 陇南市成县.
    """
    said = "".join(text.split())
    if said.isascii() and said.isdigit():
        code = said.ljust(12, "0")
        return [code] if len(said) in (6, 12) and code in counties() else []
    exact = [code for code, (name, _above) in counties().items() if name == said]
    return exact or [
        code
        for code, (name, above) in counties().items()
        if said.endswith(name) and _leads(said.removesuffix(name), above)
    ]


def full_name(code: str) -> str:
    """Province, prefecture and county in one; the code itself where it is unknown."""
    name, above = counties().get(code, (code, ""))
    return above + name


def _leads(said: str, above: str) -> bool:
    """Whether the signs stand in the names above in this order."""
    rest = iter(above)
    return all(sign in rest for sign in said)
