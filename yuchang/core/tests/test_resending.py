"""A form that is sent again under its number is written once, and answered as before."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from tests import people
from yuchang.core import actions, sendings
from yuchang.core.errors import Conflict
from yuchang.core.models import Sending
from yuchang.core.resending import KEPT, SentOnceMiddleware
from yuchang.registry.models import Resource

NUMBER = "0123456789abcdef" * 2
ROOMS = {
    "direction": "offer", "kind": "scenery", "category": "tourism.homestay", "quantity": 5, "unit": "间"
}  # fmt: skip


@pytest.fixture
def cadre(db: None) -> Client:
    return people.li().client()


def send(client: Client, number: str, **other: Any) -> HttpResponse:
    village = people.villages()[0].pk
    sent = {**ROOMS, "village": village, "sending": number, **other}
    return client.post(reverse("registry:resource_new"), sent)  # type: ignore[return-value]


def test_the_same_number_is_written_once_and_answered_as_before(cadre: Client) -> None:
    first, again = send(cadre, NUMBER), send(cadre, NUMBER)
    assert (first.status_code, again.status_code) == (302, 302)
    assert first["Location"] == again["Location"]
    assert Resource.objects.count() == 1
    assert "没有再写一次" in cadre.get(again["Location"]).content.decode()


def test_another_number_and_none_are_written(cadre: Client) -> None:
    for number in (NUMBER, "f" * 32, "", "", "no number", "no number"):
        assert send(cadre, number).status_code == 302
    assert Resource.objects.count() == 6


def test_what_was_refused_may_be_sent_again_under_its_number(cadre: Client) -> None:
    assert send(cadre, NUMBER, quantity="").status_code != 302
    assert send(cadre, NUMBER).status_code == 302
    assert Resource.objects.count() == 1


def test_a_number_is_its_own_persons(cadre: Client) -> None:
    send(cadre, NUMBER)
    assert send(people.li().client(), NUMBER).status_code == 302
    assert Resource.objects.count() == 2


def test_a_detour_is_no_answer_and_only_the_last_numbers_are_kept(cadre: Client) -> None:
    cadre.get("/")
    session = cadre.session

    def ask(number: str, location: str) -> HttpResponse:
        return SentOnceMiddleware(lambda _: HttpResponseRedirect(location))(request_of(session, number))

    ask(NUMBER, "/accounts/prove?next=/x")
    assert ask(NUMBER, "/done")["Location"] == "/done"
    for n in range(KEPT):
        ask(f"{n:032x}", f"/{n}")
    assert len(type(session)(session.session_key)["sendings"]) == KEPT
    assert ask(NUMBER, "/anew")["Location"] == "/anew"


def test_a_form_whose_answer_never_left_is_not_written_again(cadre: Client) -> None:
    """As after a kill between the commit and the answer: the session knows nothing of it."""
    send(cadre, NUMBER)
    session = cadre.session
    del session["sendings"]
    session.save()

    again = cadre.post(
        reverse("registry:resource_new"),
        {**ROOMS, "village": people.villages()[0].pk, "sending": NUMBER},
        headers={"Referer": "http://testserver/registry/resources/"},
    )
    assert (again.status_code, again["Location"]) == (302, "http://testserver/registry/resources/")
    assert Resource.objects.count() == 1
    assert "没有再写一次" in cadre.get("/").content.decode()


def test_what_is_rolled_back_leaves_no_number(cadre: Client) -> None:
    actor = people.wang().actor
    with sendings.sent(1, NUMBER) as sending:
        with pytest.raises(ZeroDivisionError), actions.write("core.test", actor):
            raise ZeroDivisionError
        assert not Sending.objects.exists() and not sending.is_repeated
        for number in (1, 2):  # two writes of one form
            with actions.write("core.test", actor) as audit:
                audit.add("test", number)
        assert Sending.objects.get().number == NUMBER
    with sendings.sent(1, NUMBER) as sending:
        with pytest.raises(Conflict, match="没有再写一次"), actions.write("core.test", actor) as audit:
            audit.add("test", 2)
        assert sending.is_repeated


def test_numbers_are_forgotten_after_some_days(db: None) -> None:
    for days in (0, sendings.KEPT_DAYS + 1):
        Sending.objects.create(user_id=1, number=f"{days:032x}", at=timezone.now() - timedelta(days=days))
    assert sendings.forget_old() == 1
    assert Sending.objects.get().number == f"{0:032x}"


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_is_written() -> None:
    client = people.li().client()
    session = client.session
    written: list[int] = []

    def write(_request: HttpRequest) -> HttpResponse:
        written.append(1)
        return HttpResponseRedirect("/done")

    def one(_n: int) -> str:
        try:
            again = type(session)(session.session_key)
            return str(SentOnceMiddleware(write)(request_of(again, NUMBER))["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(4))) == ["/done"] * 4
    assert written == [1]


def request_of(session: SessionBase, number: str) -> HttpRequest:
    """A form of somebody signed in, as the middleware meets it."""
    request = RequestFactory().post("/registry/resources/new", {"sending": number})
    request.session = session
    request.user = SignedIn()  # type: ignore[assignment]
    request._messages = Silent()  # type: ignore[attr-defined]
    return request


class Silent:
    def add(self, *_said: object) -> None:
        """Messages are another test's matter."""


class SignedIn:
    is_authenticated = True
    pk = 1
