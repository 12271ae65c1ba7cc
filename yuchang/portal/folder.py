"""Bundles as files in a folder: a USB stick, or one that both sides reach."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from yuchang.accounts.rules import SYSTEM
from yuchang.core.errors import Conflict
from yuchang.portal.actions.carrying import Tell, apply_bundle, make_bundle, silent
from yuchang.portal.models import Bundle, Stream
from yuchang.portal.queries import own_stream, to_write


@dataclass
class Carried:
    """What one round of carrying did. ``refused`` names each file that did not fit, with the reason."""

    written: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def carry(folder: Path, tell: Tell = silent) -> Carried:
    """Apply the other side's bundles that lie in the folder, in order; then leave ours there.

    Every step can be repeated. Raises Conflict when the other side is not trusted yet.
    """
    done = Carried()
    take_all(folder, done, tell)
    make_bundle(actor=SYSTEM)
    write_all(folder, done)
    return done


def take_all(folder: Path, done: Carried, tell: Tell = silent) -> None:
    """Apply what lies there and was not applied before. The first that does not fit ends the round."""
    theirs = Stream.INTAKE if own_stream() == Stream.PUBLICATIONS else Stream.PUBLICATIONS
    known = Bundle.objects.filter(stream=theirs, is_sent=False)
    newest = max((row.file_name for row in known.only("stream", "number")), default="")
    for path in sorted(folder.glob(f"yuchang-{theirs}-*.zip")):
        if path.name <= newest:  # applied, or passed over by a complete one
            continue
        try:
            applied = apply_bundle(actor=SYSTEM, content=path.read_bytes(), tell=tell)
        except Conflict as conflict:
            done.refused.append(f"{path.name}: {conflict.message}{conflict.remedy}")
            return
        if applied.is_new:
            done.applied.append(path.name)


def write_all(folder: Path, done: Carried) -> None:
    """Leave every bundle that the other side has not confirmed; a file that stands there is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in to_write():
        path = folder / row.file_name
        if not path.exists():
            write_file(path, bytes(row.content or b""))
            done.written.append(row.file_name)


def write_file(path: Path, content: bytes) -> None:
    """The whole file or none: a stick pulled out too early leaves no half bundle under its name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
