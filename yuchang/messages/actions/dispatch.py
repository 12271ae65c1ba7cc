"""Sending what is queued: taken up under a lease, handed out, recorded; again after a pause when it failed.

At least once: a process killed after the provider took a message and before that was recorded sends it
again when the lease is over, with the same idempotency key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, Hidden
from yuchang.core.secrets import unseal
from yuchang.messages import gateways, queries
from yuchang.messages.actions.codes import INSTANCE_KEY, PAYLOAD
from yuchang.messages.actions.contacts import contact_value
from yuchang.messages.models import Contact, Delivery
from yuchang.messages.rules import LEASE, PAUSES, next_allowed, pause_after

State = Delivery.State
PORTION = 20
_TAKE = """
    UPDATE inbox_delivery SET state = 'sending', attempts = attempts + 1, next_at = %(lease)s
    WHERE id IN (SELECT id FROM inbox_delivery WHERE state IN ('waiting', 'sending') AND next_at <= %(now)s
                 ORDER BY next_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING id
"""


def deliver_due(limit: int = 500) -> int:
    """Send what is due, up to ``limit``. Returns how many were taken up. May be killed at any time."""
    taken = 0
    while taken < limit and (portion := _take(min(PORTION, limit - taken))):
        for delivery in Delivery.objects.filter(pk__in=portion).select_related("message").order_by("pk"):
            _deliver(delivery)
        taken += len(portion)
    return taken


def _take(count: int) -> list[int]:
    """Lease some due deliveries to this process: committed at once, nobody else takes them meanwhile."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"now": now, "lease": now + LEASE, "limit": count})
        return [number for (number,) in cursor.fetchall()]


def _deliver(delivery: Delivery) -> None:
    """One attempt, and its record."""
    if delivery.expires_at is not None and delivery.expires_at <= clock.now():
        return _finish(delivery, State.GIVEN_UP, error="expired")
    if not gateways.is_on(delivery.channel):
        return _finish(delivery, State.OFF, error="channel is off")
    if delivery.attempts > len(PAUSES) + 1:
        return _finish(delivery, State.GIVEN_UP, error=delivery.error or "interrupted")
    if _wait_for_morning(delivery):
        return None
    found = _addressed(delivery)
    if found is None:
        return _finish(delivery, State.GIVEN_UP, error="no proven contact")
    target, parameters = found
    try:
        reference = _hand_out(delivery, target, parameters)
    except gateways.Rejected as refusal:
        return _finish(delivery, State.GIVEN_UP, error=str(refusal))
    except gateways.Trouble as trouble:
        return _try_later(delivery, str(trouble))
    return _finish(delivery, State.SENT, reference=reference)


def _wait_for_morning(delivery: Delivery) -> bool:
    """Put a message off to the end of the person's quiet hours; codes and urgent ones go at once."""
    message = delivery.message
    if message is None or message.is_urgent or delivery.recipient_id is None:
        return False
    wishes, now = queries.preference_of(delivery.recipient_id), timezone.localtime(clock.now())
    allowed = next_allowed(now, wishes.quiet_from, wishes.quiet_to)
    if allowed <= now:
        return False
    rows = Delivery.objects.filter(pk=delivery.pk, state=State.SENDING, attempts=delivery.attempts)
    rows.update(state=State.WAITING, next_at=allowed, attempts=delivery.attempts - 1)
    return True


def _addressed(delivery: Delivery) -> tuple[str, dict[str, str]] | None:
    """To whom, with what parameters; None when the person has no proven contact any more."""
    if delivery.payload is not None:
        stored = json.loads(unseal(INSTANCE_KEY, PAYLOAD, delivery.idempotency_key, delivery.payload))
        return stored["to"], stored["parameters"]
    contacts = Contact.objects.filter(user_id=delivery.recipient_id or 0, channel=delivery.channel)
    contact = contacts.filter(verified_at__isnull=False).first()
    if contact is None or delivery.message is None:
        return None
    due_on = delivery.message.due_on
    count = str(queries.unread_of(delivery.recipient_id or 0))
    return contact_value(contact), {"due_on": due_on.isoformat() if due_on else "", "count": count}


def _hand_out(delivery: Delivery, target: str, parameters: Mapping[str, str]) -> str:
    key = str(delivery.idempotency_key)
    if delivery.channel == Delivery.Channel.EMAIL:
        return gateways.send_email(target, delivery.template, parameters, key=key)
    return gateways.send_sms(target, delivery.template, parameters, key=key)


def _finish(delivery: Delivery, state: State, *, reference: str = "", error: str = "") -> None:
    """Record the end; the payload goes. Whoever lost the lease meanwhile leaves the other's record alone."""
    with write("messages.deliver", SYSTEM) as audit:
        rows = Delivery.objects.filter(pk=delivery.pk, state=State.SENDING, attempts=delivery.attempts)
        rows.update(
            state=state,
            finished_at=clock.now(),
            payload=None,
            provider_reference=reference,
            error=error[:80],
        )
        audit.add("delivery", delivery.pk, channel=delivery.channel, state=state, attempts=delivery.attempts)


def _try_later(delivery: Delivery, error: str) -> None:
    pause = pause_after(delivery.attempts)
    if pause is None:
        return _finish(delivery, State.GIVEN_UP, error=error)
    with write("messages.deliver", SYSTEM) as audit:
        rows = Delivery.objects.filter(pk=delivery.pk, state=State.SENDING, attempts=delivery.attempts)
        rows.update(state=State.WAITING, next_at=clock.now() + pause, error=error[:80])
        audit.add("delivery", delivery.pk, channel=delivery.channel, error=error[:80])
    return None


def retry_delivery(actor: Actor, *, delivery_id: int) -> Delivery:
    """Let a message that was given up, or met a channel that was off, go out once more.

    A code is not sent again: its payload is gone. Raises Hidden, Conflict.
    """
    require(actor, "messages.operate")
    with write("messages.retry_delivery", actor) as audit:
        row = Delivery.objects.select_for_update().filter(pk=delivery_id).first()
        if row is None:
            raise Hidden(_("没有这条发送记录。"))
        if row.state not in (State.GIVEN_UP, State.OFF) or row.message_id is None:
            raise Conflict(
                _("这条记录不能重发。"), remedy=_("只有未送达的消息可重发；验证码请本人重新获取。")
            )
        row.state, row.attempts, row.next_at, row.finished_at = State.WAITING, 0, clock.now(), None
        row.save(update_fields=["state", "attempts", "next_at", "finished_at"])
        audit.add("delivery", row.pk, channel=row.channel)
    return row
