"""Behind a proxy every limit by address counts visitors, not the proxy; nobody else may name an address."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from tests import people
from yuchang.accounts.models import SignIn
from yuchang.core.middleware import VisitorAddressMiddleware


def seen(remote: str, forwarded: str | None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)
    VisitorAddressMiddleware(lambda r: HttpResponse())(request)
    return str(request.META["REMOTE_ADDR"])


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::1", "2001:db8::9", "2001:db8::9"),
        ("127.0.0.1", "10.1.2.3, 203.0.113.9", "203.0.113.9"),  # the first was the visitor's own word
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("203.0.113.9", "10.1.2.3", "203.0.113.9"),  # no proxy of ours
    ],
)
def test_only_our_own_proxy_names_the_visitor(remote: str, forwarded: str | None, address: str) -> None:
    assert seen(remote, forwarded) == address


def test_the_operator_names_another_proxy(settings) -> None:
    settings.PROXIES = frozenset({"10.0.0.2"})
    assert seen("10.0.0.2", "203.0.113.9") == "203.0.113.9"
    assert seen("127.0.0.1", "203.0.113.9") == "127.0.0.1"


def test_a_page_opened_through_the_proxy_is_noted_under_the_visitors_address(db) -> None:
    person = people.li()
    person.client().get("/", headers={"X-Forwarded-For": "203.0.113.9"})
    assert SignIn.objects.get(user=person.user).address == "203.0.113.9"
