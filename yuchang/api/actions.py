"""Every write of this window's own: tokens, stored replies, webhooks and their deliveries."""

from __future__ import annotations

import hashlib
import secrets as randomness
import string
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.api.models import ApiToken, Delivery, StoredReply, Webhook
from yuchang.api.queries import allowed_hosts, deliveries_of, still_reaches, tokens_for, webhooks_for
from yuchang.api.rules import (
    LONGEST_DAYS,
    OFFERED,
    PREFIX_SIGNS,
    is_wanted,
    joined_token,
    next_attempt,
    secret_hash,
)
from yuchang.core import clock, secrets
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, invalid
from yuchang.core.models import AuditLeaf
from yuchang.places.models import Place, keys_of

_SIGNS = string.ascii_lowercase + string.digits
LEASE = timedelta(minutes=2)
LEAVES_AT_ONCE = 5_000


def issue_token(
    *, actor: Actor, name: str, permissions: Sequence[str], expires_on: date
) -> tuple[ApiToken, str]:
    """A token in the actor's own name (``api.use``); returns the row and the token, shown this once.

    Raises Invalid for permissions the actor does not have, and for more than a year.
    """
    require(actor, "api.use")
    _check_token(actor, name, permissions, expires_on)
    prefix = "".join(randomness.choice(_SIGNS) for _sign in range(PREFIX_SIGNS))
    secret = randomness.token_urlsafe(32)
    with write("api.issue_token", actor) as audit:
        row = ApiToken.objects.create(
            owner_id=_owner(actor),
            name=name.strip(),
            prefix=prefix,
            secret_hash=secret_hash(secret),
            permissions=sorted(set(permissions)),
            issued_at=clock.now(),
            expires_on=expires_on,
        )
        audit.add("api_token", row.pk, prefix=prefix, permissions=row.permissions, until=str(expires_on))
    return row, joined_token(prefix, secret)


def _owner(actor: Actor) -> int:
    if actor.user_id is None:
        raise invalid("name", _("须由具名人员办理。"))
    return actor.user_id


def _check_token(actor: Actor, name: str, permissions: Sequence[str], expires_on: date) -> None:
    problems = []
    if not name.strip():
        problems.append(Problem("name", _("请填写名称。"), _("写明由哪个系统使用。")))
    wrong = [p for p in permissions if p not in OFFERED or not actor.may(p)]
    if wrong or not permissions:
        problems.append(Problem("permissions", _("请至少选择一项您本人具有的权限。")))
    today = clock.today()
    if not today < expires_on <= today + timedelta(days=LONGEST_DAYS):
        message = _("有效期须在明天至 %(days)s 天之内。") % {"days": LONGEST_DAYS}
        problems.append(Problem("expires_on", message))
    if problems:
        raise Invalid(problems)


def revoke_token(*, actor: Actor, token_id: int, version: int | None) -> ApiToken:
    """End a token at once: the owner, or a keeper of accounts. Raises Hidden, Stale, Conflict."""
    with write("api.revoke_token", actor) as audit:
        row = tokens_for(actor).select_for_update(of=("self",)).filter(pk=token_id).first()
        if row is None:
            raise Hidden(_("没有这个令牌。"))
        check_version(row, version)
        if row.revoked_at is not None:
            raise Conflict(_("这个令牌已经停用。"))
        row.revoked_at = clock.now()
        save(row)
        audit.add("api_token", row.pk, prefix=row.prefix)
    return row


def note_use(token: ApiToken) -> None:
    """Remember the day a token was last used; at most one write a day."""
    if token.used_on != clock.today():
        ApiToken.objects.filter(pk=token.pk).update(used_on=clock.today())


# --- replies given again ----------------------------------------------------------------------


def stored_reply(token: ApiToken, key: str, fingerprint: bytes) -> StoredReply | None:
    """The reply given before under this key, in the open transaction; None: go on and ``keep_reply``.

    Of two requests at once, the second waits here for the first. Raises Conflict when the key was
    used for something else.
    """
    with connection.cursor() as cursor:
        name = hashlib.sha256(f"{token.pk}:{key}".encode()).digest()[:8]
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(name, signed=True)])
    row = StoredReply.objects.filter(token=token, key=key).first()
    if row is not None and bytes(row.fingerprint) != fingerprint:
        raise Conflict(_("同一 Idempotency-Key 已用于另一请求。"), remedy=_("请为新的请求换一个键。"))
    return row


def keep_reply(token: ApiToken, key: str, fingerprint: bytes, status: int, body: Any) -> None:
    """Keep a reply beside what it reports, in the same transaction."""
    StoredReply.objects.create(
        token=token, key=key, fingerprint=fingerprint, status=status, body=body, at=clock.now()
    )


# --- webhooks ---------------------------------------------------------------------------------


def register_webhook(*, actor: Actor, place_id: int, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
    """Have an address told what happens in a place of the actor's; returns the row and its signing secret.

    Raises Invalid for an address that the operator has not allowed.
    """
    place = open_door(Place.objects.all(), actor, "api.use", place_id)
    _check_url(url)
    wanted = sorted({e.strip() for e in events if e.strip()})
    if not wanted:
        raise invalid(
            "events", _("请填写要通知的事件。"), _("例如 exchange.* 或 registry.verify_household。")
        )
    secret, uid = randomness.token_urlsafe(32), uuid.uuid4()
    last = AuditLeaf.objects.aggregate(last=Max("seq"))["last"]
    with write("api.register_webhook", actor) as audit:
        row = Webhook.objects.create(
            uid=uid,
            owner_id=_owner(actor),
            place=place,
            **keys_of(place),
            url=url,
            events=wanted,
            secret_sealed=secrets.seal(place.county_id or place.pk, "webhook.secret", uid, secret),
            next_seq=0 if last is None else last + 1,
        )
        audit.add("webhook", row.pk, place_id=place.pk, host=urlsplit(url).hostname, events=wanted)
    return row, secret


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
        raise invalid("url", _("请填写完整的 https 地址。"))
    if parts.hostname not in allowed_hosts():
        raise invalid(
            "url",
            _("运维未允许向 %(host)s 发送。") % {"host": parts.hostname},
            _("请系统管理员将该主机加入 YUCHANG_WEBHOOK_HOSTS。"),
        )


def set_webhook_state(*, actor: Actor, webhook_id: int, version: int | None, state: str) -> Webhook:
    """Pause, resume or remove an own webhook."""
    if state not in Webhook.State.values:
        raise invalid("state", _("没有这种状态。"))
    with write("api.set_webhook_state", actor) as audit:
        row = webhooks_for(actor).select_for_update(of=("self",)).filter(pk=webhook_id).first()
        if row is None:
            raise Hidden(_("没有这个回调。"))
        check_version(row, version)
        row.state, row.reason = state, ""
        save(row)
        audit.add("webhook", row.pk, place_id=row.place_id, state=state)
    return row


_NEW_LEAVES = """
    SELECT l.seq, e.action, e.object_kind, e.object_id, e.at
    FROM core_auditleaf l JOIN core_auditentry e ON e.id = l.entry_id
    LEFT JOIN places_place p ON p.id = e.place_id
    WHERE l.seq >= %(first)s AND l.seq < %(until)s
      AND %(place)s IN (p.id, p.province_id, p.prefecture_id, p.county_id, p.township_id, p.village_id)
    ORDER BY l.seq
"""


def enqueue_deliveries() -> int:
    """Look at what the audit log gained and lay out the messages it asks for, each once. Returns how many.

    The webhook's ``next_seq`` moves in the same transaction, so a kill loses and doubles nothing.
    """
    last = AuditLeaf.objects.aggregate(last=Max("seq"))["last"]
    if last is None:
        return 0
    waiting = Webhook.objects.filter(state=Webhook.State.ACTIVE, next_seq__lte=last)
    return sum(_enqueue(number, last + 1) for number in waiting.values_list("pk", flat=True))


def _enqueue(webhook_id: int, until: int) -> int:
    with transaction.atomic():
        hook = Webhook.objects.select_for_update(of=("self",)).select_related("owner").get(pk=webhook_id)
        if not still_reaches(hook):
            _pause(hook, "owner")
            return 0
        until = min(until, hook.next_seq + LEAVES_AT_ONCE)
        values = {"first": hook.next_seq, "until": until, "place": hook.place_id}
        with connection.cursor() as cursor:
            cursor.execute(_NEW_LEAVES, values)
            found = [row for row in cursor.fetchall() if is_wanted(row[1], hook.events)]
        Delivery.objects.bulk_create([_delivery(hook, row) for row in found], batch_size=1000)
        hook.next_seq = until
        hook.save(update_fields=["next_seq"])
    return len(found)


def _pause(hook: Webhook, reason: str) -> None:
    with write("api.pause_webhook", SYSTEM) as audit:
        hook.state, hook.reason = Webhook.State.PAUSED, reason
        save(hook)
        audit.add("webhook", hook.pk, place_id=hook.place_id, reason=reason)


def _delivery(hook: Webhook, row: Sequence[Any]) -> Delivery:
    seq, action, kind, object_id, at = row
    return Delivery(
        webhook=hook,
        seq=seq,
        action=action,
        object_kind=kind,
        object_id=object_id,
        happened_at=at,
        next_try_at=clock.now(),
    )


def claim_delivery() -> Delivery | None:
    """The next due delivery, leased to this worker: killed while sending, it is due again after the lease."""
    with transaction.atomic():
        due = Delivery.objects.filter(
            state="waiting", next_try_at__lte=clock.now(), webhook__state=Webhook.State.ACTIVE
        )
        rows = due.select_related("webhook").order_by("next_try_at", "id")
        row = rows.select_for_update(skip_locked=True, of=("self",)).first()
        if row is not None:
            row.attempts += 1
            row.next_try_at = clock.now() + LEASE
            row.save()
    return row


@transaction.atomic
def record_attempt(*, delivery_id: int, attempt: int, is_taken: bool, answer: str) -> None:
    """Note how an attempt went. One that was leased to somebody else meanwhile is left alone."""
    row = Delivery.objects.select_for_update().get(pk=delivery_id)
    if row.state != Delivery.State.WAITING or row.attempts != attempt:
        return
    wait = next_attempt(attempt)
    row.answer = answer[:120]
    if is_taken:
        row.state, row.taken_at = Delivery.State.TAKEN, clock.now()
    elif wait is None:
        row.state = Delivery.State.GIVEN_UP
    else:
        row.next_try_at = clock.now() + wait
    row.save()


def send_again(*, actor: Actor, webhook_id: int, delivery_id: int) -> Delivery:
    """Try a given-up delivery of an own webhook again. Raises Hidden, Conflict."""
    with write("api.send_again", actor) as audit:
        hook = webhooks_for(actor).filter(pk=webhook_id).first()
        rows = deliveries_of(hook).select_for_update() if hook else Delivery.objects.none()
        row = rows.filter(pk=delivery_id).first()
        if row is None:
            raise Hidden(_("没有这条通知。"))
        if row.state != Delivery.State.GIVEN_UP:
            raise Conflict(_("只有已放弃的通知可以重发。"))
        row.state, row.attempts, row.next_try_at = Delivery.State.WAITING, 0, clock.now()
        row.save()
        audit.add("delivery", row.pk)
    return row
