"""The audit log in words: what its codes are called, and its entries found by word or by code.

The words stand in ``log_words.yaml``. The codes stay what the signed log holds; a code without words is
shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from django.db.models import QuerySet

from yuchang.core.models import AuditEntry
from yuchang.core.paging import Ranges
from yuchang.core.queries import entries_for
from yuchang.workbench.queries.sources import in_chinese

CATALOGUE = Path(__file__).parent.with_name("log_words.yaml")
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
        found.actions.update((f"{area}.{name}", _word(pair)) for name, pair in given["actions"].items())
    for kind, given in text["kinds"].items():
        own = given if isinstance(given, dict) else {"": given}
        found.kinds.update(((kind, area and f"{area}."), _word(pair)) for area, pair in own.items())
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
    named = {**known.areas, **known.actions}
    return _called(text, named.items()) or _holding(text, known.actions.items()) or [text]


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

    Words that mean several codes become as many ranges of one index, read no further than a page.
    """
    given = {"object_id": object_id, "actor": actor}
    parts = [
        entries_for(action=code or area, kind=what, **given)
        for code in actions_meant(action)
        for what, area in kinds_meant(kind)
        if not code or code.startswith(area)
    ]
    if not parts:
        return AuditEntry.objects.none()
    return parts[0] if len(parts) == 1 else Ranges(AuditEntry.objects.all(), parts)
