"""The last step of every way in: the session of a person who is proven."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from yuchang.accounts import actions
from yuchang.accounts.models import User
from yuchang.accounts.rules import Actor

BACKEND = "django.contrib.auth.backends.ModelBackend"
PENDING = "second_step"  # the session's note between password and second factor


def sign_in_now(request: HttpRequest, user: User, way: str, next_url: str) -> HttpResponse:
    """Begin the session of a proven person, note it, and go on to the address."""
    login(request, user, backend=BACKEND)
    request.session[PENDING] = None
    if request.session.session_key is None:
        request.session.save()
    actions.begin_session(
        actor=Actor(user.pk, user.display_name),
        session_key=request.session.session_key or "",
        address=request.META.get("REMOTE_ADDR"),
        agent=request.headers.get("User-Agent", ""),
        way=way,
    )
    return redirect(next_url)
