"""Codes as words in templates."""

from __future__ import annotations

from django import template

from yuchang.registry.words import word

register = template.Library()


@register.filter
def code(value: str | None, list_name: str) -> str:
    """``{{ household.main_cause|code:"cause" }}``: the word in the reader's language."""
    return word(list_name, value)
