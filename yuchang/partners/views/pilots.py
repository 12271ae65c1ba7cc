"""Pages: pilots in rounds."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.errors import Invalid
from yuchang.core.forms import require_valid, show_problems
from yuchang.core.lists import listing
from yuchang.partners import actions, lists, queries
from yuchang.partners.forms import DecisionForm, NextRoundForm, PilotForm, ResultForm
from yuchang.partners.models import Pilot
from yuchang.partners.views.registrations import managed_county
from yuchang.sheets.lists import answer

NAMES = {"places": "place_codes"}


@gate("partners.read")
@require_GET
def pilot_list(request: HttpRequest) -> HttpResponseBase:
    """Pilots of the actor's places."""
    rows = queries.pilots_for(actor_of(request))
    found = listing(request, rows, lists.PILOTS, name="partners.pilots", label=_("试点"))
    return answer(request, found, "partners/pilot_list.html")


@gate("partners.manage")
@require_http_methods(["GET", "POST"])
def pilot_new(request: HttpRequest) -> HttpResponse:
    """Begin a pilot with its first round."""
    actor = actor_of(request)
    form = PilotForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            row = actions.open_pilot(
                actor=actor,
                place_id=managed_county(actor),
                title=data["title"],
                question=data["question"],
                first=_round(data),
            )
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("试点已开始。"))
            return redirect("partners:pilot", row.pk)
    return render(request, "partners/pilot_new.html", {"form": form}, status=422 if form.errors else 200)


def _round(data: dict[str, Any]) -> actions.RoundFacts:
    return actions.RoundFacts(
        data["place_codes"], data["starts_on"], data["ends_on"], data["measure"], data["goal"]
    )


@gate("partners.read")
@require_GET
def pilot(request: HttpRequest, pilot_id: int) -> HttpResponse:
    """One pilot with its rounds, and the next step."""
    actor = actor_of(request)
    row = queries.pilot_for(actor, pilot_id)
    rounds = list(row.rounds.all())
    last = rounds[-1]
    is_mine = Pilot.objects.filter(queries.receiver_filter(actor, "partners.manage"), pk=row.pk).exists()
    may_decide = is_mine and last.result is not None and not last.decision
    may_go_on = is_mine and bool(last.decision) and row.state != Pilot.State.STOPPED
    context = {
        "row": row,
        "rounds": rounds,
        "last": last,
        "result_form": ResultForm(initial={"version": last.version})
        if is_mine and last.result is None
        else None,
        "decision_form": DecisionForm(initial={"version": last.version})
        if may_decide and last.reported_by_id != actor.user_id
        else None,
        "next_form": NextRoundForm(initial={"version": row.version}) if may_go_on else None,
    }
    return render(request, "partners/pilot.html", context)


@gate("partners.manage")
@require_POST
def pilot_next(request: HttpRequest, pilot_id: int) -> HttpResponse:
    """A further round."""
    data = require_valid(NextRoundForm(request.POST))
    actions.next_round(
        actor=actor_of(request), pilot_id=pilot_id, version=data["version"], facts=_round(data)
    )
    messages.success(request, _("下一轮已开始。"))
    return redirect("partners:pilot", pilot_id)


@gate("partners.manage")
@require_POST
def round_report(request: HttpRequest, round_id: int) -> HttpResponse:
    """What a round brought."""
    data = require_valid(ResultForm(request.POST))
    row = actions.report_round(actor=actor_of(request), round_id=round_id, **data)
    messages.success(request, _("结果已报告，等待另一位专员决定。"))
    return redirect("partners:pilot", row.pilot_id)


@gate("partners.manage")
@require_POST
def round_decide(request: HttpRequest, round_id: int) -> HttpResponse:
    """Widen, try again or stop."""
    data = require_valid(DecisionForm(request.POST))
    row = actions.decide_round(actor=actor_of(request), round_id=round_id, **data)
    messages.success(request, _("已作出决定。"))
    return redirect("partners:pilot", row.pilot_id)
