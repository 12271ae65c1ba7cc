"""The only way a request leaves the house: one POST with a time limit, no redirects, TLS verified, signed."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult

TIMEOUT_SECONDS = 5.0
LONGEST_ANSWER = 16_384


class Unreachable(Exception):
    """No answer came. The text is the kind of failure; it names no address and no content."""


def signature(secret: str, at: int, body: bytes) -> str:
    """The header ``X-Yuchang-Signature``: HMAC-SHA256 over the time (seconds) and the body.

    The receiver refuses times more than five minutes off, and what the body names as sent before.
    """
    code = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={code}"


def post(
    address: SplitResult, body: bytes, headers: Mapping[str, str], *, ca_file: str | None = None
) -> tuple[int, bytes]:
    """(status, the first 16 KiB of the answer). Raises Unreachable.

    ``ca_file``: certificates to trust instead of the system's.
    """
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    line = _line(address, ca_file)
    try:
        line.request("POST", target, body, dict(headers))
        answer = line.getresponse()
        return answer.status, answer.read(LONGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(type(error).__name__) from error
    finally:
        line.close()


def _line(address: SplitResult, ca_file: str | None) -> http.client.HTTPConnection:
    host, port = address.hostname or "", address.port
    if address.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
