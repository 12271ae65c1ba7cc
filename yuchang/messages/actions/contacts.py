"""A person's phone number and e-mail address: stored sealed, used once proven by a code."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import save, write
from yuchang.core.errors import Conflict, Hidden, invalid
from yuchang.core.secrets import blind_index, seal, unseal
from yuchang.messages import gateways, queries
from yuchang.messages.actions.codes import INSTANCE_KEY, check_code, send_code
from yuchang.messages.models import Contact
from yuchang.messages.rules import is_email, is_phone

PURPOSE = "contact"


def set_contact(actor: Actor, *, channel: str, value: str, origin: str) -> Contact:
    """Store the actor's number or address and send a code to it; it counts once ``prove_contact`` succeeds.

    Raises Invalid for a wrong format or a channel by which nothing goes out here, Conflict when codes are
    asked for too often.
    """
    if not gateways.is_on(channel):
        raise invalid("value", _("本平台未启用这个通道"), _("验证码发不出去；需要时请联系系统管理员。"))
    value = value.strip()
    fits = is_phone(value) if channel == "sms" else is_email(value)
    if not fits:
        raise invalid("value", _("号码或地址格式不对。"), _("请填写 11 位手机号码或完整的邮箱地址。"))
    with write("messages.set_contact", actor) as audit:
        user_id = queries.person(actor)
        row = Contact.objects.select_for_update().filter(user_id=user_id, channel=channel).first()
        row = row or Contact(user_id=user_id, channel=channel, version=0)
        row.uid, row.verified_at = uuid.uuid4(), None
        row.sealed = seal(INSTANCE_KEY, f"contact.{channel}", row.uid, value)
        row.blind = blind_index(f"contact.{channel}", value)
        save(row)
        send_code(actor, target=value, purpose=PURPOSE, origin=origin)
        audit.add("contact", row.pk, channel=channel)
    return row


def prove_contact(actor: Actor, *, channel: str, code: str) -> Contact:
    """Accept the code that was sent to the actor's number or address. Raises Invalid when it is wrong."""
    row = _own(actor, channel)
    if not check_code(actor, target=contact_value(row), purpose=PURPOSE, code=code):
        raise invalid("code", _("验证码不对或已失效。"), _("请核对最近一次收到的验证码，或重新获取。"))
    with write("messages.prove_contact", actor) as audit:
        seen, row = row, _own(actor, channel, lock=True)
        if row.uid != seen.uid:
            raise Conflict(_("号码刚被改过。"), remedy=_("请刷新页面后重试。"))
        row.verified_at = clock.now()
        save(row)
        audit.add("contact", row.pk, channel=channel)
    return row


def remove_contact(actor: Actor, *, channel: str) -> None:
    """Forget the actor's number or address. Raises Hidden when there is none."""
    with write("messages.remove_contact", actor) as audit:
        row = _own(actor, channel, lock=True)
        audit.add("contact", row.pk, channel=channel)
        row.delete()


def contact_value(row: Contact) -> str:
    """The number or address in the clear: to send to it, and, masked, to show it to its owner."""
    return unseal(INSTANCE_KEY, f"contact.{row.channel}", row.uid, row.sealed)


def _own(actor: Actor, channel: str, lock: bool = False) -> Contact:
    rows = Contact.objects.filter(user_id=queries.person(actor), channel=channel)
    row = (rows.select_for_update() if lock else rows).first()
    if row is None:
        raise Hidden(_("您还没有登记号码或地址。"), remedy=_("请先填写并获取验证码。"))
    return row
