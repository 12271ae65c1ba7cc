"""What leaves the house: only by configured gateways, without contents, retried with the same key."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict
from yuchang.core.models import AuditEntry, Instance
from yuchang.core.secrets import blind_index, seal
from yuchang.market.tests.processes import fork
from yuchang.messages import actions, gateways
from yuchang.messages.models import Contact, Delivery, Message

PHONE = "13900001234"
db = pytest.mark.django_db


def prove(person: people.Person, channel: str = "sms", value: str = PHONE) -> Contact:
    """A proven contact, without walking through the code."""
    row = Contact(user=person.user, channel=channel, verified_at=clock.now())
    row.sealed = seal(0, f"contact.{channel}", row.uid, value)
    row.blind = blind_index(f"contact.{channel}", value)
    row.save()
    return row


def tell(person: people.Person, **more: Any) -> Delivery:
    values: dict[str, Any] = {"kind": "notice", "title": "王小满户核实", "is_urgent": True} | more
    actions.send(person.actor, to_user_ids=[person.user.pk], **values)
    return Delivery.objects.latest("id")


class Provider:
    """A gateway on this machine that remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.asked = 200, []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.asked.append((dict(self.headers), body))
                self.send_response(provider.status)
                self.end_headers()
                self.wfile.write(b'{"id": "P-1"}')

            def log_message(self, *arguments: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    made = Provider()
    settings.SMS_DRIVER, settings.SMS_KEY_ID = "http", "county"
    settings.SMS_URL = f"http://127.0.0.1:{made.server.server_port}/send"
    settings.SMS_TEMPLATES = {"notice": "TPL_7"}
    monkeypatch.setenv("YUCHANG_SMS_KEY", "a-key-of-the-test")
    yield made
    made.server.shutdown()


@db
def test_nothing_goes_out_while_no_gateway_is_configured() -> None:
    person = people.li()
    prove(person)
    row = tell(person)
    assert actions.deliver_due() == 1
    row.refresh_from_db()
    assert (row.state, row.error, mail.outbox) == ("off", "channel is off", [])
    assert gateways.sms_driver() is None
    assert not gateways.email_is_on()


@db
def test_an_sms_is_signed_carries_its_key_and_says_nothing_of_the_matter(provider: Provider) -> None:
    person = people.li()
    prove(person)
    row = tell(person)
    actions.deliver_due()
    row.refresh_from_db()
    assert (row.state, row.provider_reference, row.attempts) == ("sent", "P-1", 1)
    headers, body = provider.asked[0]
    content = json.loads(body)
    assert (content["phone"], content["template"]) == (PHONE, "TPL_7")
    assert "王小满" not in content["text"]
    assert headers["Idempotency-Key"] == content["idempotency_key"] == str(row.idempotency_key)
    signed_at = headers["X-Yuchang-Signature"].split(",")[0].removeprefix("t=")
    expected = hmac.new(b"a-key-of-the-test", f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Yuchang-Signature"] == f"t={signed_at},v1={expected}"
    assert not AuditEntry.objects.filter(body__contains=PHONE).exists()


def at(moment: Any) -> None:
    Instance.objects.update_or_create(id=1, defaults={"is_simulated": True, "clock_at": moment})


@db
def test_a_failing_gateway_is_tried_again_with_longer_pauses_and_the_same_key(provider: Provider) -> None:
    person, start = people.li(), clock.now()
    at(start)
    prove(person)
    row, provider.status = tell(person), 503
    for minutes in (0, 1, 5, 30, 120, 720):
        start += timedelta(minutes=minutes)
        at(start - timedelta(seconds=1) if minutes else start)
        if minutes:
            assert actions.deliver_due() == 0
            at(start)
        assert actions.deliver_due() == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error) == ("given_up", 6, "http 503")
    assert {h["Idempotency-Key"] for h, _body in provider.asked} == {str(row.idempotency_key)}
    administrator, provider.status = people.administrator(), 200
    actions.retry_delivery(administrator.actor, delivery_id=row.pk)
    actions.deliver_due()
    row.refresh_from_db()
    assert row.state == "sent"
    with pytest.raises(Conflict):
        actions.retry_delivery(administrator.actor, delivery_id=row.pk)


@db
def test_a_final_refusal_is_not_tried_again(provider: Provider) -> None:
    person = people.li()
    prove(person)
    row, provider.status = tell(person), 400
    actions.deliver_due()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("given_up", 1)


def test_a_gateway_beyond_this_machine_needs_tls() -> None:
    with pytest.raises(gateways.Rejected):
        gateways.HttpDriver("http://sms.example/send", "k", "s", {})


@db
def test_quiet_hours_and_digests_are_kept_but_not_for_urgent_messages(provider: Provider) -> None:
    person = people.li()
    prove(person)
    night = clock.now().replace(hour=15, minute=30, second=0, microsecond=0)  # 23:30 in Asia/Shanghai
    at(night)
    row = tell(person, is_urgent=False)
    actions.deliver_due()
    row.refresh_from_db()
    assert (row.state, row.attempts, row.next_at) == ("waiting", 0, night + timedelta(hours=8, minutes=30))
    at(row.next_at)
    actions.deliver_due()
    assert len(provider.asked) == 1
    at(night)
    tell(person)
    actions.deliver_due()
    assert len(provider.asked) == 2
    wishes = actions.Wishes(True, True, (), "daily", 8, 21, 8)
    actions.set_preference(person.actor, version=0, wishes=wishes)
    before = Delivery.objects.count()
    tell(person, is_urgent=False)
    assert Delivery.objects.count() == before


@db
@pytest.mark.parametrize("wishes", [(False, True, ()), (True, True, ("notice",))])
def test_who_does_not_want_it_gets_the_inbox_only(wishes: Any) -> None:
    person = people.li()
    prove(person)
    actions.set_preference(person.actor, version=0, wishes=actions.Wishes(*wishes, "none", 8, 21, 8))
    actions.send(person.actor, to_user_ids=[person.user.pk], kind="notice", title="通知")
    assert (Message.objects.count(), Delivery.objects.count()) == (1, 0)


@db
def test_an_unproven_number_gets_nothing() -> None:
    person = people.li()
    row = prove(person)
    Contact.objects.filter(pk=row.pk).update(verified_at=None)
    actions.send(person.actor, to_user_ids=[person.user.pk], kind="notice", title="通知")
    assert not Delivery.objects.exists()


@db
def test_an_email_carries_its_key_and_no_contents(settings: Any) -> None:
    settings.EMAIL_HOST = "mail.test"
    person = people.li()
    prove(person, "email", "li@example.com")
    row = tell(person)
    actions.deliver_due()
    row.refresh_from_db()
    sent = mail.outbox[0]
    assert (row.state, sent.to) == ("sent", ["li@example.com"])
    assert str(row.idempotency_key) in sent.extra_headers["Message-ID"]
    assert "王小满" not in sent.subject + sent.body


@db
def test_the_trial_file_is_private_and_masks_the_number(settings: Any, tmp_path: Path) -> None:
    settings.SMS_DRIVER, settings.SMS_FILE = "file", str(tmp_path / "out" / "sms.jsonl")
    person = people.li()
    prove(person)
    tell(person)
    actions.deliver_due()
    path = Path(settings.SMS_FILE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert PHONE not in path.read_text()
    assert json.loads(path.read_text())["to"] == "139****34"


@db
def test_the_database_keeps_a_delivery_with_its_key_and_drops_payloads() -> None:
    person = people.li()
    prove(person)
    row = tell(person)
    for change in ({"channel": "email"}, {"idempotency_key": "0" * 32}, {"state": "sent", "payload": b"x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.filter(pk=row.pk).update(**change)


@pytest.mark.django_db(transaction=True)
def test_killed_between_sending_and_recording_it_sends_again_with_the_same_key(provider: Provider) -> None:
    person = people.li()
    prove(person)
    row = tell(person)

    def send_and_die() -> None:
        hand_out = gateways.send_sms

        def then_die(*arguments: Any, **named: Any) -> str:
            hand_out(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)
            return ""

        gateways.send_sms = then_die
        actions.deliver_due()

    child = fork(send_and_die)
    child.go()
    child.wait()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("sending", 1)
    assert actions.deliver_due() == 0  # leased
    at(clock.now() + timedelta(minutes=3))
    assert actions.deliver_due() == 1
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("sent", 2)
    assert [h["Idempotency-Key"] for h, _body in provider.asked] == [str(row.idempotency_key)] * 2
