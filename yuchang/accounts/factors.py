"""Second factors, apart from the database: time-based codes (RFC 6238), recovery codes, passkeys (WebAuthn).

Second factors run on real time, also where the working day is simulated: a telephone cannot be told.
"""

from __future__ import annotations

import base64
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fido2.server import Fido2Server
from fido2.webauthn import PublicKeyCredentialRpEntity

STEP_SECONDS, DIGITS, SECRET_BYTES = 30, 6, 20
RECOVERY_CODES = 10
# Without signs that are mistaken for each other when read from paper.
_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"


def real_now() -> datetime:
    """The true instant, for sessions and locks, whatever the simulated day."""
    return datetime.fromtimestamp(time.time(), UTC)


def new_secret() -> str:
    """A random secret of 160 bits in base32, as authenticator programs take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - RFC 6238 says SHA-1


def code_at(secret: str, at: float) -> str:
    """The code of an instant (Unix seconds)."""
    return _totp(secret).generate(int(at)).decode()


def accepted_step(secret: str, code: str, last_step: int, at: float) -> int | None:
    """The step for which the code is right: the present one or a neighbour, and later than the last used."""
    present = int(at) // STEP_SECONDS
    for step in (present, present - 1, present + 1):
        try:
            _totp(secret).verify(code.strip().encode(), step * STEP_SECONDS)
        except InvalidToken:
            continue
        return step if step > last_step else None
    return None


def provisioning_uri(secret: str, username: str, issuer: str) -> str:
    """What the authenticator program reads from the picture."""
    return _totp(secret).get_provisioning_uri(username, issuer)


def picture_of(uri: str) -> str:
    """The QR code as the address of an SVG picture within the page itself."""
    return segno.make(uri, error="m").svg_data_uri(scale=5, border=2)


def new_recovery_codes() -> list[str]:
    """Ten codes of about 50 bits, in two halves for reading."""
    halves = ["".join(secrets.choice(_SIGNS) for _i in range(5)) for _j in range(2 * RECOVERY_CODES)]
    return [f"{halves[i]}-{halves[i + 1]}" for i in range(0, len(halves), 2)]


def passkey_server(host: str, name: str) -> Fido2Server:
    """The relying party of an address; ``host`` without port."""
    return Fido2Server(PublicKeyCredentialRpEntity(name=name, id=host))


def as_json(options: Any) -> dict[str, Any]:
    """The options for the browser, with bytes in base64url."""
    return {"publicKey": _plain(dict(options)["publicKey"])}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.value if hasattr(value, "value") else value
