"""Small pieces that every page uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from yuchang.core import money, phrases, recognising
from yuchang.core.language import is_english
from yuchang.core.lists import Cell

register = template.Library()


@register.filter
def yuan(fen: int | str | None) -> str:
    """Fen as yuan: ``1,234.56``; unknown as a dash, and so is what a template did not find."""
    return "—" if fen is None or fen == "" else money.format_yuan(int(fen))


@register.filter
def wan(fen: int | str | None) -> SafeString:
    """Fen in 万/亿 (in English in millions) with the exact amount on hover."""
    if fen is None or fen == "":
        return format_html("{}", "—")
    short = money.format_wan(int(fen), in_english=is_english())
    return format_html('<span title="¥{}">{}</span>', money.format_yuan(int(fen)), short)


@register.filter
def count(number: int | str | None) -> str:
    """A whole number in groups of three, as everywhere else on the pages: ``19,817``."""
    return "—" if number is None or number == "" else f"{int(number):,}"


@register.filter
def own(text: str) -> str:
    """A stored sentence that we wrote ourselves in the reader's language; a person's as it was typed."""
    return phrases.own_words(text)


@register.filter
def recognised(text: str) -> str:
    """A sentence of ours that was stored as it was said (why a task failed) in the reader's language."""
    return recognising.in_own_language(text)


@register.filter
def zh(text: str) -> str:
    """What stays Chinese in any language, an official text or number: on an English page it says so."""
    if not is_english() or not recognising.CHINESE.search(str(text)):
        return text
    return format_html('<span lang="zh">{}</span>', text)


@register.simple_tag(takes_context=True)
def with_query(context: dict[str, Any], **changes: Any) -> str:
    """The present address's query with some values changed; an empty value removes the key."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return "?" + query.urlencode()


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: dict[str, Any], page: Any) -> dict[str, Any]:
    """Links to the page before and after."""
    return {"request": context["request"], "page": page}


_NUMBER = '<td class="number">'
_SHORT = '<td class="nowrap">'
_RANGE = '<span class="nowrap">{}</span> <span class="nowrap">{}</span>'
_ICONS = {"good": "✓", "warn": "!", "bad": "✕", "info": "i", "quiet": "·"}
_STATE = '<span class="state state-{}"><span class="state-icon" aria-hidden="true">{}</span>{}</span>'


@register.simple_tag
def status(kind: str, word: str, icon: str = "") -> SafeString:
    """A state as word, colour and icon. ``kind``: good, warn, bad, info, quiet."""
    mark = icon or _ICONS.get(kind, "·")
    return SafeString(_STATE.format(escape(str(kind)), escape(mark), conditional_escape(word)))


@register.simple_tag
def list_rows(lines: Iterable[Sequence[Cell]]) -> SafeString:
    """The rows of a list's table: a thousand cells a page, so without a template's look-ups."""
    return SafeString("\n".join(f"<tr>{''.join(map(_cell, line))}</tr>" for line in lines))


@register.simple_tag
def options(pairs: Iterable[tuple[Any, Any]], chosen: str = "") -> SafeString:
    """The choices of a field, (value, word) pairs; some lists have hundreds, so as above."""
    return SafeString("".join(_option(str(value), word, chosen) for value, word in pairs))


@register.simple_tag
def suggestions(words: Iterable[str]) -> SafeString:
    """The words of a ``datalist``; written as above, too."""
    return SafeString("".join(f'<option value="{escape(word)}"></option>' for word in words))


def _option(value: str, word: Any, chosen: str) -> str:
    mark = " selected" if value == chosen else ""
    return f'<option value="{escape(value)}"{mark}>{escape(str(word))}</option>'


def _cell(cell: Cell) -> str:
    word = escape(cell.text)
    if cell.text[10:13] == " — ":  # from a day to a day: broken between them only
        word = _RANGE.format(escape(cell.text[:12]), escape(cell.text[13:]))
    if cell.kind:
        word = _STATE.format(escape(cell.kind), _ICONS.get(cell.kind, "·"), word)
    elif cell.href:
        word = f'<a href="{escape(cell.href)}">{word}</a>'
    opening = _NUMBER if cell.is_number else "<td>"
    if not cell.is_number and not cell.note and _is_short(cell.text):
        opening = _SHORT
    if cell.note:
        word = f'{word} <span class="cell-note">{escape(cell.note)}</span>'
    return f"{opening}{word}</td>"


def _is_short(text: str) -> bool:
    """Words that are not broken over two lines: a few signs, or a day."""
    return len(text) <= 5 or (len(text) == 10 and text[4] == "-")
