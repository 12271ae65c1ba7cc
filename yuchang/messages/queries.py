"""Reads: a person's inbox, what is unread, and the administrator's view of deliveries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, F, Func, Max, Q, QuerySet, TextField, Value
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.errors import Hidden, Refused
from yuchang.core.once import once
from yuchang.messages.models import Contact, Delivery, Message, Preference

UNREAD_SHOWN = 100
BUNDLED_FROM = 5
"""So many unread messages about the same matter become one line."""
COUNTED = 1000
"""The newest unread messages that are looked at for bundles."""
_MATTER = Func(
    Func(
        F("title"),
        Value("^([^：:]+)[：:].*$"),
        Value(r"\1"),
        function="regexp_replace",
        output_field=TextField(),
    ),
    Value("[0-9]+"),
    Value("…"),
    Value("g"),
    function="regexp_replace",
    output_field=TextField(),
)
"""What the messages of one kind have in common: the title up to a colon, without its numbers."""


def matter_of(message: Message) -> str:
    """The same of one message, in the reader's language."""
    return re.sub("[0-9]+", "…", re.sub("^([^：:]+)[：:].*$", r"\1", message.heading))


# What is urgent or asks for something by a day stands on its own; reminders of it do not.
_LOOSE = Q(is_urgent=False) & (Q(due_on=None) | Q(kind=Message.Kind.REMINDER))


def person(actor: Actor) -> int:
    """The number of the person who acts. Raises Refused for the system itself."""
    if actor.user_id is None:
        raise Refused(_("须由具名人员办理。"))
    return actor.user_id


def messages_for(actor: Actor) -> QuerySet[Message]:
    """The actor's own inbox, whole. Nobody reads another's."""
    return Message.objects.filter(recipient_id=actor.user_id) if actor.user_id else Message.objects.none()


# Every page's bell asks this, so it is written out.
_UNREAD = """
SELECT count(*) FROM (
    SELECT 1 FROM inbox_message WHERE recipient_id = %s AND read_at IS NULL AND archived_at IS NULL LIMIT %s
) AS unread
"""


def unread_count(actor: Actor) -> int:
    """How many of the actor's messages are unread, counted to 100 at most. One index-only query a request."""
    if not actor.user_id:
        return 0

    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute(_UNREAD, [actor.user_id, UNREAD_SHOWN])
            return int(cursor.fetchone()[0])

    return once(("messages.unread", actor.user_id), ask)


def unread_of(user_id: int) -> int:
    """How many unread messages a person has, digests left out."""
    return (
        Message.objects.filter(recipient_id=user_id, read_at=None, archived_at=None)
        .exclude(kind=Message.Kind.DIGEST)
        .count()
    )


def due_for(actor: Actor) -> QuerySet[Message]:
    """What the actor still has to do by a day, earliest first."""
    open_ones = messages_for(actor).filter(due_on__isnull=False, settled_at__isnull=True, reminds=None)
    return open_ones.filter(archived_at__isnull=True).order_by("due_on", "id")


def overdue_count(actor: Actor) -> int:
    """How many of these are past their day, counted to 100 at most."""
    return due_for(actor).filter(due_on__lt=clock.today())[:UNREAD_SHOWN].count()


def inbox_for(actor: Actor, show: str) -> QuerySet[Message]:
    """The actor's messages of one tab: all that are not archived, ``unread``, ``due`` or ``archived``."""
    rows = messages_for(actor).select_related("place")
    if show == "archived":
        return rows.filter(archived_at__isnull=False)
    rows = rows.filter(archived_at__isnull=True)
    if show == "unread":
        return rows.filter(read_at__isnull=True)
    if show == "due":
        return rows.filter(due_on__isnull=False, settled_at__isnull=True, reminds=None)
    return rows


@dataclass(frozen=True)
class Bundle:
    """Unread messages about one matter as one line: how many, and the newest of them."""

    matter: str
    count: int
    newest: Message
    is_more: bool

    @property
    def name(self) -> str:
        """The matter in the reader's language."""
        return matter_of(self.newest)

    @property
    def shown(self) -> str:
        """The number; with a plus sign where older messages were not looked at."""
        return f"{self.count:,}{'+' if self.is_more else ''}"


def bundles_of(rows: QuerySet[Message]) -> list[Bundle]:
    """The matters of which at least five of these messages are unread, the newest first. Two queries.

    Only the newest ``COUNTED`` unread messages are looked at, so that a full inbox costs no more.
    """
    latest = rows.filter(_LOOSE, read_at=None).order_by("-id")[:COUNTED]
    grouped = Message.objects.filter(pk__in=latest.values("pk")).values(matter=_MATTER)
    found = list(grouped.annotate(count=Count("pk"), last=Max("pk")).order_by("-last"))
    is_more = sum(one["count"] for one in found) >= COUNTED
    chosen = [one for one in found if one["count"] >= BUNDLED_FROM]
    newest = Message.objects.in_bulk([one["last"] for one in chosen]) if chosen else {}
    return [Bundle(one["matter"], one["count"], newest[one["last"]], is_more) for one in chosen]


def beside(rows: QuerySet[Message], bundles: Sequence[Bundle]) -> QuerySet[Message]:
    """The messages that no bundle stands for: what was read, what is urgent or due, and the few of a kind."""
    if not bundles:
        return rows
    matters = [bundle.matter for bundle in bundles]
    return rows.alias(matter=_MATTER).exclude(_LOOSE, read_at=None, matter__in=matters)


def about(rows: QuerySet[Message], matter: str) -> QuerySet[Message]:
    """The messages for which the bundle of this matter stands, each by itself; those read before, too."""
    return rows.alias(matter=_MATTER).filter(_LOOSE, matter=matter)


def message_for(actor: Actor, message_id: int) -> Message:
    """One of the actor's own messages. Raises Hidden."""
    row = messages_for(actor).select_related("place").filter(pk=message_id).first()
    if row is None:
        raise Hidden(_("没有找到这条消息。"), remedy=_("请从收件箱打开。"))
    return row


def preference_of(user_id: int) -> Preference:
    """A person's preference; the defaults, unsaved, when none was stored."""
    return Preference.objects.filter(user_id=user_id).first() or Preference(user_id=user_id, version=0)


def contacts_of(user_id: int) -> dict[str, Contact]:
    """A person's phone and e-mail rows by channel; the values stay sealed."""
    return {c.channel: c for c in Contact.objects.filter(user_id=user_id)}


def deliveries() -> QuerySet[Delivery]:
    """Every delivery without what was said; for the administrator."""
    return Delivery.objects.select_related("recipient").defer("payload", "message_id")
