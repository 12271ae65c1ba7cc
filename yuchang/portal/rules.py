"""What may be said in public about groups of households. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# No published group is smaller (a row about fewer households could name one of them).
SMALLEST_GROUP = 10


def join_small_groups(counts: Mapping[str, int], rest: str, smallest: int = SMALLEST_GROUP) -> dict[str, int]:
    """Counts by group, where every group below ``smallest`` has gone into ``rest``.

    When the rest itself would stay too small, the smallest of the other groups joins it, so that
    nothing can be found by subtraction from the total. An empty result means: say nothing.
    """
    kept = {k: n for k, n in counts.items() if n >= smallest and k != rest}
    left = sum(counts.values()) - sum(kept.values())
    while 0 < left < smallest and kept:
        least = min(kept, key=lambda k: (kept[k], k))
        left += kept.pop(least)
    if 0 < left < smallest:
        return {}
    return kept | ({rest: left} if left else {})


def canonical(figures: Mapping[str, Any]) -> str:
    """The one text of published figures, from which their hash is made."""
    return json.dumps(figures, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_hash(figures: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text, in hexadecimal digits."""
    return hashlib.sha256(canonical(figures).encode()).hexdigest()
