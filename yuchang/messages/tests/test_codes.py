"""One-time codes: right once, five tries, five minutes, limited, and no telling who is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob

from tests import people
from yuchang.accounts.factors import real_now
from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.core.errors import Conflict, Invalid
from yuchang.core.models import AuditEntry, Instance
from yuchang.messages import actions
from yuchang.messages.models import Contact, Delivery, OneTimeCode

pytestmark = pytest.mark.django_db
PHONE, OTHER, FROM = "13900001234", "13900005678", "10.0.0.1"


@pytest.fixture(autouse=True)
def outbox(settings: Any, tmp_path: Path) -> Path:
    settings.SMS_DRIVER, settings.SMS_FILE = "file", str(tmp_path / "sms.jsonl")
    return tmp_path / "sms.jsonl"


def send(target: str = PHONE, origin: str = FROM, **more: Any) -> None:
    actions.send_code(SYSTEM, target=target, purpose="household.sign_in", origin=origin, **more)


def code_sent(outbox: Path) -> str:
    actions.deliver_due()
    text = json.loads(outbox.read_text().splitlines()[-1])["text"]
    return text.split("验证码 ")[1][:6]


def check(code: str, target: str = PHONE, purpose: str = "household.sign_in") -> bool:
    return actions.check_code(SYSTEM, target=target, purpose=purpose, code=code)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Turn both clocks: the simulated one, and the real one by which codes live."""

    def turn(moment: Any) -> None:
        Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": moment})
        monkeypatch.setattr("yuchang.messages.actions.codes.real_now", lambda: moment)

    return turn


def test_a_code_opens_once_for_its_number_and_purpose(outbox: Path) -> None:
    send()
    code = code_sent(outbox)
    assert (len(code), code.isdecimal()) == (6, True)
    assert not check(code, OTHER)
    assert not check(code, purpose="contact")
    assert check(code)
    assert not check(code)


def test_the_worker_is_woken_at_once_also_for_a_number_nobody_has() -> None:
    send()
    send(OTHER, "10.0.0.2")
    waiting = ProcrastinateJob.objects.filter(task_name="messages.deliver", status="todo")
    assert waiting.count() == 1


def test_after_five_wrong_tries_the_right_one_is_refused(outbox: Path) -> None:
    send()
    code = code_sent(outbox)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert [check(wrong) for _ in range(5)] == [False] * 5
    assert not check(code)


def test_a_code_is_good_for_five_minutes_and_the_newest_counts(outbox: Path, at: Any) -> None:
    start = clock.now()
    at(start)
    send()
    first = code_sent(outbox)
    at(start + timedelta(minutes=2))
    send()
    second = code_sent(outbox)
    assert not check(first) or first == second
    at(start + timedelta(minutes=7))
    assert not check(second)


def test_on_a_simulated_day_that_stands_still_the_next_minute_brings_the_next_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": clock.now()})
    send()
    with pytest.raises(Conflict):
        send()
    later = real_now() + timedelta(seconds=61)
    monkeypatch.setattr("yuchang.messages.actions.codes.real_now", lambda: later)
    send()


def test_codes_are_limited_by_number_and_by_origin(at: Any) -> None:
    start = clock.now()
    at(start)
    send()
    with pytest.raises(Conflict):
        send()
    for minute in range(2, 6):
        at(start + timedelta(minutes=minute))
        send()
    at(start + timedelta(minutes=8))
    with pytest.raises(Conflict):
        send()
    for last in range(10, 19):
        send(f"139000000{last}", "10.0.0.9")
    send("13900000099", "10.0.0.9")
    with pytest.raises(Conflict):
        send("13900000098", "10.0.0.9")
    send("13900000098", "10.0.0.10")


def statements(call: Any) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        call()
    return [query["sql"].split(" ")[0] for query in seen.captured_queries]


def test_known_and_unknown_numbers_leave_the_same_traces(outbox: Path) -> None:
    send("13900000001")  # the instance's key exists
    known = statements(lambda: send(PHONE, really=True))
    unknown = statements(lambda: send(OTHER, really=False))
    assert known == unknown
    actions.deliver_due()
    assert len(outbox.read_text().splitlines()) == 2
    assert OneTimeCode.objects.count() == 3
    assert statements(lambda: check("000000", PHONE)) == statements(lambda: check("000000", OTHER))


def test_neither_number_nor_code_stands_anywhere_in_the_clear(outbox: Path) -> None:
    send()
    assert Delivery.objects.get().payload is not None
    code = code_sent(outbox)
    assert Delivery.objects.get().payload is None
    check(code)
    for body in AuditEntry.objects.values_list("body", flat=True):
        assert PHONE not in body
        assert code not in json.loads(body)["details"].values()


@pytest.mark.parametrize(
    "target", ["", "12345", "139000012345", "a@b", "１３９００００１２３４", "x@y.z\nBcc: q@y.z"]
)
def test_what_is_no_number_is_refused(target: str) -> None:
    with pytest.raises(Invalid):
        send(target)


def test_an_old_code_waits_for_no_gateway(settings: Any, outbox: Path, at: Any) -> None:
    start = clock.now()
    at(start)
    send()
    at(start + timedelta(minutes=6))
    actions.deliver_due()
    row = Delivery.objects.get()
    assert (row.state, row.error, row.payload) == ("given_up", "expired", None)
    at(start + timedelta(days=3))
    assert actions.purge_codes() == 1


def test_a_person_proves_the_own_number_with_the_code(outbox: Path) -> None:
    li = people.li()
    actions.set_contact(li.actor, channel="sms", value=PHONE, origin=FROM)
    row = Contact.objects.get()
    assert (row.verified_at, PHONE.encode() in bytes(row.sealed)) == (None, False)
    code = code_sent(outbox)
    with pytest.raises(Invalid):
        actions.prove_contact(li.actor, channel="sms", code="000000" if code != "000000" else "111111")
    assert actions.prove_contact(li.actor, channel="sms", code=code).verified_at is not None
    assert actions.contact_value(Contact.objects.get()) == PHONE
    actions.remove_contact(li.actor, channel="sms")
    assert not Contact.objects.exists()


def test_no_code_is_promised_by_a_channel_that_is_off(settings: Any) -> None:
    settings.EMAIL_HOST = ""
    li = people.li(people.villages()[0])
    page = li.client().get("/messages/preferences").content.decode()
    assert 'id="value-sms"' in page and 'id="value-email"' not in page
    given = {"channel": "email", "value": "li@example.org"}
    page = li.client().post("/messages/contact", given, follow=True).content.decode()
    assert "本平台未启用这个通道" in page and "验证码已发送" not in page
    assert not Contact.objects.exists()
