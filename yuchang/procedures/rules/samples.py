"""Reproducible samples: who has seed and list draws the same. Pure. See ``docs/rules/samples.md``."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence


def size_of(population: int, share_percent: int) -> int:
    """At least ``share_percent`` of the population, rounded up; one if there is any."""
    return -(-population * share_percent // 100)


def mark_of(seed: str, number: int) -> str:
    """HMAC-SHA-256 of the number's decimal digits under the seed's text, in hex."""
    return hmac.new(seed.encode(), str(number).encode(), hashlib.sha256).hexdigest()


def order(seed: str, population: Iterable[int]) -> list[int]:
    """The population in drawing order: by mark, lowest first (equal marks: lower number first)."""
    return sorted(set(population), key=lambda number: (mark_of(seed, number), number))


def draw(seed: str, population: Sequence[int], share_percent: int) -> list[int]:
    """The first ``size_of`` numbers in drawing order."""
    ordered = order(seed, population)
    return ordered[: size_of(len(ordered), share_percent)]


def population_hash(population: Iterable[int]) -> str:
    """SHA-256 of the numbers in ascending order, one a line: what was drawn from cannot change unseen."""
    text = "\n".join(str(number) for number in sorted(set(population)))
    return hashlib.sha256(text.encode()).hexdigest()
