"""Small pieces that every page uses."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from yuchang.core import money

register = template.Library()


@register.filter
def yuan(fen: int | None) -> str:
    """Fen as yuan: ``1,234.56``; unknown as a dash."""
    return "—" if fen is None else money.format_yuan(int(fen))


@register.filter
def wan(fen: int | None) -> SafeString:
    """Fen in 万/亿 with the exact amount on hover."""
    if fen is None:
        return format_html("{}", "—")
    return format_html('<span title="¥{}">{}</span>', money.format_yuan(int(fen)), money.format_wan(int(fen)))


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


@register.inclusion_tag("components/status.html")
def status(kind: str, word: str, icon: str = "") -> dict[str, str]:
    """A state as word, colour and icon. ``kind``: good, warn, bad, info, quiet."""
    icons = {"good": "✓", "warn": "!", "bad": "✕", "info": "i", "quiet": "·"}
    return {"kind": kind, "word": word, "icon": icon or icons.get(kind, "·")}
