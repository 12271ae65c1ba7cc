"""Sentences of ours that were stored as text, recognised by their message ids and read in English.

For what is stored only as it was said: why a task failed, a notice of an earlier release. What is not
recognised stays as it is; a text that a person typed is never given here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from django.utils.translation import gettext
from django.utils.translation.trans_real import translation

from yuchang.core.language import is_english

CERTAIN = 4
"""So many Chinese signs of its own a sentence with values must have to be known again."""
CHINESE = re.compile("[\u3400-\u9fff]")
_VALUE = re.compile(r"%(?:\((\w+)\))?([sd])")


class Known(NamedTuple):
    """A sentence with values: its message id, what it looks like, how it begins, how many signs it has."""

    words: str
    pattern: re.Pattern[str]
    start: str
    signs: int


@cache
def _known() -> tuple[Known, ...]:
    """Every sentence with values that has an English, the most particular first."""
    found = []
    catalogue = translation("en")._catalog  # type: ignore[attr-defined]  # gettext has no other list of ids
    for words, _english in catalogue.items():
        if not isinstance(words, str) or "\x04" in words or not _VALUE.search(words):
            continue
        literal = _VALUE.split(words)[::3]
        signs = sum(len(CHINESE.findall(part)) for part in literal)
        if signs >= CERTAIN and len(_VALUE.findall(words)) == len({m[0] for m in _VALUE.finditer(words)}):
            found.append(Known(words, _pattern(words), literal[0].replace("%%", "%"), signs))
    return tuple(sorted(found, key=lambda one: (-one.signs, one.words)))


def _pattern(words: str) -> re.Pattern[str]:
    kinds = {"d": r"(-?\d+)", "s": "(.+?)"}
    parts = _VALUE.split(words)
    text = "".join(
        re.escape(parts[i].replace("%%", "%")) + (kinds[parts[i + 2]] if i + 2 < len(parts) else "")
        for i in range(0, len(parts), 3)
    )
    return re.compile(text, re.DOTALL)


def in_own_language(text: str) -> str:
    """A stored sentence of ours, or several one after the other, as the reader's language has them."""
    if not is_english() or not CHINESE.search(text):
        return text
    return _whole(text) or _in_parts(text) or text


def _whole(text: str) -> str:
    """The English of one sentence; empty if it is not known."""
    said = gettext(text)
    if said != text:
        return said
    for one in _known():
        if text.startswith(one.start) and (found := one.pattern.fullmatch(text)):
            return gettext(one.words) % _values(one.words, found)
    return ""


def _values(words: str, found: re.Match[str]) -> dict[str, int | str] | tuple[int | str, ...]:
    given = [
        (name, int(value) if kind == "d" else value)
        for (name, kind), value in zip(_VALUE.findall(words), found.groups(), strict=True)
    ]
    return dict(given) if all(name for name, _value in given) else tuple(value for _name, value in given)


def _in_parts(text: str) -> str:
    """A message with its remedy after it: each known by itself, parted after a full stop."""
    for end in (i + 1 for i, sign in enumerate(text) if sign == "。" and i + 1 < len(text)):
        if (first := _whole(text[:end].strip())) and (rest := in_own_language(text[end:].strip())) != text[
            end:
        ].strip():
            return f"{first} {rest}"
    return ""
