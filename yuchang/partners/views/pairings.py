"""Pages: pairings (结对帮扶)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.errors import Invalid
from yuchang.core.forms import require_valid, show_problems
from yuchang.core.lists import Filter, listing
from yuchang.partners import actions, lists, queries
from yuchang.partners.forms import AnswerForm, PairingForm, ReasonForm, place_by
from yuchang.partners.models import Organisation, Pairing
from yuchang.partners.views.commitments import makers_of
from yuchang.sheets.lists import answer

NAMES = {"place": "place_code", "helper_place": "helper_code"}


@gate("partners.read")
@require_GET
def pairing_list(request: HttpRequest) -> HttpResponseBase:
    """Pairings that concern the actor."""
    rows = queries.pairings_for(actor_of(request))
    state = request.GET.get("state", "")
    if state in Pairing.State.values:
        rows = rows.filter(state=state)
    tabs = Filter("state", _("状态"), state, Pairing.State.choices, is_tabs=True, any_word=_("全部"))
    found = listing(
        request, rows, lists.PAIRINGS, name="partners.pairings", label=_("结对帮扶"), filters=[tabs]
    )
    may_propose = bool(makers_of(actor_of(request)))
    return answer(request, found, "partners/pairing_list.html", {"may_propose": may_propose})


@gate("partners.read")
@require_http_methods(["GET", "POST"])
def pairing_new(request: HttpRequest) -> HttpResponse:
    """Propose a pairing; the other side accepts."""
    form = PairingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.propose_pairing(actor=actor_of(request), facts=_facts(form))
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("已提出，等待对方同意。"))
            return redirect("partners:pairing", row.pk)
    return render(request, "partners/pairing_new.html", {"form": form}, status=422 if form.errors else 200)


def _facts(form: PairingForm) -> actions.PairingFacts:
    data = form.cleaned_data
    place, helper = place_by(data["place_code"]), place_by(data["helper_code"])
    named = Organisation.objects.filter(name=data["organisation"].strip(), state="vetted")
    is_firm = data["kind"] != Pairing.Kind.EAST_WEST
    return actions.PairingFacts(
        kind=data["kind"],
        place_id=place.pk if place else 0,
        valid_from=data["valid_from"],
        valid_to=data["valid_to"],
        organisation_id=named.order_by("pk").values_list("pk", flat=True).first() if is_firm else None,
        helper_place_id=helper.pk if helper and not is_firm else None,
        document=data["document"],
        note=data["note"],
    )


@gate("partners.read")
@require_GET
def pairing(request: HttpRequest, pairing_id: int) -> HttpResponse:
    """One pairing, and each side's next step."""
    actor = actor_of(request)
    row = queries.pairing_for(actor, pairing_id)
    permission = queries.own_or_manage(actor)
    rows = Pairing.objects.filter(pk=row.pk)
    helps = rows.filter(queries.helper_filter(actor, permission)).exists()
    receives = rows.filter(queries.receiver_filter(actor, permission)).exists()
    asked = receives if row.proposed_side == Pairing.Side.HELPER else helps
    context = {
        "row": row,
        "may_answer": row.state == "proposed" and asked and row.proposed_by_id != actor.user_id,
        "may_end": row.state == "active" and (helps or receives),
    }
    return render(request, "partners/pairing.html", context)


@gate("partners.read")
@require_POST
def pairing_answer(request: HttpRequest, pairing_id: int) -> HttpResponse:
    """The other side accepts or declines."""
    data = require_valid(AnswerForm(request.POST))
    is_yes = data.pop("answer")
    actions.answer_pairing(actor=actor_of(request), pairing_id=pairing_id, is_accepted=is_yes, **data)
    messages.success(request, _("已结对。") if is_yes else _("未达成结对。"))
    return redirect("partners:pairing", pairing_id)


@gate("partners.read")
@require_POST
def pairing_end(request: HttpRequest, pairing_id: int) -> HttpResponse:
    """Either side ends it."""
    data = require_valid(ReasonForm(request.POST))
    actions.end_pairing(actor=actor_of(request), pairing_id=pairing_id, **data)
    messages.success(request, _("结对已结束。"))
    return redirect("partners:pairing", pairing_id)
