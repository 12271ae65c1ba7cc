"""The other zone as one of its bundles shows it, for tests that need no second database."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from yuchang.accounts.rules import SYSTEM
from yuchang.core.sequencer import Signer
from yuchang.portal import keys
from yuchang.portal.actions import make_bundle
from yuchang.portal.models import Peer
from yuchang.portal.rules.bundles import NOTHING_BEFORE, Manifest, pack


def other_zone() -> tuple[int, bytes]:
    """Trust a made-up outside. Returns the number of a bundle for it, and an empty bundle from it."""
    key = Signer(Ed25519PrivateKey.from_private_bytes(b"far side of the two zones in tes"))
    Peer.objects.create(
        name="public", sign_key=key.public_raw.hex(), seal_key=keys.seal_key(), trusted_at=timezone.now()
    )
    bundle = make_bundle(actor=SYSTEM)
    assert bundle is not None
    rows = keys.seal(b"", receiver=keys.seal_key(), context="intake:1")
    text = Manifest(
        stream="intake",
        number=1,
        previous=NOTHING_BEFORE,
        is_complete=False,
        made_at="2026-11-21T10:00:00+08:00",
        key=key.key_id,
        acknowledged=0,
        lines=0,
        rows_sha256=hashlib.sha256(rows).hexdigest(),
        rows_bytes=len(rows),
        is_sealed=True,
    ).text()
    return bundle.number, pack(text, key.sign(text), rows)
