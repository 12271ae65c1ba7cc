"""The policy desk: lines, rules, runs and decisions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate, open_door, require
from yuchang.core import clock
from yuchang.core.errors import Conflict, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import listing
from yuchang.policy import lists
from yuchang.policy.actions import decide_household, run_policy
from yuchang.policy.forms import DecideForm, RunForm
from yuchang.policy.models import MonitoringClass, Verdict
from yuchang.policy.queries import (
    decision_for,
    decisions_for,
    explain_result,
    households_of,
    library,
    lines_of,
    pack_of,
    replay_decision,
    result_for,
    results_of_household,
    results_with,
    rule_counts,
    run_for,
    runs_for,
)
from yuchang.policy.rules import read_plan
from yuchang.policy.words import definition_cards, explanation_of, line_tables, rule_cards
from yuchang.registry.models import Household
from yuchang.sheets.lists import answer


@gate("policy.read")
@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """The lines by region and year, and the latest runs."""
    return render(request, "policy/desk.html", _desk(request, None))


def _desk(request: HttpRequest, form: RunForm | None) -> dict[str, Any]:
    actor = actor_of(request)
    if form is None and actor.may("policy.decide"):
        form = RunForm(actor=actor, today=clock.today())
    return {
        "tables": line_tables(library(), simulated=clock.is_simulated()),
        "runs": runs_for(actor)[:10],
        "form": form,
    }


@gate("policy.read")
@require_GET
def rules(request: HttpRequest) -> HttpResponse:
    """Every rule as a sentence beside its source."""
    texts = library()
    pack = pack_of(texts)
    context = {"rules": rule_cards(pack), "definitions": definition_cards(texts, pack)}
    return render(request, "policy/rules.html", context)


@gate("policy.decide")
@require_POST
def run_new(request: HttpRequest) -> HttpResponse:
    """Apply the rules to a whole county."""
    actor = actor_of(request)
    form = RunForm(request.POST, actor=actor, today=clock.today())
    if form.is_valid():
        try:
            run = run_policy(actor=actor, county=form.cleaned_data["county"], on=form.cleaned_data["on"])
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已认定 %(count)s 户。") % {"count": run.households})
            return redirect("policy:run", run.pk)
    return render(request, "policy/desk.html", _desk(request, form), status=422)


@gate("policy.read")
@require_GET
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """The counts of a run; each opens the list it counts."""
    found = run_for(actor_of(request), pk)
    counts = rule_counts(found)
    cards = rule_cards(read_plan(found.plan.source).pack)
    context = {
        "run": found,
        "verdicts": [(v, found.counts["verdict"].get(v.value, 0)) for v in Verdict],
        "classes": [(c, found.counts["class"].get(c.value, 0)) for c in MonitoringClass],
        "rules": [(card, *counts[card.rule.bit]) for card in cards],
        "lines": lines_of(found.plan),
    }
    return render(request, "policy/run.html", context)


@gate("policy.read")
@require_GET
def results(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The households behind one count of a run."""
    found = run_for(actor_of(request), pk)
    chosen = {name: request.GET.get(name, "") for name in ("verdict", "kind", "rule", "state")}
    rows = results_with(found, **(chosen | {"state": chosen["state"] or "met"}))
    shown = listing(
        request,
        rows,
        lists.RESULTS,
        name="policy.results",
        label=_("认定名单"),
        order=["household_id"],
        prepare=lists.with_households,
        total=rows.count(),
    )
    verdict = Verdict(chosen["verdict"]).label if chosen["verdict"] in Verdict.values else ""
    return answer(request, shown, "policy/results.html", {"run": found, "verdict": verdict})


@gate("policy.read")
@require_GET
def result(request: HttpRequest, pk: int, household_id: int) -> HttpResponse:
    """Why a run said what it said of one household; a touched snapshot is named, not trusted."""
    found = result_for(actor_of(request), pk, household_id)
    why, problem = None, None
    try:
        why = explain_result(found)
    except Conflict as error:
        problem = error
    context = {
        "result": found,
        "household": households_of([found]).get(household_id),
        "why": why,
        "problem": problem,
        "lines": lines_of(found.run.plan, found.village_id),
    }
    return render(request, "policy/result.html", context)


@gate("policy.read")
@require_http_methods(["GET", "POST"])
def household(request: HttpRequest, pk: int) -> HttpResponse:
    """The verdicts on one household so far, and the form to decide again."""
    actor, today = actor_of(request), clock.today()
    row = open_door(Household.objects.select_related("place"), actor, "policy.read", pk)
    form = DecideForm(request.POST or None, today=today)
    if request.method == "POST":
        require(actor, "policy.decide")
        if form.is_valid():
            try:
                decision = decide_household(actor=actor, household_id=pk, on=form.cleaned_data["on"])
            except Invalid as error:
                show_problems(form, error)
            else:
                messages.success(
                    request, _("已认定：%(verdict)s。") % {"verdict": decision.get_verdict_display()}
                )
                return redirect("policy:decision", decision.pk)
    context = {
        "household": row,
        "form": form if actor.may("policy.decide") else None,
        "decisions": decisions_for(actor, pk)[:50],
        "results": results_of_household(actor, pk)[:20],
    }
    return render(request, "policy/household.html", context, status=422 if form.errors else 200)


@gate("policy.read")
@require_GET
def decision(request: HttpRequest, pk: int) -> HttpResponse:
    """One decision with its reasons, its lines and the proof that it can be repeated."""
    found = decision_for(actor_of(request), pk)
    outcome = replay_decision(found)
    context = {
        "decision": found,
        "why": explanation_of(found.explanation),
        "lines": lines_of(found.plan),
        "is_repeated": (outcome.verdict, outcome.met_mask, outcome.unknown_mask)
        == (found.verdict, found.met_mask, found.unknown_mask),
    }
    return render(request, "policy/decision.html", context)
