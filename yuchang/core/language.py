"""The reader's language, where words stand in both beside each other instead of in a catalogue."""

from __future__ import annotations

from django.utils.translation import get_language


def is_english() -> bool:
    """Whether the reader reads English; everybody else reads Chinese."""
    return (get_language() or "").startswith("en")
