"""Webhooks: told once of what happened in their place, signed, tried again, stopped with their owner's rights."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.people import county, outsider, villages, wang
from tests.things import household
from yuchang.accounts.models import RoleGrant
from yuchang.api import actions, rules, tasks
from yuchang.api.models import Delivery, Webhook
from yuchang.core import clock, sequencer
from yuchang.core.errors import Conflict, Hidden, Invalid, Stale
from yuchang.core.models import AuditEntry, AuditLeaf
from yuchang.core.outbound import signature
from yuchang.registry.actions import remove_household


def order_the_log() -> None:
    """Order every entry; another test's open transaction may delay that on a shared server."""
    deadline = time.monotonic() + 90
    while AuditLeaf.objects.count() < AuditEntry.objects.count() and time.monotonic() < deadline:
        sequencer.sequence()
        time.sleep(0.02)


class Listener(HTTPServer):
    """Remembers what it was sent, and answers with the next of ``answers`` (204 when none is left)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    server = Listener()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def officer(transactional_db: None) -> Any:
    return wang()


def _hook(person: Any, listener: Listener, events: str = "registry.*") -> tuple[Webhook, str]:
    return actions.register_webhook(
        actor=person.actor,
        place_id=county().pk,
        url=f"http://127.0.0.1:{listener.server_port}/in?x=1",
        events=[events],
    )


def _something_happens(person: Any, county_code: str | None = None) -> None:
    place = villages(county_code)[0] if county_code else villages()[0]
    row = household(place, state="entered")
    remove_household(actor=person.actor, household_id=row.pk, version=row.version, reason="重复登记")


def test_what_happens_in_the_place_is_told_once_and_signed(officer: Any, listener: Listener) -> None:
    _row, secret = _hook(officer, listener)
    _something_happens(officer)
    order_the_log()
    for _turn in range(3):
        tasks.deliver(0)
        order_the_log()
    [(headers, body)] = listener.heard
    told = json.loads(body)
    assert told["event"] == "registry.remove_household" and told["object"]["kind"] == "household"
    assert set(told) == {"id", "sequence", "event", "object", "at"}
    at = int(headers["X-Yuchang-Signature"].split(",")[0][2:])
    assert headers["X-Yuchang-Signature"] == signature(secret, at, body)
    assert headers["X-Yuchang-Signature"] != signature(secret, at, body + b" ")
    assert Delivery.objects.get().state == "taken"


def test_the_next_county_and_other_events_are_not_told(officer: Any, listener: Listener) -> None:
    _hook(officer, listener, "exchange.*")
    _something_happens(officer)
    order_the_log()
    tasks.deliver(0)
    assert not listener.heard
    _hook(officer, listener)
    _something_happens(outsider(), "621222000000")
    order_the_log()
    tasks.deliver(0)
    assert not listener.heard


def test_a_failing_address_is_tried_again_later_and_given_up_in_the_end(
    officer: Any, listener: Listener
) -> None:
    hook, _secret = _hook(officer, listener)
    _something_happens(officer)
    order_the_log()
    listener.answers = [500] * 7
    for attempt in range(1, 8):
        tasks.deliver(0)
        row = Delivery.objects.get()
        assert row.attempts == attempt and row.answer == "500"
        assert len(listener.heard) == attempt, "not before its time"
        if row.state == "waiting":
            assert row.next_try_at > clock.now()
            tasks.deliver(0)
            Delivery.objects.update(next_try_at=clock.now() - timedelta(seconds=1))
    assert row.state == "given_up"
    with pytest.raises(Hidden):
        actions.send_again(actor=outsider().actor, webhook_id=hook.pk, delivery_id=row.pk)
    actions.send_again(actor=officer.actor, webhook_id=hook.pk, delivery_id=row.pk)
    tasks.deliver(0)
    assert Delivery.objects.get().state == "taken"
    with pytest.raises(Conflict):
        actions.send_again(actor=officer.actor, webhook_id=hook.pk, delivery_id=row.pk)


def test_a_worker_killed_while_sending_leaves_the_delivery_to_the_next(
    officer: Any, listener: Listener
) -> None:
    _hook(officer, listener)
    _something_happens(officer)
    order_the_log()
    actions.enqueue_deliveries()
    leased = actions.claim_delivery()
    assert leased is not None and actions.claim_delivery() is None
    Delivery.objects.update(next_try_at=clock.now() - timedelta(seconds=1))
    again = actions.claim_delivery()
    assert again is not None and again.uid == leased.uid
    actions.record_attempt(delivery_id=leased.pk, attempt=leased.attempts, is_taken=False, answer="late")
    assert Delivery.objects.get().answer == "", "the first worker's lease was over"


def test_an_owner_who_no_longer_works_there_is_told_nothing(officer: Any, listener: Listener) -> None:
    _hook(officer, listener)
    RoleGrant.objects.filter(user=officer.user).update(valid_to=clock.today() - timedelta(days=1))
    _something_happens(wang())
    order_the_log()
    tasks.deliver(0)
    assert not listener.heard and Webhook.objects.get().state == "paused"


def test_only_hosts_the_operator_allowed_are_sent_to(officer: Any, listener: Listener, settings: Any) -> None:
    hook, _secret = _hook(officer, listener)
    for url in ("http://169.254.169.254/x", "ftp://127.0.0.1/x", "http://u@127.0.0.1/x", "nothing"):
        with pytest.raises(Invalid):
            actions.register_webhook(actor=officer.actor, place_id=county().pk, url=url, events=["*"])
    settings.WEBHOOK_HOSTS = []
    _something_happens(officer)
    order_the_log()
    tasks.deliver(0)
    assert not listener.heard and Delivery.objects.get(webhook=hook).answer == "host not allowed"


def test_a_webhook_is_paused_and_removed_by_its_owner_alone(officer: Any, listener: Listener) -> None:
    hook, _secret = _hook(officer, listener)
    with pytest.raises(Hidden):
        actions.set_webhook_state(actor=outsider().actor, webhook_id=hook.pk, version=1, state="paused")
    with pytest.raises(Stale):
        actions.set_webhook_state(actor=officer.actor, webhook_id=hook.pk, version=9, state="paused")
    actions.set_webhook_state(actor=officer.actor, webhook_id=hook.pk, version=1, state="paused")
    _something_happens(officer)
    order_the_log()
    tasks.deliver(0)
    assert not listener.heard


@given(st.text(max_size=30), st.text(max_size=30))
def test_an_event_is_wanted_by_name_by_domain_or_by_star(domain: str, name: str) -> None:
    action = f"{domain}.{name}"
    assert rules.is_wanted(action, ["*"]) and rules.is_wanted(action, [action])
    assert rules.is_wanted(action, [f"{domain}.*"])
    assert not rules.is_wanted(action, []) and not rules.is_wanted(action, [f"{action}x", f"x{domain}.*"])


def test_pauses_grow_and_end() -> None:
    pauses = [rules.next_attempt(n) for n in range(1, 8)]
    assert pauses[-1] is None and all(a < b for a, b in itertools.pairwise(pauses[:-1]))
