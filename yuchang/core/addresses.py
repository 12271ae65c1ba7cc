"""Addresses of pages, worked out once: Django's ``reverse`` takes longer than writing a table's cell."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse

_NUMBER = 987654321


def address(name: str, *args: Any) -> str:
    """The address of a page, or nothing when no such page exists."""
    if not args:
        return _plain(_routes(), get_script_prefix(), name)
    if len(args) == 1 and isinstance(args[0], int) and args[0] >= 0:
        before, found, after = _numbered(_routes(), get_script_prefix(), name)
        return f"{before}{args[0]}{after}" if found else ""
    return _reversed(name, *args)


def _routes() -> str:
    """The zone's set of routes: an address of one is none of the other."""
    return get_urlconf() or str(settings.ROOT_URLCONF)


@cache
def _plain(_routes: str, _prefix: str, name: str) -> str:
    return _reversed(name)


@cache
def _numbered(_routes: str, _prefix: str, name: str) -> tuple[str, str, str]:
    """What stands before and after the number; the middle is empty when there is no such page."""
    return _reversed(name, _NUMBER).partition(str(_NUMBER))


def _reversed(name: str, *args: Any) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
