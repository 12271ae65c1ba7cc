"""Steps of matches and deals: what a small form says, done by an action, and back to the page it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from yuchang.accounts.doors import actor_of
from yuchang.core.forms import VersionForm, require_valid
from yuchang.exchange.forms import fen
from yuchang.exchange.models import Agreement, Dispute, Match


def said(request: HttpRequest, form: type[Form] = VersionForm, **options: Any) -> dict[str, Any]:
    """What the form says, as keywords of an action: files as ``uploads``, a price in fen. Raises Invalid."""
    data = require_valid(form(request.POST, request.FILES, **options))
    if "papers" in data:
        del data["papers"]
        data["uploads"] = request.FILES.getlist("papers")
    if "price" in data:
        data["price_fen"] = fen(data.pop("price"))
    return data


def step(
    request: HttpRequest, action: Callable[..., Any], data: dict[str, Any], words: str, **about: int
) -> HttpResponse:
    """Let the action do it, say so, and show the page of what it returned."""
    row = action(actor=actor_of(request), **about, **data)
    messages.success(request, words)
    return to_page(row)


def to_page(row: Any) -> HttpResponse:
    """The page of a match, agreement or dispute; of whatever else belongs to one, that one's."""
    if isinstance(row, Match | Agreement | Dispute):
        return redirect(f"exchange:{type(row).__name__.lower()}", row.pk)
    agreement_id = getattr(row, "agreement_id", None)
    return (
        redirect("exchange:agreement", agreement_id)
        if agreement_id
        else redirect("exchange:match", row.match_id)
    )
