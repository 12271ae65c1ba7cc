"""Search over 670,000 places by name, pinyin or code, each kind by an index of its own.

Names and pinyin: one short range of a B-tree per level for exact names and beginnings, and a GIN index
on the numbers of neighbouring characters for what lies in the middle (see ``docs/rules/places.md``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Length

from yuchang.places.models import Place
from yuchang.places.reference import common_characters
from yuchang.places.rules import (
    HEADINGS,
    KEY_COLUMNS,
    KIND_SUFFIXES,
    LEVEL_DIGITS,
    LEVELS,
    VILLAGE_SUFFIXES,
    needed_grams,
    short_name,
)

EXACT, PREFIX, CONTAINED = 0, 1, 2
CANDIDATES = 1_000  # names that contain the text looked at, higher levels first, before the best are chosen
LONGEST = 60
_LETTERS = re.compile(r"[a-z'\s]+")


@dataclass(frozen=True)
class Found:
    """A hit: the place, and how it matched (0 exact, 1 beginning, 2 contained)."""

    place: Place
    rank: int


def search_places(
    text: str, *, within: Place | None = None, levels: Sequence[int] = LEVELS, limit: int = 20
) -> list[Found]:
    """Search by part of a name, full pinyin, pinyin initials or code: best first, then higher levels first.

    Several words narrow the search: the last is looked for, the others must stand in the full name.
    ``within`` limits it to one division, ``levels`` to some levels. Ended divisions come after those
    in force. At most three statements.
    """
    words = unicodedata.normalize("NFKC", text)[:LONGEST].lower().split()
    if not words:
        return []
    rows = Place.objects.filter(**{KEY_COLUMNS[within.level]: within.pk}) if within else Place.objects.all()
    whole = " ".join(words)
    if whole.isdecimal():
        return _best(_by_code(rows, whole, levels, limit), whole, limit)
    if _LETTERS.fullmatch(whole):
        spelt = re.sub(r"[^a-z]", "", whole)
        return _best(_by_pinyin(rows, spelt, levels, limit), spelt, limit)
    for word in words[:-1]:
        rows = rows.filter(full_name__contains=word)
    word = words[-1]
    found = _by_name(rows, word, levels, limit)
    if not found and short_name(word) != word:
        word = short_name(word)
        found = _by_name(rows, word, levels, limit)
    return _best(found, word, limit)


def _by_code(rows: QuerySet[Place], digits: str, levels: Sequence[int], limit: int) -> list[Place]:
    return _union(_ranges_of_code(rows, digits, levels, limit))


def _ranges_of_code(
    rows: QuerySet[Place], digits: str, levels: Sequence[int], limit: int
) -> list[QuerySet[Place]]:
    return [rows.filter(level=level, code__startswith=digits).order_by("code")[:limit] for level in levels]


def _by_pinyin(rows: QuerySet[Place], spelt: str, levels: Sequence[int], limit: int) -> list[Place]:
    return _union(_ranges_of_pinyin(rows, spelt, levels, limit))


def _ranges_of_pinyin(
    rows: QuerySet[Place], spelt: str, levels: Sequence[int], limit: int
) -> list[QuerySet[Place]]:
    return [
        rows.filter(level=level, **{f"{column}__startswith": spelt}).order_by(column, "code")[:limit]
        for level in levels
        for column in ("initials", "pinyin")
    ]


def _by_name(rows: QuerySet[Place], word: str, levels: Sequence[int], limit: int) -> list[Place]:
    found = _union(_ranges_of_name(rows, word, levels, limit))
    if len(found) < limit:
        found += _containing(rows, word, levels, limit)
    if len(found) < limit and 5 in levels and word in common_characters(settings.REFERENCE_DIR):
        # Some villages' one character is not indexed, just because so many have it: a scan soon fills up.
        found += rows.filter(level=5, name__contains=word)[:limit]
    return found


def _ranges_of_name(
    rows: QuerySet[Place], word: str, levels: Sequence[int], limit: int
) -> list[QuerySet[Place]]:
    beginnings = [
        rows.filter(level=level, name__startswith=word).order_by("name", "code")[:limit] for level in levels
    ]
    wholes = [
        rows.filter(level__in=some, name__in=_whole_names(word, some[0])).order_by("name", "code")[:limit]
        for some in ([n for n in levels if n < 5], [n for n in levels if n == 5])
        if some
    ]
    return beginnings + wholes


def _whole_names(word: str, level: int) -> list[str]:
    """The names that someone who types ``word`` means exactly: 宣化 is 宣化区, or the village 宣化村委会."""
    return [word + suffix for suffix in (VILLAGE_SUFFIXES if level == 5 else KIND_SUFFIXES)]


def _containing(rows: QuerySet[Place], word: str, levels: Sequence[int], limit: int) -> list[Place]:
    best = Place.objects.filter(pk__in=_candidates(rows, word, levels).values("pk"))
    ordered = best.order_by("level", F("valid_to").asc(nulls_first=True), Length("name"), "code")
    return list(_slim(ordered)[:limit])


def _candidates(rows: QuerySet[Place], word: str, levels: Sequence[int]) -> QuerySet[Place]:
    containing = rows.filter(grams__contains=needed_grams(word), name__contains=word, level__in=levels)
    return containing[:CANDIDATES]


def _union(parts: Sequence[QuerySet[Place]]) -> list[Place]:
    slim = [_slim(part) for part in parts]
    return list(slim[0].union(*slim[1:], all=True)) if slim else []


def _slim(rows: QuerySet[Place]) -> QuerySet[Place]:
    return rows.defer("grams")


def _best(found: Sequence[Place], word: str, limit: int) -> list[Found]:
    distinct = {place.pk: Found(place, _rank(place, word)) for place in found if place.name not in HEADINGS}
    return sorted(distinct.values(), key=_order)[:limit]


def _order(hit: Found) -> tuple[int, int, bool, int, str]:
    place = hit.place
    return hit.rank, place.level, not place.is_present, len(place.name), place.code


def _rank(place: Place, word: str) -> int:
    if word.isdecimal():
        return EXACT if place.code[: LEVEL_DIGITS[place.level]] == word or place.code == word else PREFIX
    if word.isascii():
        return EXACT if word in (place.initials, place.pinyin) else PREFIX
    if place.name in _whole_names(word, place.level):
        return EXACT
    return PREFIX if place.name.startswith(word) else CONTAINED
