"""Names of things that a lower domain keeps by number only: the domain that has them says what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

Namer = Callable[[Iterable[int]], Mapping[int, str]]
_NAMERS: dict[str, Namer] = {}


def register_namer(kind: str, namer: Namer) -> None:
    """Say how things of a kind are called; the domain does so when it starts."""
    _NAMERS[kind] = namer


def names_of(kind: str, numbers: Iterable[int | None]) -> dict[int, str]:
    """The names of these numbers, as far as somebody knows them. One query of whoever knows the kind.

    The caller has checked that the reader may see the things themselves.
    """
    wanted = {number for number in numbers if number is not None}
    return dict(_NAMERS[kind](wanted)) if wanted and kind in _NAMERS else {}
