"""The inbox pages: filtered, paged at a constant cost, one's own only; wishes; the log without contents."""

from __future__ import annotations

from pathlib import Path
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


def received(person: people.Person, count: int, word: str = "请确认收货", **more: Any) -> None:
    """Messages of deliveries, each of another agreement."""
    for number in range(count):
        title = f"{word}：协议 #{number + 70}，花椒 {number + 1} 千克"
        tell(person, kind="deal", title=title, **more)


def test_many_unread_messages_of_one_kind_are_one_line_and_each_is_behind_it() -> None:
    li = people.li()
    received(li, 7)
    received(li, 4, "对方已确认收货")
    tell(li, 6, title="走访", due_on=clock.today())
    received(li, 1, is_urgent=True)
    client, address = li.client(), reverse("messages:inbox")
    context = client.get(address).context
    (bundle,) = context["bundles"]
    assert (bundle.matter, bundle.shown, bundle.newest.title) == (
        "请确认收货",
        "7",
        "请确认收货：协议 #76，花椒 7 千克",
    )
    assert len(context["page"].items) == 4 + 6 + 1, "few, due and urgent messages stand on their own"
    each = client.get(address, {"show": "unread", "like": bundle.matter}).context
    assert (len(each["page"].items), each["bundles"]) == (7, [])
    assert "同类 7 条" in client.get(address, {"kind": "deal"}).content.decode()
    assert "同类" not in client.get(address, {"kind": "task"}).content.decode()
    assert client.get(address, {"like": "a\x00b"}).status_code == 200


def test_numbers_in_a_title_make_no_other_kind_and_pages_hold_the_rest() -> None:
    li = people.li()
    for number in range(50):
        tell(li, title=f"协议 #{number} 已提前了结")
        tell(li, title=f"{chr(0x4E00 + number)}户待核实")
    client, address = li.client(), reverse("messages:inbox")
    first = client.get(address).context
    assert [(b.matter, b.count) for b in first["bundles"]] == [("协议 #… 已提前了结", 50)]
    second = client.get(address, {"after": first["page"].next}).context
    assert (second["bundles"], second["page"].next) == ([], "")
    shown = {m.title for page in (first, second) for m in page["page"].items}
    assert shown == {f"{chr(0x4E00 + number)}户待核实" for number in range(50)}


def test_a_bundle_is_marked_read_at_once_and_nothing_else() -> None:
    li, zhang = people.li(), people.zhang()
    received(li, 6)
    tell(li, title="核实")
    received(zhang, 6)
    seen = Message.objects.filter(recipient=li.user, kind="deal").latest("id").pk
    received(li, 1)
    given = {"up_to": seen, "like": "请确认收货"}
    li.client().post(reverse("messages:read_all"), given)
    assert Message.objects.filter(recipient=li.user, read_at=None).count() == 2, (
        "the later one, the other kind"
    )
    assert Message.objects.filter(recipient=zhang.user, read_at=None).count() == 6
    li.client().post(reverse("messages:read_all"), {"up_to": seen + 9, "kind": "deal"})
    assert Message.objects.get(recipient=li.user, read_at=None).title == "核实"


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


def test_the_number_is_shown_masked_to_its_owner(settings: Any, tmp_path: Path) -> None:
    settings.SMS_DRIVER, settings.SMS_FILE = "file", str(tmp_path / "sms.jsonl")
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
