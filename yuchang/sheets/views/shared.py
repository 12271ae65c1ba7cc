"""Small things that several pages need."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core.errors import Hidden
from yuchang.sheets.catalogue import Source, sources_for


def version_of(request: HttpRequest) -> int | None:
    """The version that a form says it read; None when it says none."""
    return number_of(request.POST.get("version"))


def number_of(text: str | None) -> int | None:
    """A whole number of an address or form; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def source_of(actor: Actor, name: str | None) -> Source:
    """The named source, or the first that the actor may use. Raises Hidden when there is none."""
    found = sources_for(actor)
    for source in found:
        if source.name == name:
            return source
    if not found or name:
        raise Hidden(_("没有这种数据。"))
    return found[0]


def narrow_of(form: Any, query: Any) -> dict[str, Any]:
    """The filter: what the address bar brought, and over it what the form says."""
    kept = {k: v for k, v in query.items() if isinstance(v, str)}
    names = [c.name for c in form.source.filters]
    said: dict[str, Any] = form.source.canonical(kept | {n: form.cleaned_data.get(n, "") for n in names})
    return said
