"""What the public hands in, and how the inside takes it in."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import actions, clock
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.portal.actions.publishing import PUBLISH, publish_receipts
from yuchang.portal.models import ObjectionIntake
from yuchang.registry.actions import Received, take_in_objections

TEXT_MIN, TEXT_MAX = 10, 1000


def collect_objections(*, actor: Actor) -> int:
    """Hand what the public zone received over to the register, once. Returns how many were taken.

    Two collectors at a time share the work: a row is locked by one of them. Raises Refused.
    """
    if actor != SYSTEM:
        require(actor, PUBLISH)
    with actions.write("portal.collect_objections", actor) as audit:
        waiting = list(
            ObjectionIntake.objects.select_for_update(skip_locked=True)
            .filter(collected_at__isnull=True)
            .order_by("id")[:1000]
        )
        received = [Received(row.entry_code, row.text, row.received_at) for row in waiting]
        taken = take_in_objections(actor=actor, received=received)
        for row, objection_id in zip(waiting, taken, strict=True):
            row.collected_at, row.objection_id = clock.now(), objection_id
        ObjectionIntake.objects.bulk_update(waiting, ["collected_at", "objection_id"], batch_size=500)
        publish_receipts(actor=actor)
        audit.add("objection_intake", "-", taken=len(waiting), receipts=[row.receipt for row in waiting])
    return len(waiting)


def sender_hash(network_address: str) -> str:
    """A keyed hash of an address: enough to count one sender's objections, useless to find the sender."""
    return hmac.new(settings.SECRET_KEY.encode(), network_address.encode(), hashlib.sha256).hexdigest()


def receive_objection(*, entry_code: str, text: str, network_address: str) -> str:
    """Store an objection from the public zone, under its own database role. Returns the receipt code.

    The only write without an actor and an audit entry: the public role can add here and nowhere else; the
    entry in the log is made when it is collected. Raises Invalid, Hidden, Conflict (too many in an hour).
    """
    text = text.strip()
    if not TEXT_MIN <= len(text) <= TEXT_MAX:
        raise invalid("text", _("请用十到一千个字写明您的异议。"))
    row = ObjectionIntake(
        entry_code=entry_code,
        text=text,
        sender_hash=sender_hash(network_address),
        received_at=clock.now(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except DatabaseError as error:
        raise _told(error) from error
    return row.receipt


def _told(error: DatabaseError) -> Exception:
    state = getattr(error.__cause__, "sqlstate", "")
    if state == "YC429":
        return Conflict(
            _("一小时内已从您所在的网络收到五份异议。"),
            remedy=_("请一小时后再提交，或直接向村委会、乡镇提出。"),
        )
    if state == "YC404":
        return Hidden(
            _("这份公示已经结束，或编号有误。"), remedy=_("公示结束后，请直接向乡镇或县乡村振兴部门反映。")
        )
    return error
