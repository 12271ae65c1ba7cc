"""The files of an object on any page: ``{% attachments "household" pk place "household_document" %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from yuchang.accounts.rules import Actor
from yuchang.files import queries
from yuchang.files.fields import accepted, advice
from yuchang.places.models import Place

register = template.Library()


@register.inclusion_tag("files/attachments.html", takes_context=True)
def attachments(
    context: dict[str, Any], about_kind: str, about_id: int, place: Place, purpose: str = ""
) -> dict[str, Any]:
    """The ready files of one object that the reader may see, and, with a ``purpose``, the form to add some.

    The page has opened the object through its door: the form carries a permit for this person and object.
    One query, two when there are files.
    """
    request: HttpRequest = context["request"]
    actor = getattr(request, "actor", None)
    if not isinstance(actor, Actor):
        return {"files": []}
    is_bare = not queries.has_files(about_kind, about_id)
    found = [] if is_bare else list(queries.files_about_for(actor, about_kind, about_id)[:200])
    may_add = bool(purpose) and queries.may_add(actor, purpose)
    wanted = queries.Attachment(purpose, about_kind, about_id, place.pk)
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "files": found,
        "about": f"{about_kind}-{about_id}-{purpose}",
        "token": queries.attach_token(actor, wanted) if may_add else "",
        "accepted": accepted(purpose) if may_add else "",
        "advice": advice(purpose) if may_add else "",
    }
