"""Messages reach the inboxes once, remind once per stage, and are summed up once per period."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.models import AuditEntry
from yuchang.messages import actions, queries
from yuchang.messages.models import Message

pytestmark = pytest.mark.django_db


def test_a_message_reaches_each_person_once_and_is_audited() -> None:
    wang, li = people.wang(), people.li()
    made = actions.send(
        wang.actor, to_user_ids=[li.user.pk, li.user.pk], kind="task", title="核实", once_key="a:1"
    )
    again = actions.send(wang.actor, to_user_ids=[li.user.pk], kind="task", title="核实", once_key="a:1")
    assert (made, again) == (1, 0)
    assert queries.unread_count(li.actor) == 1
    assert queries.unread_count(wang.actor) == 0
    assert AuditEntry.objects.filter(action="messages.send", object_kind="message").count() == 2


@pytest.mark.parametrize("link", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_link_to_another_server_is_refused(link: str) -> None:
    wang = people.wang()
    with pytest.raises(Invalid):
        actions.send(wang.actor, to_user_ids=[wang.user.pk], kind="task", title="看", link=link)
    row = Message(recipient=wang.user, kind="task", title="看", link=link, created_at=clock.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_a_set_is_sent_by_one_statement() -> None:
    wang = people.wang()
    everyone = [people.li().user.pk for _ in range(5)]
    select = """
        SELECT u, 'task', '走访', '', '/', NULL::date, false, NULL::bigint, 'visit', u, 'visit:' || u,
               NULL::jsonb
        FROM unnest(%s::bigint[]) AS u
    """
    assert actions.send_set(wang.actor, select_sql=select, params=[everyone]) == 5
    assert actions.send_set(wang.actor, select_sql=select, params=[everyone]) == 0
    assert AuditEntry.objects.filter(action="messages.send_set", object_kind="message").count() == 6


def due_message(days: int) -> Message:
    li = people.li()
    actions.send(
        li.actor,
        to_user_ids=[li.user.pk],
        kind="task",
        title="走访",
        due_on=clock.today() + timedelta(days=days),
        reference_kind="visit",
        reference_id=li.user.pk,
    )
    row = Message.objects.get(recipient=li.user)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("UPDATE inbox_message SET created_at = created_at - interval '9 days'")
        cursor.execute("SET ROLE yuchang_app")
    return row


@pytest.mark.parametrize(("days", "stage"), [(3, 3), (2, 3), (1, 1), (0, 0), (-1, -1), (-6, -1), (-9, -7)])
def test_a_due_message_is_reminded_of_once_per_stage(days: int, stage: int) -> None:
    row = due_message(days)
    assert [actions.remind_due(), actions.remind_due()] == [1, 0]
    reminder = row.reminders.get()
    assert (reminder.stage, reminder.recipient_id, reminder.kind) == (stage, row.recipient_id, "reminder")


def test_far_settled_and_fresh_messages_are_not_reminded_of() -> None:
    due_message(4)
    row = due_message(1)
    actions.settle(people.wang().actor, reference_kind="visit", reference_id=row.reference_id)
    li = people.li()
    actions.send(li.actor, to_user_ids=[li.user.pk], kind="task", title="今日", due_on=clock.today())
    assert actions.remind_due() == 0


def test_a_person_reads_and_archives_only_the_own_messages() -> None:
    li, other = people.li(), people.zhang()
    actions.send(li.actor, to_user_ids=[li.user.pk], kind="notice", title="通知")
    row = Message.objects.get()
    for act in (actions.mark_read, actions.archive):
        with pytest.raises(Hidden):
            act(other.actor, message_id=row.pk)
    first = actions.mark_read(li.actor, message_id=row.pk).read_at
    assert actions.mark_read(li.actor, message_id=row.pk).read_at == first
    assert actions.archive(li.actor, message_id=row.pk).archived_at is not None


def test_read_all_stops_at_what_was_seen() -> None:
    li = people.li()
    for title in "甲乙丙":
        actions.send(li.actor, to_user_ids=[li.user.pk], kind="notice", title=title)
    seen = Message.objects.order_by("id")[1].pk
    assert actions.read_all(li.actor, up_to=seen) == 2
    assert queries.unread_count(li.actor) == 1


def test_the_database_keeps_what_a_message_said() -> None:
    li = people.li()
    actions.send(li.actor, to_user_ids=[li.user.pk], kind="notice", title="通知")
    actions.mark_read(li.actor, message_id=Message.objects.get().pk)
    for change in ("title = '别的'", "recipient_id = 1"):
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            connection.cursor().execute(f"UPDATE inbox_message SET {change}")
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.update(read_at=None)


@pytest.mark.parametrize(("digest", "expected"), [("daily", 1), ("weekly", 1), ("none", 0)])
def test_a_digest_is_made_once_a_period(digest: str, expected: int) -> None:
    li = people.li()
    wishes = actions.Wishes(True, True, (), digest, 0, 21, 8)
    actions.set_preference(li.actor, version=0, wishes=wishes)
    actions.send(li.actor, to_user_ids=[li.user.pk], kind="notice", title="通知")
    assert [actions.make_digests(), actions.make_digests()] == [expected, 0]
    assert Message.objects.filter(kind="digest").count() == expected


def test_what_was_read_long_ago_is_put_away_unless_it_still_asks_for_something() -> None:
    li, long_ago = people.li(), clock.now() - timedelta(days=91)
    for title in ("旧", "新", "未读", "限期", "办了"):
        due_on = clock.today() if title in ("限期", "办了") else None
        actions.send(li.actor, to_user_ids=[li.user.pk], kind="task", title=title, due_on=due_on)
    Message.objects.filter(title__in=["旧", "限期", "办了"]).update(read_at=long_ago)
    Message.objects.filter(title="新").update(read_at=clock.now())
    Message.objects.filter(title="办了").update(settled_at=clock.now())
    assert (actions.archive_old(), actions.archive_old()) == (2, 0)
    assert {m.title for m in queries.inbox_for(li.actor, "archived")} == {"旧", "办了"}


def test_a_set_of_references_is_settled_for_everybody_and_no_other() -> None:
    wang, li = people.wang(), people.li()
    for number in (1, 2, 3):
        actions.send(
            wang.actor,
            to_user_ids=[wang.user.pk, li.user.pk],
            kind="task",
            title="走访",
            due_on=clock.today(),
            reference_kind="visit",
            reference_id=number,
        )
    assert actions.settle_set(wang.actor, reference_kind="visit", reference_ids=[1, 2]) == 4
    assert actions.settle_set(wang.actor, reference_kind="else", reference_ids=[3]) == 0
    assert set(Message.objects.filter(settled_at=None).values_list("reference_id", flat=True)) == {3}
