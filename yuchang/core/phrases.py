"""Sentences of ours that are stored: kept as words and values, read in the reader's language.

A text that a person typed is stored as it is. What the platform itself writes into a table is a ``Phrase``:
its Chinese message id and what is filled in. The Chinese text may be stored beside it, for whoever reads
the table without us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, override

from yuchang.core.language import is_english

CHINESE = "zh-hans"


@dataclass(frozen=True)
class Both:
    """A name that has one form in each language, such as a category's or a unit's."""

    zh: str
    en: str

    def __str__(self) -> str:
        return shown(kept(self))


@dataclass(frozen=True)
class Phrase:
    """A message id with its values: text, numbers, names in both languages, or phrases again."""

    words: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return shown(kept(self))


def said(words: str, **values: Any) -> Phrase:
    """A sentence to be stored; ``words`` is its message id with ``%(name)s`` where a value stands."""
    return Phrase(words, values)


def label(choice: Promise | str) -> Phrase:
    """The word of a choice or another lazy text: in Chinese it is its own message id."""
    return Phrase(in_chinese(choice))


def in_chinese(text: object) -> str:
    """A text as a reader of Chinese sees it, whatever the present language."""
    with override(CHINESE):
        return str(text)


def kept(text: object) -> Any:
    """A text as JSON: what was typed as a string, a phrase with all that ``shown`` needs."""
    if isinstance(text, Phrase):
        values = {name: kept(value) for name, value in text.values.items()}
        return {"say": text.words, "with": values} if values else {"say": text.words}
    if isinstance(text, Both):
        return {"zh": text.zh, "en": text.en}
    return text if isinstance(text, int) else str(text)


def shown(stored: Any) -> str:
    """What ``kept`` stored, in the present language. Values may also be a list, in the order of the words."""
    if not isinstance(stored, dict):
        return str(stored)
    if "say" not in stored:
        return str(stored["en" if is_english() else "zh"])
    given = stored.get("with")
    if not given:
        return gettext(stored["say"])
    if isinstance(given, list):
        return gettext(stored["say"]) % tuple(_value(one) for one in given)
    return gettext(stored["say"]) % {name: _value(one) for name, one in given.items()}


def _value(stored: Any) -> int | str:
    return stored if isinstance(stored, int) else shown(stored)


_OURS: dict[str, re.Pattern[str]] = {}
_PLACE = re.compile(r"%\\\((\w+)\\\)s")


def ours(words: str) -> str:
    """Note a sentence that we write where a person might have: stored in Chinese, read by ``own_words``.

    ``words`` is its message id; ``%(name)s`` stands where a value was filled in. Returns it as it is.
    """
    _OURS[words] = re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(words)), re.DOTALL)
    return words


def own_words(text: str) -> str:
    """A stored text in the reader's language if it is a sentence of ours (``ours``), else as it was typed."""
    if not text or not is_english():
        return text
    for words, pattern in _OURS.items():
        if found := pattern.fullmatch(text):
            return gettext(words) % found.groupdict() if found.groupdict() else gettext(words)
    return text
