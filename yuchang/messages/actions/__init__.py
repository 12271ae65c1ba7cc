"""Every write of messages: telling persons, what they do with it, codes, and what goes outside."""

from yuchang.messages.actions.codes import check_code, purge_codes, send_code
from yuchang.messages.actions.contacts import contact_value, prove_contact, remove_contact, set_contact
from yuchang.messages.actions.dispatch import deliver_due, retry_delivery
from yuchang.messages.actions.inbox import Wishes, archive, archive_old, mark_read, read_all, set_preference
from yuchang.messages.actions.sending import (
    make_digests,
    phrases,
    remind_due,
    send,
    send_set,
    settle,
    settle_set,
)

__all__ = [
    "Wishes",
    "archive",
    "archive_old",
    "check_code",
    "contact_value",
    "deliver_due",
    "make_digests",
    "mark_read",
    "phrases",
    "prove_contact",
    "purge_codes",
    "read_all",
    "remind_due",
    "remove_contact",
    "retry_delivery",
    "send",
    "send_code",
    "send_set",
    "set_contact",
    "set_preference",
    "settle",
    "settle_set",
]
