"""This zone's own keys, and sealing for the other zone.

Signing is Ed25519 as for the audit log, under a key of its own. What must stay secret on its way is
sealed with SM4-GCM under a key that only the receiver can derive (X25519 with a fresh key per bundle,
HKDF-SHA256).
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.environment import secret
from yuchang.core.secrets import KEY_BYTES, Unreadable, sm4_seal, sm4_unseal
from yuchang.core.sequencer import Signer
from yuchang.portal.rules.bundles import Fault, Unfit

NAME = "YUCHANG_BUNDLE_KEY"
_PUBLIC_BYTES = 32


def signer() -> Signer:
    """The key with which this zone signs its bundles."""
    return Signer(Ed25519PrivateKey.from_private_bytes(_seed(b"sign")))


def seal_key() -> str:
    """The public key, in hexadecimal, for which the other zone seals what it sends here."""
    return _raw(_seal_private().public_key()).hex()


def fingerprint(sign_key: str, seal_key_hex: str) -> str:
    """Eight groups of four signs, to be read out on the telephone before a card is trusted."""
    digest = hashlib.sha256(f"{sign_key}:{seal_key_hex}".encode()).hexdigest()[:32]
    return " ".join(digest[at : at + 4] for at in range(0, 32, 4))


def seal(rows: bytes, *, receiver: str, context: str) -> bytes:
    """Sealed for the zone with this public key; ``context`` binds it to its bundle. Raises Unfit."""
    fresh = X25519PrivateKey.generate()
    public = _raw(fresh.public_key())
    try:
        shared = fresh.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(receiver)))
    except ValueError as error:
        raise Unfit(Fault.UNSEALABLE) from error
    return public + sm4_seal(_derive(shared, public, receiver), rows, context.encode())


def unseal(sealed: bytes, *, context: str) -> bytes:
    """The inverse of ``seal`` with this zone's private key. Raises Unfit."""
    public = sealed[:_PUBLIC_BYTES]
    try:
        shared = _seal_private().exchange(X25519PublicKey.from_public_bytes(public))
        return sm4_unseal(_derive(shared, public, seal_key()), sealed[_PUBLIC_BYTES:], context.encode())
    except (Unreadable, ValueError) as error:
        raise Unfit(Fault.UNSEALABLE) from error


def _seed(purpose: bytes) -> bytes:
    return hashlib.sha256(b"yuchang bundle 1\x00" + purpose + b"\x00" + secret(NAME).encode()).digest()


def _seal_private() -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(_seed(b"seal"))


def _raw(key: X25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _derive(shared: bytes, fresh_public: bytes, receiver: str) -> bytes:
    info = b"yuchang intake 1" + fresh_public + bytes.fromhex(receiver)
    return HKDF(hashes.SHA256(), KEY_BYTES, None, info).derive(shared)
