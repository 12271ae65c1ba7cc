"""Search over 670,000 places by name, pinyin or code, each kind by an index of its own.

One short range of a B-tree per level finds whole names and beginnings; a GIN index on the numbers of
neighbouring characters finds what lies in the middle (see ``docs/rules/places.md``). Plain SQL: a search
runs with every key pressed, and composing ten-fold unions costs more than they take.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from yuchang.core.prepared import prepared
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
_COLUMNS = "id, level, code, name, initials, pinyin, valid_to IS NULL AS is_present"

# {filter} narrows to a division or to words of the full name; every value is a parameter.
_RANGE = f"""
    SELECT hit.* FROM unnest(%(levels)s::smallint[]) AS wanted(level) CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM places_place
        WHERE level = wanted.level AND {{column}} LIKE %(beginning)s {{filter}}
        ORDER BY {{column}}, code LIMIT %(limit)s) AS hit"""  # noqa: S608 - column names only
_WHOLE = f"""
    (SELECT {_COLUMNS} FROM places_place
     WHERE level = ANY(%(levels)s::smallint[]) AND name = ANY({{names}}::varchar[]) {{filter}} {{part}}
     ORDER BY level, name, code LIMIT %(limit)s)"""  # noqa: S608
NAME_SQL = " UNION ALL ".join(
    [
        _RANGE.replace("{column}", "name"),
        _WHOLE.replace("{names}", "%(upper_names)s").replace("{part}", "AND level < 5"),
        _WHOLE.replace("{names}", "%(village_names)s").replace("{part}", "AND level = 5"),
    ]
)
PINYIN_SQL = " UNION ALL ".join(_RANGE.replace("{column}", c) for c in ("initials", "pinyin"))
CODE_SQL = _RANGE.replace("{column}", "code")
CONTAINING_SQL = f"""
    SELECT * FROM (
        SELECT {_COLUMNS} FROM places_place
        WHERE grams @> %(grams)s::integer[] AND name LIKE %(anywhere)s
          AND level = ANY(%(levels)s::smallint[]) {{filter}}
        LIMIT {CANDIDATES}) AS candidate
    ORDER BY level, is_present DESC, length(name), code LIMIT %(limit)s"""  # noqa: S608
SCAN_SQL = f"""
    SELECT {_COLUMNS} FROM places_place
    WHERE level = 5 AND name LIKE %(anywhere)s {{filter}} LIMIT %(limit)s"""  # noqa: S608


@dataclass(frozen=True)
class Found:
    """A hit: the place, and how it matched (0 exact, 1 beginning, 2 contained)."""

    place: Place
    rank: int


@dataclass(frozen=True)
class _Hit:
    id: int
    level: int
    code: str
    name: str
    initials: str
    pinyin: str
    is_present: bool

    def rank(self, text: str) -> int:
        if text.isdecimal():
            return EXACT if text in (self.code, self.code[: LEVEL_DIGITS[self.level]]) else PREFIX
        if text.isascii():
            return EXACT if text in (self.initials, self.pinyin) else PREFIX
        if self.name in _whole_names(text, VILLAGE_SUFFIXES if self.level == 5 else KIND_SUFFIXES):
            return EXACT
        return PREFIX if self.name.startswith(text) else CONTAINED


def search_places(
    text: str, *, within: Place | None = None, levels: Sequence[int] = LEVELS, limit: int = 20
) -> list[Found]:
    """Search by part of a name, full pinyin, pinyin initials or code: best first, then higher levels first.

    Several words narrow the search: the last is looked for, the others must stand in the full name.
    ``within`` limits it to one division, ``levels`` to some levels. Ended divisions come after those
    in force. At most four statements.
    """
    words = unicodedata.normalize("NFKC", text)[:LONGEST].replace("\x00", "").lower().split()
    if not words or not levels:
        return []
    values: dict[str, Any] = {"levels": list(levels), "limit": limit}
    narrowing = ""
    if within is not None:
        narrowing += f" AND {KEY_COLUMNS[within.level]} = %(within)s"
        values["within"] = within.pk
    whole = " ".join(words)
    if whole.isdecimal():
        return _best(_hits(CODE_SQL, narrowing, values | {"beginning": f"{whole}%"}), whole, limit)
    if _LETTERS.fullmatch(whole):
        spelt = re.sub(r"[^a-z]", "", whole)
        hits = _hits(PINYIN_SQL, narrowing, values | {"beginning": f"{spelt}%"}) if spelt else []
        return _best(hits, spelt, limit)
    if words[:-1]:
        narrowing += " AND full_name LIKE ALL(%(words)s::varchar[])"
        values["words"] = [f"%{_literal(word)}%" for word in words[:-1]]
    word = words[-1]
    hits = _by_name(word, narrowing, values)
    if not hits and short_name(word) != word:
        word = short_name(word)
        hits = _by_name(word, narrowing, values)
    return _best(hits, word, limit)


def _by_name(word: str, narrowing: str, values: dict[str, Any]) -> list[_Hit]:
    values = values | {
        "beginning": f"{_literal(word)}%",
        "anywhere": f"%{_literal(word)}%",
        "grams": needed_grams(word),
        "upper_names": _whole_names(word, KIND_SUFFIXES),
        "village_names": _whole_names(word, VILLAGE_SUFFIXES),
    }
    limit: int = values["limit"]
    hits = _hits(NAME_SQL, narrowing, values)
    if len({hit.id for hit in hits}) < limit:
        hits += _hits(CONTAINING_SQL, narrowing, values)
    is_common = word in common_characters(settings.REFERENCE_DIR)
    if is_common and 5 in values["levels"] and len({hit.id for hit in hits}) < limit:
        # Villages' characters are not indexed alone when so many have them: a scan soon fills the page.
        hits += _hits(SCAN_SQL, narrowing, values)
    return hits


def _whole_names(word: str, suffixes: Sequence[str]) -> list[str]:
    """The names that someone who types ``word`` means exactly: 宣化 is 宣化区, or the village 宣化村委会."""
    return [word + suffix for suffix in suffixes]


def _literal(text: str) -> str:
    """The text for LIKE, its own % and _ meant as such."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _hits(sql: str, narrowing: str, values: dict[str, Any]) -> list[_Hit]:
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("{filter}", narrowing), values)
        return [_Hit(*row) for row in cursor.fetchall()]


@prepared
def _places(numbers: Any) -> QuerySet[Place]:
    return Place.objects.defer("grams").filter(pk__any=numbers)


def _best(hits: Sequence[_Hit], text: str, limit: int) -> list[Found]:
    ranked = {
        hit.id: (hit.rank(text), hit.level, not hit.is_present, len(hit.name), hit.code, hit.id)
        for hit in hits
        if hit.name not in HEADINGS
    }
    chosen = sorted(ranked.values())[:limit]
    places = {place.pk: place for place in _places([key[-1] for key in chosen])} if chosen else {}
    return [Found(places[key[-1]], key[0]) for key in chosen]
