"""Names, codes and distances of places. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088  # mean radius R1 of the GRS 80 ellipsoid, which CGCS2000 uses
LEVELS = (1, 2, 3, 4, 5)
KEY_COLUMNS = {1: "province_id", 2: "prefecture_id", 3: "county_id", 4: "township_id", 5: "village_id"}
LEVEL_DIGITS = {1: 2, 2: 4, 3: 6, 4: 9, 5: 12}
# The statistics bureau's own headings, which no address contains.
HEADINGS = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
KIND_SUFFIXES = ("", "省", "市", "县", "区", "旗", "自治区", "地区", "镇", "乡", "街道", "街道办事处")
VILLAGE_SUFFIXES = (
    "",
    "村",
    "社区",
    "村委会",
    "村村委会",
    "村民委员会",
    "村村民委员会",
    "居委会",
    "社区居委会",
    "居民委员会",
    "社区居民委员会",
)


def short_name(name: str) -> str:
    """A village's name without its committee: 和平村委会 and 和平村民委员会 are 和平村.

    Community committees lose the committee only: 城关社区居委会 is 城关社区.
    """
    if name.endswith("村委会"):
        stem = name[:-3]
    elif name.endswith("村民委员会"):
        stem = name[:-5]
    elif name.endswith("居委会"):
        return name[:-3] or name
    elif name.endswith("居民委员会"):
        return name[:-5] or name
    else:
        return name
    return stem if stem.endswith("村") else stem + "村"


def gram(first: str, second: str = "") -> int:
    """The number under which the search index keeps a pair of neighbouring characters, or one alone.

    Two code points of 16 bits in one signed 32-bit integer. Rarer characters beyond 16 bits may share
    a number with others; whoever searches compares the names themselves afterwards.
    """
    return ((ord(first) & 0xFFFF) << 16 | (ord(second) & 0xFFFF if second else 0)) - 0x8000_0000


def grams_of(name: str, *, alone: Container[str] | None = None) -> list[int]:
    """The pairs and the characters of a name as numbers.

    ``alone`` limits the single characters to some; None keeps all. Repetitions stay: the index
    does not mind.
    """
    codes = [*map(ord, name)]
    if codes and max(codes) > 0xFFFF:
        codes = [c & 0xFFFF for c in codes]
    pairs = [(a << 16 | b) - 0x8000_0000 for a, b in pairwise(codes)]
    return pairs + [gram(c) for c in name if alone is None or c in alone]


def needed_grams(text: str) -> list[int]:
    """What every name containing ``text`` has in the index: its pairs, or its one character."""
    return [gram(a, b) for a, b in pairwise(text)] or [gram(c) for c in text]


def full_code(code: str) -> str:
    """A code of 2, 4, 6, 9 or 12 digits as 12 digits. Raises ValueError for anything else."""
    text = code.strip()
    if not re.fullmatch(r"[0-9]+", text) or len(text) not in LEVEL_DIGITS.values():
        raise ValueError(f"not a division code: {code!r}")
    return text.ljust(12, "0")


def level_of(code: str) -> int:
    """The level that the trailing zeros of a 12-digit code tell: 1 province … 5 village."""
    for level, digits in LEVEL_DIGITS.items():
        if set(code[digits:]) <= {"0"}:
            return level
    return 5


def great_circle_km(longitude_1: float, latitude_1: float, longitude_2: float, latitude_2: float) -> float:
    """The great-circle distance between two points given in degrees, in kilometres (haversine).

    On the ellipsoid the true distance differs by at most 0.6 %.
    """
    phi_1, phi_2 = radians(latitude_1), radians(latitude_2)
    step = sin((phi_2 - phi_1) / 2) ** 2
    step += cos(phi_1) * cos(phi_2) * sin(radians(longitude_2 - longitude_1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, step)))
