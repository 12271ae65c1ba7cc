"""Secrets in columns: envelope encryption with SM4-GCM, and blind indexes with HMAC-SM3.

Every county has its own data key; the table ``core_datakey`` keeps it wrapped by a master key that
never enters the database. A stored blob is::

    key version (2 bytes) | nonce (12 bytes) | ciphertext and tag (16 bytes longer than the text)

Its associated data are ``label:uid``, so that a blob moved to another column or person is refused.
Who holds the master key is a ``KeyProvider``: software here, a certified module in production.
Changing the master key rewraps the data keys and leaves every blob as it is.
"""

from __future__ import annotations

import hmac as constant_time
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC
from django.db import connection, transaction

from config.environment import existing_secret, secret
from yuchang.core.actions import write
from yuchang.core.audit import Author
from yuchang.core.models import DataKey

MASTER, MASTER_OLD, BLIND = "YUCHANG_MASTER_KEY", "YUCHANG_MASTER_KEY_OLD", "YUCHANG_BLIND_KEY"
KEY_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
_VERSION = struct.Struct(">H")


class Unreadable(Exception):
    """A blob that cannot be opened: altered, moved to another row, or its key is gone."""


class KeyProvider(Protocol):
    """Wraps and unwraps data keys under one master key, in software or in a certified module."""

    @property
    def key_id(self) -> str:
        """Names the master key without revealing it."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes: ...
    def unwrap(self, wrapped: bytes, context: bytes) -> bytes: ...


def hmac_sm3(key: bytes, message: bytes) -> bytes:
    """HMAC with SM3 (GB/T 32905-2016), 32 bytes."""
    code = HMAC(key, hashes.SM3())
    code.update(message)
    return code.finalize()


def sm4_seal(key: bytes, text: bytes, context: bytes) -> bytes:
    """SM4-GCM (GB/T 32907-2016) under a random nonce: nonce | ciphertext | tag."""
    return _sealed(algorithms.SM4(key), os.urandom(NONCE_BYTES), text, context)


def _sealed(keyed: algorithms.SM4, nonce: bytes, text: bytes, context: bytes) -> bytes:
    cipher = Cipher(keyed, modes.GCM(nonce)).encryptor()
    cipher.authenticate_additional_data(context)
    return nonce + cipher.update(text) + cipher.finalize() + cipher.tag


def sm4_unseal(key: bytes, blob: bytes, context: bytes) -> bytes:
    """The inverse of ``sm4_seal``. Raises Unreadable."""
    if len(blob) < NONCE_BYTES + TAG_BYTES:
        raise Unreadable("the sealed value is too short")
    nonce, text, tag = blob[:NONCE_BYTES], blob[NONCE_BYTES:-TAG_BYTES], blob[-TAG_BYTES:]
    cipher = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    cipher.authenticate_additional_data(context)
    try:
        return cipher.update(text) + cipher.finalize()
    except InvalidTag as error:
        raise Unreadable("the sealed value was altered or belongs elsewhere") from error


class SoftwareKey:
    """A master key derived from a configured secret. Shows agility; it is no certified module."""

    def __init__(self, configured: str) -> None:
        material = configured.encode()
        self._key = hmac_sm3(material, b"yuchang wrap 1")[:KEY_BYTES]
        self.key_id = hmac_sm3(material, b"yuchang key id 1").hex()[:16]

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return sm4_seal(self._key, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return sm4_unseal(self._key, wrapped, context)


def current_provider() -> KeyProvider:
    """The master key under which new data keys are wrapped. Read anew each time: it is needed rarely."""
    return SoftwareKey(secret(MASTER))


def provider_for(key_id: str) -> KeyProvider:
    """The configured master key with this id: the current or the retiring one. Raises Unreadable."""
    old = existing_secret(MASTER_OLD)
    for provider in (current_provider(), *([SoftwareKey(old)] if old else [])):
        if constant_time.compare_digest(provider.key_id, key_id):
            return provider
    raise Unreadable(f"no configured master key has the id {key_id}")


# Data keys of this process, by (database, county, version), and the version new blobs take.
_keys: dict[tuple[str, int, int], bytes] = {}
_newest: dict[tuple[str, int], int] = {}


def forget_keys() -> None:
    """Empty this process's cache of unwrapped keys."""
    _keys.clear()
    _newest.clear()
    _blind_code.cache_clear()


def seal(county_id: int, label: str, uid: str | UUID, text: str) -> bytes:
    """Encrypt one text of the county's; ``label`` names the field (``member.id``), ``uid`` the row."""
    return seal_many(county_id, label, [(uid, text)])[0]


def warm(county_id: int) -> None:
    """Have this process know the county's key for new blobs, before it forks or seals in a loop."""
    _newest_key(county_id)


def seal_many(county_id: int, label: str, pairs: Iterable[tuple[str | UUID, str]]) -> list[bytes]:
    """Encrypt many (uid, text) pairs of one county and field, in order.

    The key is read and the nonces are drawn once for all: a sixth less than one by one.
    """
    version, key = _newest_key(county_id)
    prefix, keyed, wanted = _VERSION.pack(version), algorithms.SM4(key), list(pairs)
    noise = os.urandom(NONCE_BYTES * len(wanted))
    nonces = (noise[i : i + NONCE_BYTES] for i in range(0, len(noise), NONCE_BYTES))
    return [
        prefix + _sealed(keyed, nonce, text.encode(), f"{label}:{uid}".encode())
        for nonce, (uid, text) in zip(nonces, wanted, strict=True)
    ]


def unseal(county_id: int, label: str, uid: str | UUID, blob: bytes | memoryview) -> str:
    """Decrypt what ``seal`` made with the same county, label and uid. Raises Unreadable."""
    stored = bytes(blob)
    if len(stored) < _VERSION.size:
        raise Unreadable("the sealed value is too short")
    key = _key(county_id, _VERSION.unpack_from(stored)[0])
    return sm4_unseal(key, stored[_VERSION.size :], f"{label}:{uid}".encode()).decode()


def seal_bytes(county_id: int, label: str, uid: str | UUID, content: bytes) -> bytes:
    """Encrypt bytes of the county's, as ``seal`` does a text."""
    version, key = _newest_key(county_id)
    return _VERSION.pack(version) + sm4_seal(key, content, f"{label}:{uid}".encode())


def unseal_bytes(county_id: int, label: str, uid: str | UUID, blob: bytes) -> bytes:
    """Decrypt what ``seal_bytes`` made with the same county, label and uid. Raises Unreadable."""
    if len(blob) < _VERSION.size:
        raise Unreadable("the sealed value is too short")
    key = _key(county_id, _VERSION.unpack_from(blob)[0])
    return sm4_unseal(key, blob[_VERSION.size :], f"{label}:{uid}".encode())


def blind_index(label: str, text: str) -> bytes:
    """A searchable stand-in for a secret: the same label and text give the same 32 bytes.

    The caller brings the text into one form first. ID numbers can be enumerated, so the key is
    guarded like the data themselves.
    """
    return blind_many(label, [text])[0]


def blind_many(label: str, texts: Iterable[str]) -> list[bytes]:
    """``blind_index`` of many texts of one field, in order."""
    begun = _blind_code().copy()
    begun.update(f"{label}\x00".encode())
    wanted, found = list(texts), dict[str, bytes]()
    for text in wanted:
        if text not in found:  # the last signs of numbers recur
            code = begun.copy()
            code.update(text.encode())
            found[text] = code.finalize()
    return [found[text] for text in wanted]


@lru_cache(maxsize=1)
def _blind_code() -> HMAC:
    """The keyed code before its first byte: a copy costs half of a new one."""
    return HMAC(hmac_sm3(secret(BLIND).encode(), b"yuchang blind index 1"), hashes.SM3())


def key_context(county_id: int, version: int) -> bytes:
    """What a wrapped data key is bound to."""
    return f"datakey:{county_id}:{version}".encode()


@dataclass(frozen=True)
class _Keep:
    """An unwrapped key waiting for its transaction to commit: rolled back, it never existed.

    Django drops it from the connection's commit hooks when the transaction or savepoint is undone.
    """

    place: tuple[str, int, int]
    key: bytes

    def __call__(self) -> None:
        _keys[self.place] = self.key
        county = self.place[:2]
        _newest[county] = max(self.place[2], _newest.get(county, 0))


def _cached(county_id: int, version: int | None) -> tuple[int, bytes] | None:
    """The key of this version, or the newest known to this process, without asking the database."""
    county = (str(connection.settings_dict["NAME"]), county_id)
    if version is not None and (*county, version) in _keys:
        return version, _keys[*county, version]
    waiting = {h.place: h.key for _, h, *_ in connection.run_on_commit if isinstance(h, _Keep)}
    if version is None:
        known = [place[2] for place in waiting if place[:2] == county]
        version = max([*known, _newest.get(county, 0)])
    place = (*county, version)
    key = _keys.get(place) or waiting.get(place)
    return None if key is None else (version, key)


def _key(county_id: int, version: int) -> bytes:
    cached = _cached(county_id, version)
    if cached is not None:
        return cached[1]
    row = DataKey.objects.filter(county_id=county_id, version=version).first()
    if row is None:
        raise Unreadable(f"county {county_id} has no data key of version {version}")
    return _remember(row)


def _newest_key(county_id: int) -> tuple[int, bytes]:
    cached = _cached(county_id, None)
    if cached is not None:
        return cached
    row = _newest_row(county_id)
    if row is None:
        add_data_key(county_id, 1)
        row = _newest_row(county_id)
    assert row is not None  # noqa: S101 - just inserted, by us or by somebody before us
    return row.version, _remember(row)


def _newest_row(county_id: int) -> DataKey | None:
    return DataKey.objects.filter(county_id=county_id).order_by("-version").first()


def add_data_key(county_id: int, version: int) -> None:
    """Store a fresh data key unless this version exists; of two processes at once, one wins for both."""
    provider = current_provider()
    wrapped = provider.wrap(os.urandom(KEY_BYTES), key_context(county_id, version))
    row = DataKey(county_id=county_id, version=version, wrapped=wrapped, master_key_id=provider.key_id)
    DataKey.objects.bulk_create([row], ignore_conflicts=True)


def _remember(row: DataKey) -> bytes:
    key = provider_for(row.master_key_id).unwrap(bytes(row.wrapped), key_context(row.county_id, row.version))
    transaction.on_commit(_Keep((str(connection.settings_dict["NAME"]), row.county_id, row.version), key))
    return key


def rotate_data_key(*, actor: Author, county_id: int) -> int:
    """Let new blobs of the county take a fresh key; old blobs keep theirs. Returns the new version."""
    with write("core.rotate_data_key", actor) as audit:
        newest = _newest_row(county_id)
        version = (newest.version if newest else 0) + 1
        add_data_key(county_id, version)
        _key(county_id, version)
        audit.add("datakey", f"{county_id}:{version}")
    return version


def rotate_master_key(*, actor: Author) -> int:
    """Rewrap every data key that is not yet under the current master key. Returns how many.

    The old master key must still be configured (``YUCHANG_MASTER_KEY_OLD``), or Unreadable is raised
    and nothing changes. Readers go on meanwhile: they find either key.
    """
    provider = current_provider()
    with write("core.rotate_master_key", actor) as audit:
        rows = list(DataKey.objects.exclude(master_key_id=provider.key_id).select_for_update())
        for row in rows:
            context = key_context(row.county_id, row.version)
            key = provider_for(row.master_key_id).unwrap(bytes(row.wrapped), context)
            row.wrapped, row.master_key_id = provider.wrap(key, context), provider.key_id
        DataKey.objects.bulk_update(rows, ["wrapped", "master_key_id"], batch_size=500)
        audit.add("masterkey", provider.key_id, rewrapped=len(rows))
    return len(rows)
