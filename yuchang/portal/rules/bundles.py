"""The bundle that crosses between the zones: one file, signed, numbered, naming the one before. Pure.

A bundle is a zip with three members: ``manifest.json`` (canonical text: stream, number, hash of the
manifest before, hash and length of the rows), ``signature`` (Ed25519 over the manifest, hexadecimal)
and ``rows`` (JSON lines; sealed for the receiver on the way inside). Nothing of it is believed before
the signature fits a key that a person has accepted.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "yuchang bundle 1"
NOTHING_BEFORE = "0" * 64
# A bundle of a nation's totals stays far below; what is larger is a bomb.
LARGEST = 256 * 1024 * 1024
MEMBERS = ("manifest.json", "signature", "rows")
_SMALL = 64 * 1024


class Fault(StrEnum):
    """Why a bundle is refused."""

    NO_BUNDLE = "no_bundle"
    DAMAGED = "damaged"
    FOREIGN_KEY = "foreign_key"
    WRONG_WAY = "wrong_way"
    GAP = "gap"
    FORK = "fork"
    OTHER_VERSION = "other_version"
    UNSEALABLE = "unsealable"


class Unfit(Exception):
    """A bundle that is refused, with the fault and the numbers that explain it."""

    def __init__(self, fault: Fault, **details: Any) -> None:
        super().__init__(f"{fault} {details}" if details else str(fault))
        self.fault = fault
        self.details = details


@dataclass(frozen=True)
class Manifest:
    """What a bundle says about itself. ``acknowledged``: the number up to which the other stream arrived."""

    stream: str
    number: int
    previous: str
    is_complete: bool
    made_at: str
    key: str
    acknowledged: int
    lines: int
    rows_sha256: str
    rows_bytes: int
    is_sealed: bool
    instance: dict[str, Any] = field(default_factory=dict)
    format: str = FORMAT

    def text(self) -> str:
        """The exact text that is signed."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Opened:
    """A bundle taken apart, nothing of it checked yet but its form."""

    manifest: Manifest
    text: str
    signature: bytes
    rows: bytes

    @property
    def manifest_hash(self) -> str:
        return manifest_hash(self.text)


def manifest_hash(text: str) -> str:
    """How the next bundle names this one."""
    return hashlib.sha256(text.encode()).hexdigest()


def lines_of(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Canonical JSON lines."""
    parts = (
        json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n" for row in rows
    )
    return "".join(parts).encode()


def read_lines(rows: bytes) -> list[dict[str, Any]]:
    """The rows again. Raises Unfit."""
    try:
        found = [json.loads(line) for line in rows.decode().splitlines()]
    except ValueError as error:
        raise Unfit(Fault.DAMAGED) from error
    if not all(isinstance(row, dict) for row in found):
        raise Unfit(Fault.DAMAGED)
    return found


def pack(text: str, signature: bytes, rows: bytes) -> bytes:
    """The file. The same parts give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(MEMBERS, (text.encode(), signature.hex().encode(), rows), strict=True):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def unpack(content: bytes) -> Opened:
    """Take a file apart. Raises Unfit for what is no bundle of this format, or is too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sorted(archive.namelist()) != sorted(MEMBERS):
                raise Unfit(Fault.NO_BUNDLE)
            text = _member(archive, "manifest.json", _SMALL).decode()
            signature = bytes.fromhex(_member(archive, "signature", _SMALL).decode())
            rows = _member(archive, "rows", LARGEST)
        said = json.loads(text)
        manifest = Manifest(**said)
    except (zipfile.BadZipFile, ValueError, TypeError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unfit(Fault.NO_BUNDLE) from error
    if manifest.format != FORMAT or manifest.text() != text:
        raise Unfit(Fault.NO_BUNDLE)
    return Opened(manifest, text, signature, rows)


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """One member, never more than ``most`` bytes, whatever its header says."""
    with archive.open(name) as member:
        content = member.read(most + 1)
    if len(content) > most:
        raise Unfit(Fault.NO_BUNDLE)
    return content


def check(opened: Opened, *, stream: str, public_key: str, own_key: str = "") -> None:
    """Signature, direction and hash of the rows. Raises Unfit; for a bundle of one's own, that it is one."""
    if not _is_signed(opened, public_key):
        is_own = bool(own_key) and _is_signed(opened, own_key)
        raise Unfit(Fault.WRONG_WAY if is_own else Fault.FOREIGN_KEY, key=opened.manifest.key)
    if opened.manifest.stream != stream:
        raise Unfit(Fault.WRONG_WAY)
    said = (opened.manifest.rows_sha256, opened.manifest.rows_bytes)
    if said != (hashlib.sha256(opened.rows).hexdigest(), len(opened.rows)):
        raise Unfit(Fault.DAMAGED)


def _is_signed(opened: Opened, public_key: str) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(opened.signature, opened.text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def is_news(opened: Opened, known: Mapping[int, str]) -> bool:
    """Whether the bundle must be applied; False when exactly this one was applied before.

    ``known`` maps the numbers applied so far to manifest hashes. A complete bundle may follow any
    earlier one, since it replaces everything. Raises Unfit for a gap or a fork.
    """
    manifest, last = opened.manifest, max(known, default=0)
    if manifest.number in known:
        if known[manifest.number] == opened.manifest_hash:
            return False
        raise Unfit(Fault.FORK, number=manifest.number)
    if manifest.number <= last:
        # Passed over by a complete bundle: what it said is old.
        return False
    if manifest.is_complete:
        return True
    if manifest.number > last + 1:
        raise Unfit(Fault.GAP, number=manifest.number, expected=last + 1)
    if manifest.previous != known.get(last, NOTHING_BEFORE):
        raise Unfit(Fault.FORK, number=manifest.number)
    return True
