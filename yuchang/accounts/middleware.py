"""Puts the actor, with today's rights, on every signed-in request; what must come first comes first."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from yuchang.accounts.actions import note_session
from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for, is_password_old, is_second_factor_due
from yuchang.accounts.rules import Actor
from yuchang.core import clock

RENEW_SECONDS = 60


class ActorMiddleware:
    """``request.actor``: an ``Actor``, or None for a stranger.

    A one-time or outdated password must be changed first, and a second factor that the role asks for
    must be enrolled before anything else.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        request.actor = None  # type: ignore[attr-defined]
        if user.is_authenticated and isinstance(user, User):
            chosen = request.session.get("acting_as", "")
            actor = actor_for(user.pk, user.display_name, clock.today(), acting_as=chosen)
            request.actor = actor  # type: ignore[attr-defined]
            first = _what_comes_first(request, user, actor)
            if first and request.path not in _open_paths():
                return redirect(first)
            _renew_session(request, user)
        return self.get_response(request)


def _what_comes_first(request: HttpRequest, user: User, actor: Actor) -> str:
    """The page that must be dealt with before all others; empty when there is none."""
    if user.password_is_temporary:
        return "accounts:password"
    roles, checked = {grant.role.value for grant in actor.grants}, request.session.get("is_checked")
    if isinstance(checked, list) and roles <= set(checked):
        return ""  # a role that was approved since asks anew
    if is_password_old(user):
        return "accounts:password"
    if is_second_factor_due(actor):
        return "accounts:own"
    request.session["is_checked"] = sorted(roles)
    return ""


def _renew_session(request: HttpRequest, user: User) -> None:
    """Push the idle limit forward, at most once in ``RENEW_SECONDS``."""
    now = int(time.time())
    if now - int(request.session.get("seen_at", 0)) > RENEW_SECONDS:
        request.session["seen_at"] = now
        if request.session.session_key:
            agent = request.headers.get("User-Agent", "")
            note_session(user.pk, request.session.session_key, request.META.get("REMOTE_ADDR"), agent)


def _open_paths() -> set[str]:
    """Where a person may go before what comes first is done."""
    names = (
        "password",
        "sign_out",
        "own",
        "totp",
        "passkey_options",
        "passkey_new",
        "recovery_codes",
        "prove",
        "second_step",
        "sign_out_everywhere",
    )
    return {reverse(f"accounts:{name}") for name in names} | {reverse("core:set_language")}
