"""Every address of a URLconf, as the matrix needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Address:
    """One named address: ``registry:household`` and what it takes."""

    name: str
    view: Callable[..., Any]
    parameters: tuple[str, ...]

    @property
    def permission(self) -> str | None:
        return getattr(self.view, "permission", None)


def addresses(urlconf: str = "config.urls") -> Iterator[Address]:
    """All of them, in order."""
    yield from _walk(get_resolver(urlconf).url_patterns, "", ())


def _walk(patterns: list[Any], namespace: str, outer: tuple[str, ...]) -> Iterator[Address]:
    for pattern in patterns:
        names = outer + tuple(pattern.pattern.converters)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, inner, names)
        elif isinstance(pattern, URLPattern):
            yield Address(f"{namespace}{pattern.name}", pattern.callback, names)
