"""Bytes on disk: the quarantine, and the sealed store. Both lie in a private folder no server serves.

Names are random, files 0600, folders 0700. A file appears whole or not at all: it is written aside, flushed
to the disk, and then gets its name. Disk and database agree by the order of steps: a file is there before
the row that names it commits, and goes after the row's end has committed. A process killed in between leaves
a file without a row, which ``actions.sweep`` removes.
"""

from __future__ import annotations

import os
import secrets as randomness
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

QUARANTINE, SEALED = "quarantine", "sealed"


def folder(kind: str) -> Path:
    """The quarantine or the sealed store, made when missing."""
    path: Path = Path(settings.FILES_DIR) / kind
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def new_name() -> str:
    """A name nobody can guess."""
    return randomness.token_hex(24)


def quarantine_path(name: str) -> Path:
    """Where a file waits to be judged."""
    return folder(QUARANTINE) / _checked(name)


def sealed_path(name: str) -> Path:
    """Where a sealed blob lies: 256 folders by the first two digits."""
    return folder(SEALED) / _checked(name)[:2] / name


def _checked(name: str) -> str:
    if len(name) < 32 or not name.isalnum() or not name.isascii():
        raise ValueError(f"not a name of ours: {name!r}")
    return name


def put(path: Path, content: bytes) -> None:
    """Write a file whole, on the disk before its name is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.part")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    draft.rename(path)
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def remove(path: Path) -> None:
    """Remove a file; none there is fine."""
    with suppress(FileNotFoundError):
        path.unlink()


def old_files(kind: str, older_than_seconds: float) -> Iterator[Path]:
    """Files of the quarantine or the store that nobody touched for so long, drafts included."""
    limit = time.time() - older_than_seconds
    for path in sorted(folder(kind).rglob("*")):
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime <= limit:
                yield path
