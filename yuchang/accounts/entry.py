"""The last step of every way in: the session of a person who is proven."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from yuchang.accounts import actions
from yuchang.accounts.doors import ProofDue
from yuchang.accounts.factors import real_now
from yuchang.accounts.models import User
from yuchang.accounts.rules import Actor

V = TypeVar("V", bound=Callable[..., HttpResponseBase])
BACKEND = "yuchang.accounts.backend.AccountBackend"
PENDING = "second_step"  # the session's note between password and second factor
PROVEN = "proven_at"  # when its person last proved who it is, in seconds of real time


def sign_in_now(request: HttpRequest, user: User, way: str, next_url: str) -> HttpResponse:
    """Begin the session of a proven person, note it, and go on to the address."""
    before = request.session.session_key or ""
    login(request, user, backend=BACKEND)
    request.session[PENDING] = None
    note_proof(request)
    if request.session.session_key is None:
        request.session.save()
    actions.begin_session(
        actor=Actor(user.pk, user.display_name),
        session_key=request.session.session_key or "",
        address=request.META.get("REMOTE_ADDR"),
        agent=request.headers.get("User-Agent", ""),
        way=way,
        instead_of=before,
    )
    return redirect(next_url)


def note_proof(request: HttpRequest) -> None:
    """The person has just proven who it is."""
    request.session[PROVEN] = int(real_now().timestamp())


def proven_at(request: HttpRequest) -> datetime | None:
    """When the person of this session last proved who it is; None when that is not known."""
    seconds = request.session.get(PROVEN)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def proving(back: Callable[..., str]) -> Callable[[V], V]:
    """Where a view finds the last proof of who one is too old, lead to a new one, and from there ``back``.

    ``back`` takes what the view takes from the address and gives the page to go on from.
    """

    def around(view: V) -> V:
        @wraps(view)
        def inside(request: HttpRequest, *given: Any, **named: Any) -> HttpResponseBase:
            try:
                return view(request, *given, **named)
            except ProofDue:
                return ask_for_proof(request, back(*given, **named))

        return inside  # type: ignore[return-value]

    return around


def ask_for_proof(request: HttpRequest, next_url: str) -> HttpResponse:
    """Lead to the page on which the person proves who it is; from there on to the address."""
    address = f"{reverse('accounts:prove')}?{urlencode({'next': next_url})}"
    if not request.headers.get("HX-Request"):
        return redirect(address)
    answer = HttpResponse()
    answer["HX-Redirect"] = address
    return answer
