"""Loading the divisions shipped in ``reference/`` into the database, by COPY."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Progress = Callable[[str, int, int], None]


def load_divisions(areas: Sequence[str] | None = None, progress: Progress | None = None) -> int:
    """Load the divisions of ``areas`` with their ancestors; returns how many rows were added or changed.

    ``areas``: county codes of 6 digits or province codes of 2; None loads everything. ``progress`` is
    called with (step, done, total). Runs as the owner role. The same load twice changes nothing.
    """
    raise NotImplementedError
