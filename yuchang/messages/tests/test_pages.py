"""The inbox pages: filtered, paged at a constant cost, one's own only; wishes; the log without contents."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people
from yuchang.core import clock
from yuchang.messages import actions
from yuchang.messages.models import Delivery, Message, Preference

pytestmark = pytest.mark.django_db


def tell(person: people.Person, count: int = 1, **more: Any) -> list[Message]:
    for number in range(count):
        values: dict[str, Any] = {"kind": "task", "title": f"核实{number}"} | more
        actions.send(person.actor, to_user_ids=[person.user.pk], **values)
    return list(Message.objects.filter(recipient=person.user).order_by("id"))


def test_the_inbox_costs_the_same_for_five_and_for_sixty() -> None:
    li = people.li()
    client, address = li.client(), reverse("messages:inbox")

    def cost() -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    tell(li, 5, place=people.villages()[0])
    few = cost()
    tell(li, 55, place=people.villages()[0])
    assert cost() == few


def test_the_delivery_log_costs_the_same_for_five_and_for_sixty() -> None:
    li, client, address = people.li(), people.administrator().client(), reverse("messages:deliveries")

    def cost(more: int) -> int:
        now = clock.now()
        rows = tell(li, more)[-more:]
        Delivery.objects.bulk_create(
            Delivery(
                message=row, recipient=li.user, channel="sms", template="task", state="given_up",
                error="http 400", next_at=now, created_at=now, finished_at=now,
            )
            for row in rows
        )  # fmt: skip
        client.get(address)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    assert cost(5) == cost(55) <= 20


def test_tabs_show_unread_due_and_archived() -> None:
    li = people.li()
    plain, due, archived = (
        tell(li)[0],
        tell(li, title="限期", due_on=clock.today())[1],
        tell(li, title="旧")[2],
    )
    actions.archive(li.actor, message_id=archived.pk)
    actions.mark_read(li.actor, message_id=plain.pk)

    def titles(show: str) -> list[str]:
        page = li.client().get(reverse("messages:inbox"), {"show": show}).context["page"]
        return [m.title for m in page.items]

    assert titles("") == ["限期", "核实0"]
    assert titles("unread") == ["限期"]
    assert titles("due") == [due.title]
    assert titles("archived") == ["旧"]
    assert titles("nonsense") == ["限期", "核实0"]


def test_reading_is_marked_by_htmx_with_the_line_as_it_is_now() -> None:
    li = people.li()
    row = tell(li)[0]
    page = li.client().get(reverse("messages:message", args=[row.pk]))
    assert 'hx-trigger="load"' in page.content.decode()
    row.refresh_from_db()
    assert row.read_at is None
    answer = li.client().post(reverse("messages:mark_read", args=[row.pk]), headers={"HX-Request": "true"})
    assert f'id="message-{row.pk}"' in answer.content.decode()
    assert "标为已读" not in answer.content.decode()
    assert people.zhang().client().get(reverse("messages:message", args=[row.pk])).status_code == 404


def test_read_all_marks_what_the_page_showed() -> None:
    li = people.li()
    rows = tell(li, 3)
    li.client().post(reverse("messages:read_all"), {"up_to": rows[1].pk})
    assert Message.objects.filter(read_at=None).count() == 1


def test_wishes_are_stored_with_their_version() -> None:
    li = people.li()
    client, address = li.client(), reverse("messages:preferences")
    form = client.get(address).context["form"].initial
    data = {**form, "muted": ["deal"], "digest": "daily", "quiet_from": 22}
    assert client.post(address, data).status_code == 302
    assert client.post(address, data).status_code == 409
    row = Preference.objects.get()
    assert (row.muted, row.digest, row.quiet_from, row.wants_sms) == (["deal"], "daily", 22, True)
    assert client.post(address, {**data, "version": 1, "quiet_from": 24}).status_code == 422


def test_the_number_is_shown_masked_to_its_owner() -> None:
    li = people.li()
    client = li.client()
    client.post(reverse("messages:contact"), {"channel": "sms", "value": "13900001234"})
    page = client.get(reverse("messages:preferences")).content.decode()
    assert "139****34" in page
    assert "13900001234" not in page
    client.post(reverse("messages:contact"), {"channel": "sms", "step": "prove", "code": "abc"})
    client.post(reverse("messages:contact"), {"channel": "sms", "step": "remove"})
    assert "139****34" not in client.get(reverse("messages:preferences")).content.decode()


def test_the_administrator_sees_deliveries_without_what_they_said() -> None:
    li = people.li()
    row = tell(li, title="王小满户核实")[0]
    Delivery.objects.create(
        message=row, recipient=li.user, channel="sms", template="task", state="given_up", error="http 400",
        next_at=clock.now(), created_at=clock.now(), finished_at=clock.now(),
    )  # fmt: skip
    administrator = people.administrator().client()
    page = administrator.get(reverse("messages:deliveries")).content.decode()
    assert "http 400" in page
    assert "王小满" not in page
    assert "重发" in page
    administrator.post(reverse("messages:delivery_retry", args=[Delivery.objects.get().pk]))
    assert Delivery.objects.get().state == "waiting"
    assert people.wang().client().get(reverse("messages:deliveries")).status_code == 403
