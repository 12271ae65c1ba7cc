"""Messages into inboxes: one text to some persons, a set by SQL, reminders and digests.

What is to go outside by SMS and e-mail is queued in the same transaction (``_queue``); ``dispatch`` sends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from yuchang.accounts.rules import SYSTEM, Actor
from yuchang.core import clock
from yuchang.core.actions import Recorder, write
from yuchang.core.errors import invalid
from yuchang.core.phrases import Phrase, in_chinese, kept
from yuchang.messages.models import Message
from yuchang.messages.rules import REMINDER_STAGES, period_from
from yuchang.places.models import Place

_COLUMNS = (
    "recipient_id, kind, title, body, link, due_on, is_urgent, place_id, reference_kind, reference_id,"
    " once_key, said, reminds_id, stage, created_at"
)
_AUDIT = """
    SELECT id::text, place_id, jsonb_build_object('to', recipient_id, 'kind', kind, 'due_on', due_on)
    FROM inbox_message WHERE id = ANY(%s) ORDER BY id
"""
# Who is told outside, by which channel: proven contacts, the person's wishes, digests instead of single
# messages. Quiet hours are looked at when a delivery is taken up.
_QUEUE = """
    INSERT INTO inbox_delivery (message_id, recipient_id, channel, template, idempotency_key, state, attempts,
                                next_at, created_at, provider_reference, error)
    SELECT m.id, m.recipient_id, c.channel,
           CASE m.kind WHEN 'task' THEN 'task' WHEN 'reminder' THEN 'due' WHEN 'digest' THEN 'digest'
                       ELSE 'notice' END,
           gen_random_uuid(), 'waiting', 0, %(now)s, %(now)s, '', ''
    FROM inbox_message m
    JOIN accounts_user u ON u.id = m.recipient_id AND u.is_active
    JOIN inbox_contact c ON c.user_id = m.recipient_id AND c.verified_at IS NOT NULL
    LEFT JOIN inbox_preference p ON p.user_id = m.recipient_id
    WHERE m.id = ANY(%(ids)s)
      AND CASE c.channel WHEN 'sms' THEN coalesce(p.wants_sms, true) ELSE coalesce(p.wants_email, true) END
      AND NOT coalesce(p.muted, '[]'::jsonb) @> to_jsonb(m.kind)
      AND (m.is_urgent OR m.kind = 'digest' OR coalesce(p.digest, 'none') = 'none')
    ORDER BY m.id, c.channel
    ON CONFLICT DO NOTHING
"""


def send(
    actor: Actor,
    *,
    to_user_ids: Iterable[int],
    kind: str,
    title: str | Phrase,
    body: str | Phrase = "",
    link: str = "",
    due_on: date | None = None,
    place: Place | None = None,
    reference_kind: str = "",
    reference_id: int | None = None,
    once_key: str = "",
    is_urgent: bool = False,
) -> int:
    """Put one text into the inboxes of some persons. Returns how many got it.

    ``kind`` is a ``Message.Kind``; ``link`` a path of this platform; ``due_on`` makes it something to do
    until ``settle``. The same ``once_key`` reaches a person once, however often it is sent. ``is_urgent``
    goes outside at once also for those who chose digests. Sentences of ours are phrases
    (``core.phrases``), which each reads in the own language. No secrets in the text. Raises Invalid.
    """
    words = in_chinese(title)
    _check(kind, words, link)
    people = sorted(set(to_user_ids))
    values = [kind, words[:120], in_chinese(body), link, due_on, is_urgent, place.pk if place else None]
    select = """
        SELECT u, %s::text, %s::text, %s::text, %s::text, %s::date, %s::boolean, %s::bigint, %s::text,
               %s::bigint, %s::text, %s::jsonb FROM unnest(%s::bigint[]) AS u ORDER BY u
    """
    params = [*values, reference_kind, reference_id, once_key, phrases(title=title, body=body), people]
    with write("messages.send", actor) as audit:
        return _insert(audit, select, params) if people else _nobody(audit)


def phrases(**parts: str | Phrase) -> str | None:
    """What of a message's ``title`` and ``body`` is a phrase, as JSON for its column ``said``."""
    ours = {name: kept(text) for name, text in parts.items() if isinstance(text, Phrase)}
    return json.dumps(ours, ensure_ascii=False) if ours else None


def send_set(actor: Actor, *, select_sql: str, params: Any = ()) -> int:
    """Set-wise ``send``: one message for each row of ``select_sql``. Returns how many were new.

    Its columns: recipient_id bigint, kind text, title text, body text, link text, due_on date,
    is_urgent boolean, place_id bigint, reference_kind text, reference_id bigint, once_key text (empty: none),
    said jsonb (``phrases``; NULL: nothing of ours). Rows whose recipient already has the ``once_key`` are
    left out.
    """
    with write("messages.send_set", actor) as audit:
        return _insert(audit, select_sql, params)


def _check(kind: str, title: str, link: str) -> None:
    if kind not in Message.Kind.values:
        raise invalid("kind", _("没有“%(kind)s”这类消息。") % {"kind": kind})
    if not title.strip():
        raise invalid("title", _("消息没有标题。"), _("请写明要做什么。"))
    if link and (not link.startswith("/") or link[1:2] in ("/", "\\")):
        raise invalid("link", _("消息只能指向本平台的页面。"))


def _nobody(audit: Recorder) -> int:
    audit.add("message", "-", note="nobody to tell")
    return 0


def _insert(audit: Recorder, select_sql: str, params: Any) -> int:
    """Insert the rows, note each one, and queue what goes outside."""
    sql = f"""
        INSERT INTO inbox_message ({_COLUMNS})
        SELECT s.*, NULL::bigint, NULL::smallint, %s FROM ({select_sql}) AS s
        ON CONFLICT DO NOTHING RETURNING id
    """  # noqa: S608 - select_sql is written by actions, never by a user
    with connection.cursor() as cursor:
        cursor.execute(sql, [clock.now(), *params])
        return _tell(audit, [number for (number,) in cursor.fetchall()])


def _tell(audit: Recorder, ids: list[int]) -> int:
    if not ids:
        return _nobody(audit)
    audit.add_bulk("message", _AUDIT, [ids])
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, {"ids": ids, "now": clock.now()})
    return len(ids)


def settle(actor: Actor, *, reference_kind: str, reference_id: int, user_id: int | None = None) -> int:
    """What the messages about this object asked for is done: no more reminders. Returns how many.

    ``user_id`` limits it to one person's. The messages stay in the inboxes.
    """
    rows = Message.objects.filter(
        reference_kind=reference_kind, reference_id=reference_id, due_on__isnull=False, settled_at=None
    )
    if user_id is not None:
        rows = rows.filter(recipient_id=user_id)
    with write("messages.settle", actor) as audit:
        count = rows.update(settled_at=clock.now())
        audit.add(reference_kind, reference_id, settled=count)
    return count


def settle_set(actor: Actor, *, reference_kind: str, reference_ids: Sequence[int]) -> int:
    """Set-wise ``settle``: for everybody told about these objects. Returns how many messages."""
    rows = Message.objects.filter(
        reference_kind=reference_kind, reference_id__in=reference_ids, due_on__isnull=False, settled_at=None
    )
    with write("messages.settle_set", actor) as audit:
        count = rows.update(settled_at=clock.now())
        select = "SELECT n::text, NULL::bigint, '{}'::jsonb FROM unnest(%s::bigint[]) AS n ORDER BY n"
        audit.add_bulk(reference_kind, select, [sorted(set(reference_ids))])
    return count


# --- by the clock -----------------------------------------------------------------------------

_REMIND = f"""
    INSERT INTO inbox_message ({_COLUMNS})
    SELECT m.recipient_id, 'reminder', left(replace(%(words)s, '%%(what)s', m.title), 120), '', m.link,
           m.due_on, s.stage < 0, m.place_id, m.reference_kind, m.reference_id, '',
           jsonb_build_object('title', jsonb_build_object('say', %(words)s::text, 'with',
               jsonb_build_object('what', coalesce(m.said->'title', to_jsonb(m.title))))),
           m.id, s.stage, %(now)s
    FROM inbox_message m
    JOIN accounts_user u ON u.id = m.recipient_id AND u.is_active
    CROSS JOIN LATERAL (SELECT min(stage) AS stage FROM unnest(%(stages)s::smallint[]) AS stage
                        WHERE m.due_on - %(today)s::date <= stage) AS s
    WHERE m.due_on <= %(today)s::date + %(first)s AND m.settled_at IS NULL AND m.reminds_id IS NULL
      AND m.archived_at IS NULL AND s.stage IS NOT NULL AND m.created_at < %(midnight)s
      AND m.due_on >= %(today)s::date - %(longest)s
    ORDER BY m.id
    ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608 - column names of ours


def remind_due() -> int:
    """Remind everybody whose due day is near or over, once for each stage of ``rules.REMINDER_STAGES``.

    One statement; a worker that was away makes only the present stage. What came in today is not yet
    reminded of. Returns how many reminders were made.
    """
    today = clock.today()
    values = {
        "words": gettext_noop("到期提醒：%(what)s"),
        "now": clock.now(),
        "today": today,
        "midnight": timezone.make_aware(datetime(today.year, today.month, today.day)),  # noqa: DTZ001
        "stages": list(REMINDER_STAGES),
        "first": max(REMINDER_STAGES),
        "longest": 60,
    }
    return _by_clock("messages.remind_due", _REMIND, values)


_DIGEST = f"""
    WITH wanted AS (
        SELECT p.user_id, CASE p.digest WHEN 'weekly' THEN %(monday)s::date ELSE %(today)s::date END AS since
        FROM inbox_preference p JOIN accounts_user u ON u.id = p.user_id AND u.is_active
        WHERE p.digest <> 'none' AND p.digest_hour <= %(hour)s
    ), made AS (
        INSERT INTO inbox_digestrun (user_id, period_from, count, made_at)
        SELECT w.user_id, w.since, n.count, %(now)s FROM wanted w
        CROSS JOIN LATERAL (SELECT count(*) AS count FROM inbox_message m WHERE m.recipient_id = w.user_id
                            AND m.read_at IS NULL AND m.archived_at IS NULL AND m.kind <> 'digest') AS n
        ORDER BY w.user_id ON CONFLICT DO NOTHING RETURNING user_id, count
    )
    INSERT INTO inbox_message ({_COLUMNS})
    SELECT user_id, 'digest', format(%(title)s, count), '', %(link)s, NULL, false, NULL, '', NULL, '',
           jsonb_build_object('title', jsonb_build_object('say', %(title)s::text,
                                                          'with', jsonb_build_array(count))),
           NULL, NULL, %(now)s
    FROM made WHERE count > 0 ORDER BY user_id RETURNING id
"""  # noqa: S608 - column names of ours


def make_digests() -> int:
    """One line for each person who wants digests and has unread messages, once per day or week.

    Returns how many were made.
    """
    now = timezone.localtime(clock.now())
    values = {
        "today": now.date(),
        "monday": period_from(now.date(), "weekly"),
        "hour": now.hour,
        "now": now,
        "title": gettext_noop("您有 %s 条未读消息"),
        "link": "/messages/?show=unread",
    }
    return _by_clock("messages.make_digests", _DIGEST, values)


def _by_clock(name: str, sql: str, values: dict[str, Any]) -> int:
    """Run a statement that makes messages; nothing to do leaves no trace in the log."""
    with connection.cursor() as cursor, write(name, SYSTEM) as audit:
        cursor.execute(sql, values)
        ids = [number for (number,) in cursor.fetchall()]
        audit.is_bulk_recorded = True
        return _tell(audit, ids) if ids else 0
