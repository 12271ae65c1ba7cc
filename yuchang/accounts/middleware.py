"""Puts the actor, with today's grants, on every signed-in request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from yuchang.accounts.models import User
from yuchang.accounts.queries import actor_for
from yuchang.core import clock


class ActorMiddleware:
    """``request.actor``: an ``Actor``, or None for a stranger."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        is_person = isinstance(user, User) or (user.is_authenticated and user.pk)
        request.actor = (  # type: ignore[attr-defined]
            actor_for(int(user.pk), user.display_name, clock.today()) if is_person else None
        )
        return self.get_response(request)
