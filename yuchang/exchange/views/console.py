"""Pages: what-ifs of a clearing beside each other, pictures of the exchange, goods that do not sell."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate, open_door
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import VersionForm, require_valid, show_problems
from yuchang.core.lists import listing
from yuchang.exchange import actions, forms, lists, pictures, queries
from yuchang.exchange import queries_console as console
from yuchang.exchange.actions.emergencies import EVIDENCE
from yuchang.exchange.beside import conditions, lines_of
from yuchang.exchange.forms_console import (
    EMERGENCY_FIELDS,
    SCENARIO_FIELDS,
    BudgetForm,
    EmergencyForm,
    ScenarioForm,
)
from yuchang.exchange.models import Clearing, Posting, Scenario
from yuchang.exchange.views.clearings import NATION, areas, progress
from yuchang.files.queries import files_about
from yuchang.places import outlines
from yuchang.places.models import Place
from yuchang.sheets.lists import answer

UNDER_WAY = (Scenario.State.QUEUED, Scenario.State.RUNNING)
YEAR = timedelta(days=365)
VILLAGES_SHOWN = 300


# What-ifs -----------------------------------------------------------------------------------------


@gate("exchange.read")
@require_GET
def compare(request: HttpRequest, clearing_id: int) -> HttpResponse:
    """A draft and its scenarios beside each other."""
    actor = actor_of(request)
    run = queries.clearing_for(actor, clearing_id)
    form = ScenarioForm() if actor.may("exchange.clear") else None
    return _compare(request, run, form)


def _compare(
    request: HttpRequest, run: Clearing, form: ScenarioForm | None, status: int = 200
) -> HttpResponse:
    runs = console.family_of(run)
    draft = runs[0]
    different = console.differences_of(runs)
    names, pairs = console.group_names(runs), console.pairing_names(runs)
    is_open = not any(one.state == Clearing.State.PUBLISHED for one in runs) and draft.state == "computed"
    publication = console.holding_publications(draft).first()
    context = {
        "draft": draft,
        "runs": [
            {
                "run": one,
                "conditions": conditions(one.parameters),
                "differences": different[one.pk],
                "groups": [
                    {**group, "name": names.get((group["level"], group["key"]), "—")}
                    for group in one.outcome.get("groups", [])
                ],
                "pairings": [
                    {**pairing, "name": pairs.get(pairing["key"], "—")}
                    for pairing in one.outcome.get("pairings", [])
                ],
            }
            for one in runs
        ],
        "lines": lines_of(runs),
        "waiting": console.scenarios_of(draft.pk).exclude(state=Scenario.State.DONE),
        "form": form if is_open and not publication and draft.context_hash else None,
        "is_open": is_open and not publication,
        "publication": publication if is_open else None,
    }
    return render(request, "exchange/compare.html", context, status=status)


@gate("exchange.clear")
@require_POST
def scenario_add(request: HttpRequest, clearing_id: int) -> HttpResponse:
    """Ask for one more scenario of a draft."""
    actor = actor_of(request)
    draft = queries.clearing_for(actor, clearing_id, "exchange.clear")
    form = ScenarioForm(request.POST)
    if form.is_valid():
        try:
            actions.add_scenario(
                actor=actor, draft_id=draft.pk, name=form.cleaned_data["name"], asked=form.asked()
            )
        except Invalid as error:
            show_problems(form, error, SCENARIO_FIELDS)
        else:
            messages.success(request, _("方案已提交，正在后台计算。"))
            return redirect("exchange:compare", draft.pk)
    return _compare(request, draft, form, status=422)


@gate("exchange.read")
@require_GET
def scenario_progress(request: HttpRequest, scenario_id: int) -> HttpResponse:
    """How far a scenario is, asked for every second while it is computed."""
    row = console.scenario_for(actor_of(request), scenario_id)
    is_over = row.state not in UNDER_WAY
    return progress(request, "exchange/scenario_progress.html", {"scenario": row}, is_over=is_over)


@gate("exchange.clear")
@require_POST
def scenario_stop(request: HttpRequest, scenario_id: int) -> HttpResponse:
    """Stop computing."""
    version = require_valid(VersionForm(request.POST))["version"]
    row = actions.stop_scenario(actor=actor_of(request), scenario_id=scenario_id, version=version)
    messages.success(request, _("已停止。"))
    return redirect("exchange:compare", row.draft_id)


@gate("exchange.clear")
@require_POST
def scenario_resume(request: HttpRequest, scenario_id: int) -> HttpResponse:
    """Compute again from the same frozen inputs."""
    version = require_valid(VersionForm(request.POST))["version"]
    row = actions.resume_scenario(actor=actor_of(request), scenario_id=scenario_id, version=version)
    messages.success(request, _("方案已提交，正在后台计算。"))
    return redirect("exchange:compare", row.draft_id)


# Budgets ------------------------------------------------------------------------------------------


@gate("exchange.post")
@require_http_methods(["GET", "POST"])
def budget(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """What one's own organisation can pay, and what is left of it."""
    actor = actor_of(request)
    organisation = console.own_organisation(actor, organisation_id)
    row = console.budget_of(organisation.pk)
    start = {"version": 0} if row is None else {"version": row.version, "until": row.until}
    form = BudgetForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        given = {"version": data["version"], "amount_fen": forms.fen(data["amount"] or Decimal(0))}
        try:
            actions.set_budget(actor=actor, organisation_id=organisation.pk, until=data["until"], **given)
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已记下。下一次按预算的撮合会用它。"))
            return redirect("exchange:budget", organisation.pk)
    context = {"organisation": organisation, "row": row, "form": form, "left": console.budget_left(row)}
    return render(request, "exchange/budget.html", context, status=422 if form.errors else 200)


# Pictures -----------------------------------------------------------------------------------------


@gate("exchange.read")
@require_GET
def picture_page(request: HttpRequest) -> HttpResponse:
    """Who gives what to whom, what is missing, what does not sell, and the price bands of one area."""
    actor = actor_of(request)
    area = _area(actor, request.GET.get("place", ""))
    if area is None:
        return render(request, "exchange/pictures.html", {"area": None})
    today = clock.today()
    lines = pictures.county_lines(area, today - YEAR)
    context = {
        "area": area,
        "flows": pictures.flows(area, today - YEAR),
        "lines": lines,
        "drawing": _drawing(area, lines),
        "unmet": pictures.open_heat(area, "need"),
        "unsold": pictures.unsold(area, today),
        "bands": pictures.price_bands(area, today - timedelta(days=pictures.BAND_DAYS)),
        "villages": _villages(area),
    }
    return render(request, "exchange/pictures.html", context)


def _area(actor: Actor, asked: str) -> pictures.Area | None:
    """The place asked for, else the actor's widest; None for somebody without any place."""
    if asked.isascii() and asked.isdigit() and len(asked) < 16:
        return pictures.Area(open_door(Place.objects.all(), actor, "exchange.read", int(asked)))
    scopes = [s for s in actor.scopes("exchange.read") if isinstance(s, PlaceScope)]
    if not scopes:
        return None
    widest = min(scopes, key=lambda s: (s.level, s.place_id))
    return pictures.Area(Place.objects.get(pk=widest.place_id) if widest.level else None)


def _drawing(area: pictures.Area, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What the map of flows is drawn from: lines whose both ends have a point."""
    code = outlines.COUNTRY
    if area.place is not None:
        province = Place.objects.filter(pk=area.place.province_id or 0).values_list("code", flat=True).get()
        code = province if outlines.outline_of(province) else code
    known = [
        {
            "name": f"{one['giver']} → {one['taker']}",
            "from": one["from"],
            "to": one["to"],
            "value": one["worth_fen"],
        }
        for one in lines
        if one["from"] and one["to"]
    ]
    return {
        "outlineUrl": reverse("places:outline", args=[code]),
        "lines": known,
        "failed": _("地图未能画出，请看旁边的表。"),
    }


def _villages(area: pictures.Area) -> list[Place]:
    """The villages of a county or township that have agreements."""
    if area.place is None or area.place.level < Place.Level.COUNTY:
        return []
    dealing = Posting.objects.filter(**{area.column: area.place.pk}, agreed_quantity__gt=0)
    rows = Place.objects.filter(pk__in=dealing.values("village_id"))
    return list(rows.order_by("code").only("pk", "name")[:VILLAGES_SHOWN])


@gate("exchange.read")
@require_GET
def village_network(request: HttpRequest, place_id: int) -> HttpResponse:
    """With whom one village deals."""
    villages = Place.objects.filter(level=Place.Level.VILLAGE)
    village = open_door(villages, actor_of(request), "exchange.read", place_id)
    network = pictures.village_network(village, clock.today() - YEAR)
    return render(request, "exchange/network.html", {"village": village, "network": network})


# Emergencies --------------------------------------------------------------------------------------


@gate("exchange.read")
@require_GET
def emergency_list(request: HttpRequest) -> HttpResponseBase:
    """Goods that do not sell, and what became of them."""
    actor = actor_of(request)
    rows = console.emergencies_for(actor)
    found = listing(request, rows, lists.EMERGENCIES, name="exchange.emergencies", label=_("滞销应急"))
    return answer(
        request, found, "exchange/emergency_list.html", {"may_declare": actor.may("exchange.clear")}
    )


@gate("exchange.clear")
@require_http_methods(["GET", "POST"])
def emergency_new(request: HttpRequest) -> HttpResponse:
    """Declare goods that do not sell."""
    actor = actor_of(request)
    counties = [pair for pair in areas(actor) if pair[0] != NATION]
    start = {"until": _in_a_month(clock.today()), "posting": request.GET.get("posting", "")}
    form = EmergencyForm(request.POST or None, request.FILES or None, counties=counties, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.declare_emergency(
                actor=actor,
                county=Place.objects.get(pk=form.cleaned_data["county"]),
                facts=form.facts(),
                evidence=form.cleaned_data["evidence"],
            )
        except Invalid as error:
            show_problems(form, error, EMERGENCY_FIELDS)
        else:
            messages.success(request, _("已申报，并已告知可能的买家。下一次撮合按应急条件寻找。"))
            return redirect("exchange:emergency", row.pk)
    return render(request, "exchange/emergency_new.html", {"form": form}, status=422 if form.errors else 200)


def _in_a_month(today: date) -> date:
    return today + timedelta(days=30)


@gate("exchange.read")
@require_GET
def emergency_page(request: HttpRequest, emergency_id: int) -> HttpResponse:
    """What was placed, with whom, at what price, what the fund pays, and what is still unsold."""
    actor = actor_of(request)
    row = console.emergency_for(actor, emergency_id)
    placed = list(console.placed_of(row)[: console.PLACED_SHOWN])
    context = {
        "row": row,
        "totals": console.emergency_totals(row),
        "unsold": console.unsold_quantity(row),
        "placed": [
            {
                "help": one,
                "match": one.match,
                "seller": queries.public_owner(one.match.offer),
                "buyer": queries.public_owner(one.match.need),
            }
            for one in placed
        ],
        "files": files_about(EVIDENCE, row.pk),
        "is_live": row.state == "live" and row.until >= clock.today(),
    }
    return render(request, "exchange/emergency.html", context)


@gate("exchange.clear")
@require_POST
def emergency_end(request: HttpRequest, emergency_id: int) -> HttpResponse:
    """End an emergency before its day."""
    data = require_valid(forms.ReasonForm(request.POST))
    actions.end_emergency(actor=actor_of(request), emergency_id=emergency_id, **data)
    messages.success(request, _("已结束。"))
    return redirect("exchange:emergency", emergency_id)
