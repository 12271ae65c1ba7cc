"""A household signs in with the telephone that stands in its entry, and sees itself only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests import people, things
from yuchang.accounts.models import User
from yuchang.core.secrets import blind_index
from yuchang.messages import actions as messages
from yuchang.registry.models import Household, Member

PHONE = "13800000001"


@pytest.fixture
def outbox(settings: Any, tmp_path: Path) -> Path:
    path = tmp_path / "sms.jsonl"
    settings.SMS_DRIVER = "file"
    settings.SMS_FILE = str(path)
    return path


def household(phone: str = PHONE) -> Household:
    home = things.household(people.villages()[0])
    Member.objects.filter(household=home).update(phone_blind=blind_index("member.phone", phone))
    return home


def code_sent(outbox: Path) -> str:
    messages.deliver_due()
    return str(json.loads(outbox.read_text().splitlines()[-1])["text"].split("验证码 ")[1][:6])


def test_the_telephone_opens_the_own_household_and_no_other_page(db: None, outbox: Path) -> None:
    home, other = household(), household("13800000002")
    client = Client()
    assert client.post("/phone", {"phone": PHONE})["Location"] == "/phone/code"
    assert client.post("/phone/code", {"code": "000000"}).status_code == 200
    assert client.post("/phone/code", {"code": code_sent(outbox)})["Location"] == "/mine"
    assert client.get("/mine").status_code == 200
    user = User.objects.get(phone_blind=blind_index("household.phone", PHONE))
    assert list(user.role_grants.values_list("role", "target_id")) == [("household", home.pk)]
    for address in (f"/households/{home.pk}", f"/households/{other.pk}", "/registry/", "/dashboard"):
        assert client.get(address).status_code in (403, 404)


def test_an_unknown_number_gets_the_same_answer_and_no_code(db: None, outbox: Path) -> None:
    household()
    known, unknown = Client(), Client()
    first = known.post("/phone", {"phone": PHONE})
    second = unknown.post("/phone", {"phone": "13900000000"})
    assert (first.status_code, first["Location"]) == (second.status_code, second["Location"])
    messages.deliver_due()
    assert len(outbox.read_text().splitlines()) == 1
    assert unknown.post("/phone/code", {"code": "123456"}).status_code == 200
    assert Client().get("/phone/code")["Location"] == "/phone"
    assert Client().post("/phone", {"phone": "12"}).status_code == 200
