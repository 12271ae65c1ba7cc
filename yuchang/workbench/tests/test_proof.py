"""A sealed field asks again who is looking, when the last proof is older than fifteen minutes."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from tests import people, things
from yuchang.accounts import actions, factors
from yuchang.accounts.entry import PROVEN
from yuchang.accounts.rules import Actor
from yuchang.core import secrets
from yuchang.core.models import AuditEntry
from yuchang.partners.actions import OrganisationFacts, propose_organisation
from yuchang.registry.models import Member
from yuchang.sheets import outputs
from yuchang.sheets.outputs import Wish

PASSWORD, PHONE = "Yu-chang-2026", "13900000000"
pytestmark = pytest.mark.django_db


@pytest.fixture
def cadre() -> people.Person:
    found = people.li()
    found.user.set_password(PASSWORD)
    found.user.save()
    return found


@pytest.fixture
def home() -> str:
    row = things.household(people.villages()[0])
    member = row.members.get()
    sealed = secrets.seal(row.county_id or 0, "member.phone", str(member.uid), PHONE)
    blind = secrets.blind_index("member.phone", PHONE)
    Member.objects.filter(pk=member.pk).update(phone_sealed=sealed, phone_blind=blind)
    return f"/households/{row.pk}"


def ask(client: Client, home: str, **more: Any) -> Any:
    number = Member.objects.get().pk
    return client.post(f"{home}/members/{number}/phone", **more)


def sixteen_minutes_later(client: Client) -> None:
    session = client.session
    session[PROVEN] = int(time.time()) - 16 * 60
    session.save()


def test_after_fifteen_minutes_the_password_is_asked_again(cadre: people.Person, home: str) -> None:
    client = Client()
    client.post("/accounts/sign-in", {"username": cadre.user.username, "password": PASSWORD})
    assert PHONE in ask(client, home).content.decode()
    sixteen_minutes_later(client)
    answer = ask(client, home)
    assert answer.status_code == 302 and answer["Location"].startswith("/accounts/prove?next=")
    assert ask(client, home, headers={"HX-Request": "true"})["HX-Redirect"] == answer["Location"]
    assert AuditEntry.objects.filter(action="registry.reveal").count() == 1
    wrong = client.post(answer["Location"], {"password": "wrong"})
    assert wrong.status_code == 200 and ask(client, home).status_code == 302
    right = client.post(answer["Location"], {"password": PASSWORD})
    assert right["Location"] == home
    assert PHONE in ask(client, home).content.decode()
    assert AuditEntry.objects.filter(action="accounts.prove_again").count() == 2


def test_who_has_a_second_factor_proves_with_it(cadre: people.Person, home: str) -> None:
    actor = Actor(cadre.user.pk, cadre.user.display_name)
    secret = actions.begin_totp(actor=actor)
    actions.confirm_totp(actor=actor, code=factors.code_at(secret, time.time() - 30))
    client = cadre.client()
    sixteen_minutes_later(client)
    asked = ask(client, home)["Location"]
    assert client.post(asked, {"password": PASSWORD})["Location"] == "/accounts/second-step"
    assert client.post("/accounts/second-step", {"code": "000000"}).status_code == 200
    assert ask(client, home).status_code == 302
    passed = client.post("/accounts/second-step", {"code": factors.code_at(secret, time.time())})
    assert passed["Location"] == home and PHONE in ask(client, home).content.decode()
    assert cadre.user.sign_ins.count() == 1  # the same session under a new key


def test_five_wrong_passwords_close_the_question_for_a_while(cadre: people.Person, home: str) -> None:
    client = cadre.client()
    sixteen_minutes_later(client)
    for _try in range(5):
        client.post("/accounts/prove", {"password": "wrong"})
    assert client.post("/accounts/prove", {"password": PASSWORD}).status_code == 200
    assert ask(client, home).status_code == 302


def test_the_question_leads_nowhere_else(cadre: people.Person) -> None:
    client = cadre.client()
    away = client.post("/accounts/prove?next=https://example.com/", {"password": PASSWORD})
    assert away["Location"] == "/"
    assert Client().get("/accounts/prove").status_code == 302


def test_exports_with_sealed_fields_and_telephones_of_partners_ask_too(home: str) -> None:
    officer = people.wang()
    client, county = officer.client(), people.county()
    given = {"name": "甲社", "kind": "cooperative", "place_id": county.pk, "host_id": county.pk}
    firm = propose_organisation(
        actor=people.li().actor, facts=OrganisationFacts(**given, phone="0939-3210000")
    )
    wish = Wish(
        kind="table",
        source="registry.official",
        area_id=county.pk,
        clear=True,
    )
    output = outputs.start_output(actor=officer.actor, wish=wish)
    outputs.make_output(output.pk)
    partner, book = f"/partners/{firm.pk}", f"/sheets/outputs/{output.pk}"
    asked = (
        (lambda: client.post(f"{partner}/phone"), partner),
        (lambda: client.get(f"{book}/file"), book),
        (lambda: client.post("/registry/export"), "/registry/"),
    )
    for ask_once, _back in asked:
        assert ask_once().status_code == 200
    entries = AuditEntry.objects.count()
    sixteen_minutes_later(client)
    for ask_once, back in asked:
        answer = ask_once()
        assert answer.status_code == 302, back
        assert answer["Location"] == f"/accounts/prove?next={quote(back, safe='')}"
    assert AuditEntry.objects.count() == entries


def test_exports_without_sealed_fields_ask_nothing(home: str) -> None:
    officer = people.wang()
    client = officer.client()
    sixteen_minutes_later(client)
    wish = Wish(kind="table", source="registry.official", area_id=people.county().pk)
    output = outputs.start_output(actor=officer.actor, wish=wish)
    outputs.make_output(output.pk)
    answer = client.get(f"/sheets/outputs/{output.pk}/file")
    assert answer.status_code == 200 and PHONE.encode() not in b"".join(answer.streaming_content)
