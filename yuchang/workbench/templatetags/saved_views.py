"""The lists that the reader has kept under a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import QuerySet

from yuchang.accounts.rules import Actor
from yuchang.core.lists import Listing
from yuchang.core.prepared import prepared
from yuchang.workbench.models import SavedView

register = template.Library()


@dataclass(frozen=True)
class Saved:
    """The reader's own saved lists of one page; not offered to strangers and in the public zone."""

    is_offered: bool
    views: list[SavedView]


@prepared
def _views(user_id: Any, page: Any) -> QuerySet[SavedView]:
    return SavedView.objects.filter(user_id=user_id, page=page).order_by("name", "id")


@register.simple_tag(takes_context=True)
def saved_views(context: dict[str, Any], found: Listing) -> Saved:
    """One query for a signed-in reader, none for anybody else."""
    actor = context.get("actor")
    if not isinstance(actor, Actor) or not actor.user_id:
        return Saved(False, [])
    return Saved(True, _views(actor.user_id, found.name))
