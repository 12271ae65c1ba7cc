"""What is due and overdue, one case with its picture and history, and the steps a person takes in it."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import Filter, listing
from yuchang.procedures import actions, lists, queries
from yuchang.procedures.forms import ActForm, OpenForm, ReasonForm, ReturnForm, TransferForm
from yuchang.procedures.models import Case, StepRecord, Track
from yuchang.sheets.lists import answer

# The pages on which a domain's own cases are done.
SUBJECT_PAGES = {
    "registry.household": "workbench:household",
    "registry.notice": "registry:notice",
    "registry.objection": "registry:objection",
}


def _code_filter(request: HttpRequest) -> Filter:
    words = [(d.code, queries.words(d.title, d.title_en)) for d in queries.present_definitions()]
    value = request.GET.get("code", "")
    return Filter("code", _("程序"), value, words, any_word=_("全部程序"), submits=True)


@gate("procedures.read")
@require_GET
def due(request: HttpRequest) -> HttpResponseBase:
    """Cases whose present step is the reader's to do, the nearest last day first."""
    actor = actor_of(request)
    rows = queries.due_for(actor).select_related("definition", "place")
    narrow = _code_filter(request)
    if narrow.value:
        rows = rows.filter(code=narrow.value)
    found = listing(
        request,
        rows,
        lists.DUE,
        name="procedures.due",
        label=_("待办事项"),
        order=["due_on", "id"],
        filters=[narrow],
    )
    context = {
        "waiting": queries.waiting_for(actor),
        "tracks": list(queries.tracks_for(actor).select_related("case__definition")[:20]),
        "may_open": actor.may("procedures.open"),
    }
    return answer(request, found, "procedures/due.html", context)


@gate("procedures.read")
@require_GET
def overdue(request: HttpRequest) -> HttpResponseBase:
    """Everything past its last day in the reader's places, the oldest first."""
    rows = queries.overdue_for(actor_of(request)).select_related("definition", "place")
    narrow = _code_filter(request)
    if narrow.value:
        rows = rows.filter(code=narrow.value)
    rung = request.GET.get("rung", "")
    if rung.isdecimal():
        rows = rows.filter(escalation__gte=min(int(rung), 9))
    rungs = Filter(
        "rung",
        _("上报级别"),
        rung,
        [("1", _("已上报")), ("2", _("第 2 级以上"))],
        is_tabs=True,
        any_word=_("全部"),
    )
    found = listing(
        request,
        rows,
        lists.OVERDUE,
        name="procedures.overdue",
        label=_("逾期事项"),
        order=["due_on", "id"],
        filters=[rungs, narrow],
    )
    return answer(request, found, "procedures/overdue.html")


@gate("procedures.read")
@require_GET
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One case: where it stands, what was done, and what the reader may do."""
    return _page(request, queries.case_for(actor_of(request), pk))


def _page(request: HttpRequest, found: Case, form: ActForm | None = None) -> HttpResponse:
    actor = actor_of(request)
    plan = queries.plan_of(found.definition)
    can_act = queries.may_act(actor, found) and not plan.driver
    step = plan.steps[found.step]
    if form is None and can_act:
        form = ActForm(step=step, initial={"version": found.version})
    is_open = found.state == Case.State.OPEN
    context: dict[str, Any] = {
        "case": found,
        "title": queries.words(found.definition.title, found.definition.title_en),
        "picture": queries.picture(found),
        "records": queries.history(found),
        "form": form,
        "can_act": can_act,
        "returns": _returns(found) if can_act and step.may_return else [],
        "people": queries.receivers(found) if queries.may_act(actor, found) else [],
        "can_withdraw": is_open and plan.may_withdraw and not plan.driver and _may_withdraw(actor, found),
        "subject_page": _subject_page(found),
        "tracks": [t for t in queries.tracks_for(actor).filter(case=found)],
        "outcome": _outcome(found),
    }
    return render(request, "procedures/case.html", context, status=422 if form and form.errors else 200)


def _outcome(found: Case) -> str:
    pair = queries.plan_of(found.definition).outcomes.get(found.outcome)
    return queries.words(*pair) if pair else ""


def _subject_page(found: Case) -> str:
    name = SUBJECT_PAGES.get(found.subject_kind)
    try:
        return reverse(name, args=[found.subject_id]) if name else ""
    except NoReverseMatch:
        return ""


def _returns(found: Case) -> list[Any]:
    plan = queries.plan_of(found.definition)
    passed = found.records.filter(kind=StepRecord.Kind.ADVANCED).exclude(step=found.step)
    codes = dict.fromkeys(passed.order_by("-number").values_list("step", flat=True))
    return [plan.steps[code] for code in codes if code in plan.main]


def _may_withdraw(actor: Actor, found: Case) -> bool:
    return found.opened_by_id == actor.user_id or queries.may_manage(actor, found)


@gate("procedures.read")
@require_POST
def case_advance(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave the present step."""
    actor = actor_of(request)
    found = queries.case_for(actor, pk)
    step = queries.plan_of(found.definition).steps[found.step]
    form = ActForm(request.POST, request.FILES, step=step)
    if form.is_valid():
        data = form.cleaned_data
        try:
            actions.act(
                actor,
                case=found,
                version=data["version"],
                choice=data["choice"],
                opinion=data["opinion"],
                document_number=data["document_number"],
                uploads=form.uploads,
                seal=data.get("seal"),
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已办理。"))
            return redirect("procedures:case", pk=pk)
    elif not queries.may_act(actor, found):
        # Who may not act hears that, and not which fields are missing.
        actions.advance(actor, case=found, version=found.version, choice="")
    return _page(request, found, form)


@gate("procedures.read")
@require_POST
def case_return(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a case back."""
    actor = actor_of(request)
    found = queries.case_for(actor, pk)
    form = ReturnForm(request.POST, steps=_returns(found))
    form.is_valid()
    data = form.cleaned_data
    actions.return_case(
        actor, case=found, version=data.get("version"), reason=data.get("reason", ""), to=data.get("to", "")
    )
    messages.success(request, _("已退回。"))
    return redirect("procedures:case", pk=pk)


@gate("procedures.read")
@require_POST
def case_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case back."""
    actor = actor_of(request)
    found = queries.case_for(actor, pk)
    form = ReasonForm(request.POST)
    form.is_valid()
    data = form.cleaned_data
    actions.withdraw(actor, case=found, version=data.get("version"), reason=data.get("reason", ""))
    messages.success(request, _("已撤回。"))
    return redirect("procedures:case", pk=pk)


@gate("procedures.read")
@require_POST
def case_transfer(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand the present step to one person."""
    actor = actor_of(request)
    found = queries.case_for(actor, pk)
    form = TransferForm(request.POST, people=queries.receivers(found))
    form.is_valid()
    data = form.cleaned_data
    to_user = data.get("to_user")
    actions.transfer(
        actor,
        case=found,
        version=data.get("version"),
        to_user_id=to_user.pk if to_user else 0,
        reason=data.get("reason", ""),
    )
    messages.success(request, _("已转交。"))
    return redirect("procedures:case", pk=pk)


@gate("procedures.read")
@require_POST
def track_complete(request: HttpRequest, pk: int) -> HttpResponse:
    """Finish a parallel step."""
    version = request.POST.get("version", "")
    track: Track = actions.complete_track(
        actor_of(request),
        track_id=pk,
        version=int(version) if version.isdecimal() else None,
        choice=request.POST.get("choice", ""),
        opinion=request.POST.get("opinion", "")[:1000],
        document_number=request.POST.get("document_number", "")[:120],
    )
    messages.success(request, _("并行步骤已办结。"))
    return redirect("procedures:case", pk=track.case_id)


@gate("procedures.open")
@require_http_methods(["GET", "POST"])
def case_new(request: HttpRequest) -> HttpResponse:
    """Open a case of a procedure that is not driven by another page."""
    actor = actor_of(request)
    actions.sync_definitions()
    free = queries.open_to_all()
    plans = {d.code: queries.plan_of(d) for d in free}
    titles = {d.code: queries.words(d.title, d.title_en) for d in free}
    form = OpenForm(request.POST or None, plans=plans, titles=titles, places=queries.places_to_open(actor))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        number = secrets.randbelow(2**62)
        opened = actions.open_case(actor, subject_kind="procedures.matter", subject_id=number, **data)
        messages.success(request, _("已发起。"))
        return redirect("procedures:case", pk=opened.pk)
    return render(request, "procedures/new.html", {"form": form}, status=422 if form.errors else 200)
