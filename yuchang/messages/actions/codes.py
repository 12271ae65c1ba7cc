"""One-time codes: six digits to a phone number or e-mail address, for minutes and a few tries.

No oracle: whether the target is known to anybody changes neither what is stored, nor the answer, nor
its time. Only what is sent differs (``really``), and that happens later, in the worker.
Life and limits of a code run in real time: a simulated day that stands still would never end them.
"""

from __future__ import annotations

import hmac
import json
import secrets as randomness
import uuid
from contextlib import suppress
from datetime import timedelta

from django.db import connection, transaction
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from yuchang.accounts.factors import real_now
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, invalid
from yuchang.core.secrets import blind_index, seal
from yuchang.messages.models import Delivery, OneTimeCode
from yuchang.messages.rules import (
    CODE_LIFE,
    CODE_TRIES,
    ORIGIN_LIMITS,
    TARGET_LIMITS,
    is_email,
    is_phone,
)

INSTANCE_KEY = 0  # the data key of what belongs to no county
PAYLOAD = "delivery.payload"
KEPT = timedelta(days=2)


def send_code(
    actor: Actor,
    *,
    target: str,
    purpose: str,
    origin: str,
    really: bool = True,
) -> None:
    """Send a fresh code for a purpose (``household.sign_in``, …) to a phone number or e-mail address.

    ``origin`` is where the request came from (the address), for the rate limits. With ``really`` false
    (nobody known has this number) everything happens but the sending. A new code replaces the one before.
    Raises Invalid for what is no number or address, Conflict when codes are asked for too often.
    """
    target = target.strip()
    if not is_phone(target) and not is_email(target):
        raise invalid("phone", _("手机号码格式不对。"), _("请填写 11 位手机号码。"))
    with write("messages.send_code", actor) as audit:
        target_blind, origin_blind = blind_index("code.target", target), blind_index("code.origin", origin)
        _limit(target_blind, origin_blind)
        code, uid, now = f"{randomness.randbelow(10**6):06d}", uuid.uuid4(), real_now()
        OneTimeCode.objects.create(
            uid=uid,
            purpose=purpose,
            target_blind=target_blind,
            address_blind=origin_blind,
            code_hash=_hash(uid, code),
            created_at=now,
            expires_at=now + CODE_LIFE,
        )
        _queue(target, code, really)
        _send_soon()
        audit.add("code", str(uid), purpose=purpose)


def _send_soon() -> None:
    """Somebody sits before the page and waits: wake the worker now, not at the next minute."""
    soon = app.configure_task("messages.deliver", queueing_lock="messages.deliver", queue="messages")
    with suppress(AlreadyEnqueued), transaction.atomic():
        soon.defer(timestamp=0)


def _limit(target: bytes, origin: bytes) -> None:
    """Refuse when the target or the origin asked too often. Locks both, so that a burst is counted."""
    with connection.cursor() as cursor:
        for key in sorted((target, origin)):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(key[:8], "big", signed=True)])
    now, codes = real_now(), OneTimeCode.objects
    for column, key, limits in (
        ("target_blind", target, TARGET_LIMITS),
        ("address_blind", origin, ORIGIN_LIMITS),
    ):
        for window, most in limits:
            if codes.filter(**{column: key}, created_at__gt=now - window)[:most].count() >= most:
                raise Conflict(
                    _("获取验证码过于频繁。"), remedy=_("请过一会儿再试；收不到短信时请联系村干部。")
                )


def _queue(target: str, code: str, really: bool) -> None:
    """The delivery, its payload sealed; for an unknown target one that is finished from the start."""
    now, key = clock.now(), uuid.uuid4()
    minutes = str(int(CODE_LIFE.total_seconds()) // 60)
    text = json.dumps({"to": target, "parameters": {"code": code, "minutes": minutes}})
    sealed = seal(INSTANCE_KEY, PAYLOAD, key, text)
    Delivery.objects.create(
        channel="email" if "@" in target else "sms",
        template="code",
        payload=sealed if really else None,
        idempotency_key=key,
        state=Delivery.State.WAITING if really else Delivery.State.OFF,
        next_at=now,
        expires_at=now + CODE_LIFE,
        created_at=now,
        finished_at=None if really else now,
    )


def check_code(actor: Actor, *, target: str, purpose: str, code: str) -> bool:
    """Whether this is the live code of the target for the purpose; right once, then used up.

    Every wrong try counts, at most five for a code. Call it outside of any transaction of your own:
    a rollback would forget the try. The answer False says nothing about why.
    """
    with write("messages.check_code", actor) as audit:
        rows = OneTimeCode.objects.select_for_update().order_by("-id")
        blind = blind_index("code.target", target.strip())
        row = rows.filter(target_blind=blind, purpose=purpose).first()
        uid = row.uid if row else uuid.UUID(int=0)
        expected = bytes(row.code_hash) if row else bytes(32)
        fits = hmac.compare_digest(_hash(uid, code.strip()), expected)
        is_live = row is not None and row.used_at is None and row.expires_at > real_now()
        is_right = fits and is_live and row is not None and row.tries < CODE_TRIES
        if row is not None and is_live and row.tries < CODE_TRIES:
            row.tries += 1
            row.used_at = real_now() if is_right else None
            row.save(update_fields=["tries", "used_at"])
        audit.add("code", str(uid), purpose=purpose, right=is_right)
    return is_right


def _hash(uid: uuid.UUID, code: str) -> bytes:
    return blind_index(f"code:{uid}", code)


def purge_codes() -> int:
    """Forget codes of more than two days ago. Returns how many."""
    old = OneTimeCode.objects.filter(created_at__lt=real_now() - KEPT)
    with write("messages.purge_codes", SYSTEM) as audit:
        count, _each = old.delete()
        audit.is_bulk_recorded = True
        if count:
            audit.add("code", "-", removed=count)
    return count
