"""Writes: loading the divisions. Everything else about places is read."""

from __future__ import annotations

from collections.abc import Sequence

from yuchang.core.actions import write
from yuchang.core.audit import Author
from yuchang.places.loading import Progress, load_divisions


def load_places(
    *, actor: Author, areas: Sequence[str] | None = None, progress: Progress | None = None
) -> int:
    """Load the shipped divisions and note it in the audit log; returns how many rows were added or changed.

    Needs the owner's database role. ``areas`` and ``progress`` as in ``load_divisions``.
    """
    with write("places.load_places", actor) as audit:
        changed = load_divisions(areas, progress)
        audit.add("reference", "places", areas=list(areas) if areas is not None else "all", rows=changed)
    return changed
