"""Names of things that a lower domain keeps by number or code only: the domain that has them names them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)
Namer = Callable[[Iterable[Any]], Mapping[Any, str]]
_NAMERS: dict[str, Namer] = {}


def register_namer(kind: str, namer: Namer) -> None:
    """Say how things of a kind are called; the domain does so when it starts."""
    _NAMERS[kind] = namer


def names_of(kind: str, keys: Iterable[Key | None]) -> dict[Key, str]:
    """The names of these numbers or codes, as far as somebody knows them. One query of who knows the kind.

    The caller has checked that the reader may see the things themselves.
    """
    wanted = {key for key in keys if key is not None}
    return dict(_NAMERS[kind](wanted)) if wanted and kind in _NAMERS else {}
