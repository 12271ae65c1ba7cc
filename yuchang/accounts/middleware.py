"""Puts the actor, with today's grants, on every signed-in request."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for
from yuchang.core import clock

RENEW_SECONDS = 60


class ActorMiddleware:
    """``request.actor``: an ``Actor``, or None for a stranger. A one-time password must be changed first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        request.actor = None  # type: ignore[attr-defined]
        if user.is_authenticated and isinstance(user, User):
            request.actor = actor_for(user.pk, user.display_name, clock.today())  # type: ignore[attr-defined]
            if user.password_is_temporary and request.path not in _open_paths():
                return redirect("accounts:password")
            _renew_session(request)
        return self.get_response(request)


def _renew_session(request: HttpRequest) -> None:
    """Push the idle limit forward, at most once in ``RENEW_SECONDS``."""
    now = int(time.time())
    if now - int(request.session.get("seen_at", 0)) > RENEW_SECONDS:
        request.session["seen_at"] = now


def _open_paths() -> set[str]:
    """Where a person with a one-time password may go before choosing an own one."""
    return {reverse(f"accounts:{name}") for name in ("password", "sign_out")} | {reverse("core:set_language")}
