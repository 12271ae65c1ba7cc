"""What a person does with the own inbox: read, read all, archive; how he or she wants to be told."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Stale, invalid
from yuchang.messages import queries
from yuchang.messages.models import Message, Preference
from yuchang.messages.rules import KEPT_READ


def mark_read(actor: Actor, *, message_id: int) -> Message:
    """Note that the actor has read a message; doing it twice changes nothing. Raises Hidden."""
    with write("messages.mark_read", actor) as audit:
        row = _own(actor, message_id)
        if row.read_at is None:
            row.read_at = clock.now()
            row.save(update_fields=["read_at"])
        audit.add("message", row.pk, place_id=row.place_id)
    return row


def read_all(actor: Actor, *, up_to: int, kind: str = "", matter: str = "") -> int:
    """Mark read everything unread up to the newest message that the actor saw. Returns how many.

    ``kind`` and ``matter`` (see ``queries.bundles_of``) leave the messages of others unread.
    """
    with write("messages.read_all", actor) as audit:
        rows = queries.messages_for(actor).filter(read_at=None, archived_at=None, pk__lte=up_to)
        rows = rows.filter(kind=kind) if kind else rows
        rows = queries.about(rows, matter) if matter else rows
        count = rows.update(read_at=clock.now())
        audit.add("inbox", actor.user_id or 0, read=count)
    return count


def archive(actor: Actor, *, message_id: int) -> Message:
    """Put a message away, read or not; what it asks for stays due. Raises Hidden."""
    with write("messages.archive", actor) as audit:
        row = _own(actor, message_id)
        if row.archived_at is None:
            row.archived_at = clock.now()
            row.read_at = row.read_at or row.archived_at
            row.save(update_fields=["archived_at", "read_at"])
        audit.add("message", row.pk, place_id=row.place_id)
    return row


def archive_old() -> int:
    """Put away what was read ``KEPT_READ`` ago and asks for nothing more. Returns how many messages.

    Nothing is deleted: the archive of an inbox stays its owner's.
    """
    rows = Message.objects.filter(read_at__lt=clock.now() - KEPT_READ, archived_at=None)
    with write("messages.archive_old", SYSTEM) as audit:
        asks_nothing = Q(due_on__isnull=True) | Q(settled_at__isnull=False) | Q(reminds__isnull=False)
        count = rows.filter(asks_nothing).update(archived_at=clock.now())
        audit.is_bulk_recorded = True
        if count:
            audit.add("inbox", "-", archived=count)
    return count


def _own(actor: Actor, message_id: int) -> Message:
    queries.message_for(actor, message_id)
    return Message.objects.select_for_update().get(pk=message_id)


@dataclass(frozen=True)
class Wishes:
    """How a person wants to be told (see ``Preference``)."""

    wants_sms: bool
    wants_email: bool
    muted: tuple[str, ...]
    digest: str
    digest_hour: int
    quiet_from: int
    quiet_to: int


def set_preference(actor: Actor, *, version: int | None, wishes: Wishes) -> Preference:
    """Store the actor's wishes. ``version`` 0 when none were stored before. Raises Invalid, Stale."""
    if wishes.digest not in Preference.Digest.values or not set(wishes.muted) <= set(Message.Kind.values):
        raise invalid("digest", _("没有这种方式。"))
    hours = (wishes.digest_hour, wishes.quiet_from, wishes.quiet_to)
    if not all(0 <= hour <= 23 for hour in hours):
        raise invalid("quiet_from", _("钟点须在 0 至 23 之间。"))
    with write("messages.set_preference", actor) as audit:
        user_id = queries.person(actor)
        row = Preference.objects.select_for_update().filter(user_id=user_id).first()
        row = row or Preference(user_id=user_id, version=0)
        check_version(row, version)
        for name, value in vars(wishes).items():
            setattr(row, name, list(value) if name == "muted" else value)
        _store(row)
        audit.add("preference", row.pk, digest=wishes.digest, muted=list(wishes.muted))
    return row


def _store(row: Preference) -> None:
    try:
        with transaction.atomic():
            save(row)
    except IntegrityError as error:
        raise Stale(_("您刚在别处保存过设置。"), remedy=_("请刷新页面后重试。")) from error
