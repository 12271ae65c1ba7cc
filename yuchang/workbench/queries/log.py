"""The audit log in words: what its codes are called, and its entries found by word or by code.

The words stand in ``log_words.yaml``. The codes stay what the signed log holds; a code without words is
shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import TypeVar

import yaml
from django.db.models import Q, QuerySet

from yuchang.core.models import AuditEntry
from yuchang.core.paging import Ranges
from yuchang.core.queries import entries_for
from yuchang.workbench.queries.sources import in_chinese

CATALOGUE = Path(__file__).parent.with_name("log_words.yaml")
MOST_PARTS = 64
CODE = re.compile(r"[a-z_]+\.[a-z_]*")

K = TypeVar("K")
Word = tuple[str, str]
"""Chinese and English."""


@dataclass(frozen=True)
class Words:
    """What codes are called. ``areas`` have codes that end in a dot; a kind is (code, area or nothing)."""

    areas: dict[str, Word]
    actions: dict[str, Word]
    kinds: dict[tuple[str, str], Word]


@cache
def words() -> Words:
    """The catalogue, read once."""
    text = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    found = Words({}, {}, {})
    for area, given in text["areas"].items():
        found.areas[f"{area}."] = _word(given["name"])
        for name, pair in given["actions"].items():
            found.actions[f"{area}.{name}"] = _word(pair)
    for kind, given in text["kinds"].items():
        own = given if isinstance(given, dict) else {"": given}
        for area, pair in own.items():
            found.kinds[(kind, area and f"{area}.")] = _word(pair)
    return found


def _word(pair: list[str]) -> Word:
    chinese, english = pair
    return chinese, english


def _said(word: Word | None, code: str) -> str:
    return code if word is None else word[0 if in_chinese() else 1]


def action_word(action: str) -> str:
    """What an action is called in the reader's language."""
    return _said(words().actions.get(action), action)


def kind_word(kind: str, action: str) -> str:
    """What an entry of ``action`` is about, in the reader's language."""
    area = action.partition(".")[0] + "."
    known = words().kinds
    return _said(known.get((kind, area)) or known.get((kind, "")), kind)


def action_choices() -> list[str]:
    """Every word that the log can be searched by: the areas, then the actions."""
    known = words()
    return [_said(word, "") for word in (*known.areas.values(), *known.actions.values())]


def kind_choices() -> list[str]:
    """Every word for what an entry is about."""
    return [_said(word, "") for word in words().kinds.values()]


def actions_meant(text: str) -> list[str]:
    """The codes that a code, an area or words of either language mean; what nobody knows means itself."""
    known = words()
    if not text or CODE.fullmatch(text):
        return [text]
    if area := _called(text, known.areas.items()):
        return [code for code in known.actions if code.startswith(area[0])]
    return _called(text, known.actions.items()) or _holding(text, known.actions.items()) or [text]


def kinds_meant(text: str) -> list[tuple[str, str]]:
    """The kinds that a code or words mean, each with the area whose meaning it is (or nothing)."""
    known = words().kinds
    if not text or any(text == kind for kind, _area in known):
        return [(text, "")]
    return _called(text, known.items()) or _holding(text, known.items()) or [(text, "")]


def _called(text: str, named: Iterable[tuple[K, Word]]) -> list[K]:
    wanted = text.casefold()
    return [code for code, word in named if wanted in (word[0], word[1].casefold())]


def _holding(text: str, named: Iterable[tuple[K, Word]]) -> list[K]:
    wanted = text.casefold()
    return [code for code, word in named if wanted in word[0] or wanted in word[1].casefold()]


def found_entries(
    *, action: str = "", kind: str = "", object_id: str = "", actor: str = ""
) -> QuerySet[AuditEntry] | Ranges[AuditEntry]:
    """The entries that match every given filter; ``action`` and ``kind`` are codes or words.

    Words that mean a few codes become as many ranges of one index, read no further than a page; those that
    mean many hold enough of the newest entries to be met in the order of the log.
    """
    given = {"object_id": object_id, "actor": actor}
    codes, kinds = actions_meant(action), kinds_meant(kind)
    if len(codes) * len(kinds) > MOST_PARTS:
        return _broadly(codes, kinds, **given)
    parts = [
        entries_for(action=code or area, kind=what, **given)
        for code in codes
        for what, area in kinds
        if not code or code.startswith(area)
    ]
    if not parts:
        return AuditEntry.objects.none()
    return parts[0] if len(parts) == 1 else Ranges(AuditEntry.objects.all(), parts)


def _broadly(
    codes: list[str], kinds: list[tuple[str, str]], *, object_id: str, actor: str
) -> QuerySet[AuditEntry]:
    one = codes[0] if len(codes) == 1 else ""
    rows = entries_for(action=one, object_id=object_id, actor=actor)
    if not one and codes != [""]:
        rows = rows.filter(action__in=codes)
    if kinds != [("", "")]:
        rows = rows.filter(reduce(or_, (Q(object_kind=k, action__startswith=area) for k, area in kinds)))
    return rows
