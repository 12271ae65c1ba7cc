"""Sending a delivery: one signed POST, no redirects, to hosts the operator allowed only."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from urllib.parse import urlsplit

from yuchang.api.models import Delivery, Webhook
from yuchang.api.queries import allowed_hosts
from yuchang.api.rules import signature
from yuchang.core import secrets

TIMEOUT_SECONDS = 5.0


def message_of(delivery: Delivery) -> bytes:
    """The body: what happened to which object. Who wants more asks the API, with rights of his own."""
    return json.dumps(
        {
            "id": str(delivery.uid),
            "sequence": delivery.seq,
            "event": delivery.action,
            "object": {"kind": delivery.object_kind, "id": delivery.object_id},
            "at": delivery.happened_at.isoformat(),
        },
        sort_keys=True,
    ).encode()


def send(delivery: Delivery) -> tuple[bool, str]:
    """(taken, answer in a word): taken is any 2xx within five seconds."""
    hook = delivery.webhook
    parts = urlsplit(hook.url)
    if parts.hostname is None or parts.hostname not in allowed_hosts():
        return False, "host not allowed"
    body = message_of(delivery)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "yuchang-webhook",
        "X-Yuchang-Delivery": str(delivery.uid),
        "X-Yuchang-Signature": signature(_secret(hook), int(time.time()), body),
    }
    line = _line(parts.scheme, parts.hostname, parts.port)
    try:
        line.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        status = line.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return False, type(error).__name__
    finally:
        line.close()
    return 200 <= status < 300, str(status)


def _line(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)


def _secret(hook: Webhook) -> str:
    county = hook.county_id or hook.place_id
    return secrets.unseal(county, "webhook.secret", hook.uid, hook.secret_sealed)
