"""Words of the think tank for templates."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from yuchang.core.money import format_yuan
from yuchang.partners.lists import STATES, VERDICT_KINDS, VERDICT_WORDS
from yuchang.partners.rules import FEN

register = template.Library()


@register.filter
def promise_kind(state: str) -> str:
    """The colour of a state."""
    more = {"reported": "warn", "confirmed": "good", "refused": "bad", "declined": "bad", "stopped": "bad"}
    return {**STATES, **more}.get(state, "quiet")


@register.filter
def verdict_kind(verdict: str) -> str:
    """The colour of a verdict."""
    return VERDICT_KINDS[verdict]


@register.filter
def verdict_word(verdict: str) -> str:
    """A verdict in words."""
    return str(VERDICT_WORDS[verdict])


@register.simple_tag
def amount(number: int, unit: str) -> str:
    """An amount with its unit; fen as yuan."""
    return f"{format_yuan(number)} {_('元')}" if unit == FEN else f"{number:,} {unit}"
