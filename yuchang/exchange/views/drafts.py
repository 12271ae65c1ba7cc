"""Pages: drafts from a whole resource sheet, reviewed and published together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate, open_door
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.money import plain_yuan
from yuchang.exchange import actions, forms
from yuchang.exchange.models import Posting
from yuchang.exchange.sheet import drafts_of, sheet_of, usual_limits
from yuchang.places.models import Place
from yuchang.registry.models import Household

SHOWN = 100


@dataclass(frozen=True)
class Owner:
    """Whose sheet it is: a household, or a village with all its households."""

    village: Place
    household: Household | None = None

    @property
    def keys(self) -> dict[str, int | None]:
        """As actions and queries take it."""
        if self.household is not None:
            return {"village_id": None, "household_id": self.household.pk}
        return {"village_id": self.village.pk, "household_id": None}

    @property
    def address(self) -> str:
        """The page of this sheet."""
        chosen = {"household": self.household.number} if self.household else {"village": self.village.code}
        return f"{reverse('exchange:drafts')}?{urlencode(chosen)}"


def _owner(actor: Actor, data: Any) -> Owner | None:
    """The owner named in the address, or the actor's only village. Raises Hidden out of reach."""
    if number := data.get("household", ""):
        rows = Household.objects.select_related("place")
        found = rows.filter(number=number).values_list("pk", flat=True).first()
        household = open_door(rows, actor, "exchange.post", found)
        return Owner(household.place, household)
    villages = Place.objects.filter(level=5, valid_to=None)
    if code := data.get("village", ""):
        found = villages.filter(code=code).values_list("pk", flat=True).first()
        return Owner(open_door(villages, actor, "exchange.post", found))
    own = [s.place_id for s in actor.scopes("exchange.post") if isinstance(s, PlaceScope) and s.level == 5]
    village = villages.filter(pk=own[0]).first() if len(own) == 1 else None
    return Owner(village) if village else None


@gate("exchange.post")
@require_GET
def drafts(request: HttpRequest) -> HttpResponse:
    """What a sheet would give and what it would not, and the drafts that wait for a price."""
    actor = actor_of(request)
    owner = _owner(actor, request.GET)
    return render(request, "exchange/drafts.html", _context(actor, owner, {}))


def _context(actor: Actor, owner: Owner | None, given: dict[int, forms.ReviewForm]) -> dict[str, Any]:
    if owner is None:
        return {"owner": None}
    lines = sheet_of(**owner.keys, today=clock.today())
    rows = list(drafts_of(actor, **owner.keys)[:SHOWN])
    usual = usual_limits(owner.village.pk, rows)
    return {
        "owner": owner,
        "ready": sum(line.facts is not None for line in lines),
        "left_out": [line for line in lines if line.why],
        "rows": [(row, given.get(row.pk) or _form(row, usual.get(row.pk))) for row in rows],
    }


def _form(row: Posting, usual: int | None) -> forms.ReviewForm:
    limit = row.limit_fen or usual
    initial = {
        "is_chosen": limit is not None,
        "limit": plain_yuan(limit) if limit is not None else "",
        "quantity": row.quantity,
        "window_from": row.window_from,
        "window_to": row.window_to,
        "version": row.version,
    }
    return forms.ReviewForm(initial=initial, prefix=f"d{row.pk}")


@gate("exchange.post")
@require_POST
def drafts_make(request: HttpRequest) -> HttpResponse:
    """One click: a draft of everything that can be posted."""
    actor = actor_of(request)
    owner = _owner(actor, request.POST)
    if owner is None:
        raise Invalid([])
    made = actions.draft_from_sheet(actor=actor, **owner.keys)
    messages.success(request, _("已起草 %(n)d 条，请逐条核对价格后发布。") % {"n": made.count})
    return redirect(owner.address)


@gate("exchange.post")
@require_POST
def drafts_publish(request: HttpRequest) -> HttpResponse:
    """Publish the chosen drafts, all or none; what is wrong stands beside its row."""
    actor = actor_of(request)
    owner = _owner(actor, request.POST)
    if owner is None:
        raise Invalid([])
    numbers = list(drafts_of(actor, **owner.keys).values_list("pk", flat=True)[:SHOWN])
    given = {pk: forms.ReviewForm(request.POST, prefix=f"d{pk}") for pk in numbers}
    chosen = {pk: form for pk, form in given.items() if request.POST.get(f"d{pk}-is_chosen")}
    error = ""
    if all([form.is_valid() for form in chosen.values()]):
        try:
            count = actions.publish_drafts(actor=actor, rows=[_reviewed(pk, f) for pk, f in chosen.items()])
        except Invalid as refused:
            error = refused.message
        else:
            messages.success(request, _("已发布 %(n)d 条，将参加下一次撮合。") % {"n": count})
            return redirect(owner.address)
    context = _context(actor, owner, chosen) | {"error": error}
    return render(request, "exchange/drafts.html", context, status=422)


def _reviewed(posting_id: int, form: forms.ReviewForm) -> actions.Reviewed:
    data = form.cleaned_data
    return actions.Reviewed(
        posting_id,
        data["version"],
        forms.fen(data["limit"]),
        data["quantity"],
        data["window_from"],
        data["window_to"],
    )
