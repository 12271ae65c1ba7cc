"""Where the rows and the file of an output are kept: sealed pieces in the database.

One store for all: what the backup holds, what a kill leaves behind and what two machines see is the same.
Every output has a key of its own, sealed under its county's data key.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from yuchang.core import secrets
from yuchang.places.models import Place
from yuchang.sheets.models import Output, OutputPiece

PIECE = 1 << 20
ROWS, FILE = "rows", "file"
_LABEL = "output.key"


def new_key(place: Place, uid: UUID) -> bytes:
    """A fresh random key, sealed for the output with this uid."""
    return secrets.seal(place.county_id or place.pk, _LABEL, uid, os.urandom(secrets.KEY_BYTES).hex())


def _key(output: Output) -> bytes:
    county = output.county_id or output.place_id
    return bytes.fromhex(secrets.unseal(county, _LABEL, output.uid, output.sealed_key))


def _context(output: Output, part: str, number: int) -> bytes:
    return f"{output.uid}:{part}:{number}".encode()


def add_lines(output: Output, number: int, lines: Sequence[Any]) -> None:
    """Store one portion of gathered lines as piece ``number`` of the rows."""
    text = "\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)
    _add(_key(output), output, ROWS, number, zlib.compress(text.encode(), 1))


def lines_of(output: Output) -> Iterator[tuple[bytes, list[Any]]]:
    """The gathered portions in order: (text as hashed, lines)."""
    for content in contents(output, ROWS):
        text = zlib.decompress(content)
        yield text, [json.loads(line) for line in text.splitlines()] if text else []


def store_file(output: Output, path: Path) -> tuple[int, str]:
    """Replace the file's pieces by this file; returns its size and SHA-256."""
    output.pieces.filter(part=FILE).delete()
    digest, size, key = hashlib.sha256(), 0, _key(output)
    with path.open("rb") as stream:
        for number in range(1 << 30):
            content = stream.read(PIECE)
            if not content:
                break
            digest.update(content)
            size += len(content)
            _add(key, output, FILE, number, content)
    return size, digest.hexdigest()


def _add(key: bytes, output: Output, part: str, number: int, content: bytes) -> None:
    sealed = secrets.sm4_seal(key, content, _context(output, part, number))
    OutputPiece.objects.bulk_create([OutputPiece(output=output, part=part, number=number, sealed=sealed)])


def contents(output: Output, part: str) -> Iterator[bytes]:
    """The opened pieces of one part in order, one in memory at a time. Raises Unreadable when altered."""
    key = _key(output)
    numbers = list(output.pieces.filter(part=part).order_by("number").values_list("number", flat=True))
    for number in numbers:
        sealed = output.pieces.values_list("sealed", flat=True).get(part=part, number=number)
        yield secrets.sm4_unseal(key, bytes(sealed), _context(output, part, number))
