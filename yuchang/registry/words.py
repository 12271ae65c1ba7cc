"""Codes in the reader's language: official labels in Chinese, our words in English."""

from __future__ import annotations

from django.utils.translation import get_language

from yuchang.registry.codes import LISTS


def _is_english() -> bool:
    return (get_language() or "").startswith("en")


def word(list_name: str, code: str | None) -> str:
    """The word for a code; an unknown code as it is, none as an empty string."""
    found = LISTS[list_name].by_code().get(code or "")
    if found is None:
        return code or ""
    return found.english if _is_english() else found.label


def choices(list_name: str, empty: str | None = None) -> list[tuple[str, str]]:
    """(code, word) pairs for a form; ``empty`` is the word of the empty choice, if there is one."""
    found = [(c.code, c.english if _is_english() else c.label) for c in LISTS[list_name]]
    return found if empty is None else [("", empty), *found]
