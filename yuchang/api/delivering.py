"""Sending a delivery: one signed POST, no redirects, to hosts the operator allowed only."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

from yuchang.api.models import Delivery, Webhook
from yuchang.api.queries import allowed_hosts
from yuchang.core import secrets
from yuchang.core.outbound import Unreachable, post, signature


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
    try:
        status, _answer = post(parts, body, headers)
    except Unreachable as failure:
        return False, str(failure)
    return 200 <= status < 300, str(status)


def _secret(hook: Webhook) -> str:
    county = hook.county_id or hook.place_id
    return secrets.unseal(county, "webhook.secret", hook.uid, hook.secret_sealed)
