"""Ways out of the house: SMS drivers and e-mail. Nothing goes out unless the operator configured it.

``YUCHANG_SMS_DRIVER``: ``off`` (default), ``console`` and ``file`` (closed-network trials; nothing leaves the
machine), ``http`` (a signed request to the gateway of ``YUCHANG_SMS_URL``). See ``docs/howto/messages.md``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from config.environment import existing_secret
from yuchang.core import clock
from yuchang.core.outbound import Unreachable, post, signature
from yuchang.messages.rules import mask, words_for


class Trouble(Exception):
    """It did not work this time; trying again may help. The text names no recipient and no content."""


class Rejected(Exception):
    """The provider will never take this; trying again is useless."""


class SmsDriver(Protocol):
    """Hands one SMS to a provider."""

    def send_sms(self, phone: str, template: str, params: Mapping[str, str], *, key: str) -> str:
        """Returns the provider's reference. ``key`` makes repeating harmless. Raises Trouble, Rejected."""
        ...


class ConsoleDriver:
    """Prints what would be sent, the number masked. For trials."""

    def send_sms(self, phone: str, template: str, params: Mapping[str, str], *, key: str) -> str:
        _subject, text = words_for(template, dict(params))
        sys.stderr.write(f"SMS to {mask(phone)}: {text}\n")
        return f"console-{key[:8]}"


class FileDriver:
    """Appends what would be sent to a private file (mode 0600), the number masked. For trials."""

    def __init__(self, path: str) -> None:
        self.path = path

    def send_sms(self, phone: str, template: str, params: Mapping[str, str], *, key: str) -> str:
        _subject, text = words_for(template, dict(params))
        at = timezone.localtime(clock.now()).isoformat()
        line = json.dumps({"at": at, "to": mask(phone), "text": text, "key": key}, ensure_ascii=False)
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as handle:
                handle.write(f"{line}\n")
        except OSError as error:
            raise Trouble(f"file: {type(error).__name__}") from error
        return f"file-{key[:8]}"


class HttpDriver:
    """POSTs JSON to one configured address, signed (``core.outbound.signature``), the answer's ``id`` kept.

    TLS is required, but for an address of this machine. Redirects are not followed. 2xx is taken, other 4xx
    than 408, 409, 425 and 429 is refused for good, everything else is tried again.
    """

    def __init__(self, url: str, key_id: str, key: str, templates: Mapping[str, str]) -> None:
        self.parts = urlsplit(url)
        self.key_id, self.key, self.templates = key_id, key, templates
        host = self.parts.hostname or ""
        if self.parts.scheme != "https" and host not in ("127.0.0.1", "localhost", "::1"):
            raise Rejected("http: the address is not https")

    def send_sms(self, phone: str, template: str, params: Mapping[str, str], *, key: str) -> str:
        _subject, text = words_for(template, dict(params))
        content = {
            "phone": phone,
            "template": self.templates.get(template, template),
            "params": dict(params),
            "text": text,
            "idempotency_key": key,
        }
        body = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        status, answer = self._post(body, key)
        if 200 <= status < 300:
            return _reference(answer)
        if 400 <= status < 500 and status not in (408, 409, 425, 429):
            raise Rejected(f"http {status}")
        raise Trouble(f"http {status}")

    def _post(self, body: bytes, key: str) -> tuple[int, bytes]:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": key,
            "X-Yuchang-Key": self.key_id,
            "X-Yuchang-Signature": signature(self.key, int(time.time()), body),
        }
        try:
            return post(self.parts, body, headers, ca_file=settings.SMS_CA_FILE or None)
        except Unreachable as failure:
            raise Trouble(f"http: {failure}") from failure


def _reference(answer: bytes) -> str:
    """The provider's own number for the message, as far as its answer has one."""
    try:
        found = json.loads(answer)
    except ValueError:
        return ""
    return str(found.get("id", ""))[:80] if isinstance(found, dict) else ""


def sms_driver() -> SmsDriver | None:
    """The configured driver; None when SMS is off or its configuration is not whole."""
    if settings.SMS_DRIVER == "console":
        return ConsoleDriver()
    if settings.SMS_DRIVER == "file":
        return FileDriver(settings.SMS_FILE)
    key = existing_secret("YUCHANG_SMS_KEY")
    if settings.SMS_DRIVER == "http" and settings.SMS_URL and settings.SMS_KEY_ID and key:
        return HttpDriver(settings.SMS_URL, settings.SMS_KEY_ID, key, settings.SMS_TEMPLATES)
    return None


def send_sms(phone: str, template: str, params: Mapping[str, str], *, key: str) -> str:
    """Hand one SMS to the configured gateway. Returns its reference. Raises Trouble, Rejected."""
    driver = sms_driver()
    if driver is None:
        raise Rejected("sms is off")
    return driver.send_sms(phone, template, params, key=key)


def email_is_on() -> bool:
    """Whether the operator named a mail server."""
    return bool(settings.EMAIL_HOST)


def send_email(address: str, template: str, params: Mapping[str, str], *, key: str) -> str:
    """Hand one e-mail to the configured server; its Message-ID is the key. Raises Trouble."""
    subject, text = words_for(template, dict(params))
    headers = {"Message-ID": f"<{key}@yuchang>", "Auto-Submitted": "auto-generated"}
    try:
        EmailMessage(f"【渔场】{subject}", text, to=[address], headers=headers).send()
    except OSError as error:  # smtplib's errors are among them
        raise Trouble(f"smtp: {type(error).__name__}") from error
    return key[:80]


def is_on(channel: str) -> bool:
    """Whether a channel leads anywhere."""
    return email_is_on() if channel == "email" else sms_driver() is not None
