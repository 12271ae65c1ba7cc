"""What is due and overdue, one case with its picture and history, and the steps a person takes in it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.rules import Actor
from yuchang.core.errors import Invalid, Refused
from yuchang.core.forms import problems_shown, show_problems, version_of
from yuchang.core.lists import Filter, listing
from yuchang.procedures import actions, lists, queries
from yuchang.procedures.forms import (
    ActForm,
    ObjectionForm,
    OpenForm,
    ReasonForm,
    ReturnForm,
    TransferForm,
)
from yuchang.procedures.models import Case, StepRecord, Track
from yuchang.procedures.rules.machine import Plan
from yuchang.sheets.lists import answer

# The pages on which a domain's own cases are done.
SUBJECT_PAGES = {
    "registry.household": "workbench:household",
    "registry.notice": "registry:notice",
    "registry.objection": "registry:objection",
    "partners.organisation": "partners:organisation_page",
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
    rows = queries.shown_of(queries.due_for(actor))
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
    rows = queries.shown_of(queries.overdue_for(actor_of(request)))
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


Given = Mapping[str, forms.BaseForm]


def _page(request: HttpRequest, found: Case, given: Given | None = None) -> HttpResponse:
    """The page of one case; ``given`` has the forms that came back with problems, by what they do."""
    actor, given = actor_of(request), given or {}
    plan = queries.plan_of(found.definition)
    context: dict[str, Any] = {
        "case": found,
        "title": queries.words(found.definition.title, found.definition.title_en),
        "picture": queries.picture(found),
        "records": queries.history(found),
        "can_act": queries.may_act(actor, found) and not plan.driver,
        "may_hand": _may_hand(actor, found),
        "subject_page": subject_page(found),
        "is_driven": bool(plan.driver),
        "outcome": _outcome(found),
        "held": queries.held(found, plan) if found.state == Case.State.OPEN and not plan.driver else [],
        "objections": [(row, _outcome(row)) for row in queries.objections_of(found)],
        "checks": queries.checks_of(found),
    }
    opened = _open_forms(actor, found, plan, context["can_act"], bool(context["held"]))
    context |= {"forms": {**opened, **given}}
    context["tracks"] = _track_forms(actor, found, plan, given)
    context["notices"] = _objection_forms(actor, found, plan, given)
    status = 422 if any(form.errors for form in given.values()) else 200
    return render(request, "procedures/case.html", context, status=status)


def _open_forms(
    actor: Actor, found: Case, plan: Plan, can_act: bool, is_held: bool
) -> dict[str, forms.BaseForm]:
    """The forms of what this person may do with the case now."""
    if found.state != Case.State.OPEN:
        return {}
    start = {"version": found.version}
    step, made = plan.steps[found.step], dict[str, forms.BaseForm]()
    if can_act:
        if not is_held:
            made["act"] = ActForm(step=step, initial=start)
        if step.may_return and (steps := _returns(found)):
            made["back"] = ReturnForm(steps=steps, initial=start, auto_id="back-%s")
    if plan.may_withdraw and not plan.driver and _may_withdraw(actor, found):
        made["undo"] = ReasonForm(initial=start, auto_id="undo-%s")
    return made


def _track_forms(actor: Actor, found: Case, plan: Plan, given: Given) -> list[tuple[Track, Any, str]]:
    """The parallel steps that are this person's, each with its form and its name."""
    rows = queries.tracks_for(actor).filter(case=found) if not plan.driver else []
    lines = []
    for track in rows:
        step = plan.steps[track.step]
        fresh = ActForm(step=step, initial={"version": found.version}, auto_id=f"track-{track.pk}-%s")
        form = given.get(f"track-{track.pk}", fresh)
        lines.append((track, form, queries.words(step.title, step.title_en)))
    return lines


def _objection_forms(actor: Actor, found: Case, plan: Plan, given: Given) -> list[tuple[Track, Any, str]]:
    """The notices that run, each with the form to note an objection and its name."""
    is_open = found.state == Case.State.OPEN and not plan.driver
    lines = []
    for track in queries.running_notices(actor, found) if is_open else []:
        step = plan.steps[track.step]
        form = given.get(f"object-{track.pk}") or ObjectionForm(auto_id=f"object-{track.pk}-%s")
        lines.append((track, form, queries.words(step.title, step.title_en)))
    return lines


def _try(form: forms.Form, act: Callable[[dict[str, Any]], object], **names: str) -> bool:
    """Do it with what was typed; what is missing stands beside its field. ``names``: see show_problems."""
    form.is_valid()
    try:
        act(form.cleaned_data)
    except Invalid as error:
        if form.is_valid():
            show_problems(form, error, names)
        return False
    return True


def _outcome(found: Case) -> str:
    pair = queries.plan_of(found.definition).outcomes.get(found.outcome)
    return queries.words(*pair) if pair else ""


def subject_page(found: Case) -> str:
    """The page of what a case is about; empty for a matter that has only its case."""
    if found.subject_kind == queries.TRACK_KIND:
        return reverse("procedures:case", args=[queries.noticed_case(found)])
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
    return _page(request, found, {"act": form})


@gate("procedures.read")
@require_POST
def case_return(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a case back."""
    actor = actor_of(request)
    found = queries.case_for(actor, pk)
    form = ReturnForm(request.POST, steps=_returns(found), auto_id="back-%s")

    def act(data: dict[str, Any]) -> None:
        reason, to = data.get("reason", ""), data.get("to", "")
        actions.return_case(actor, case=found, version=data.get("version"), reason=reason, to=to)

    if not _try(form, act):
        return _page(request, found, {"back": form})
    messages.success(request, _("已退回。"))
    return redirect("procedures:case", pk=pk)


@gate("procedures.read")
@require_POST
def case_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case back."""
    actor = actor_of(request)
    found = queries.case_for(actor, pk)
    form = ReasonForm(request.POST, auto_id="undo-%s")

    def act(data: dict[str, Any]) -> None:
        actions.withdraw(actor, case=found, version=data.get("version"), reason=data.get("reason", ""))

    if not _try(form, act):
        return _page(request, found, {"undo": form})
    messages.success(request, _("已撤回。"))
    return redirect("procedures:case", pk=pk)


@gate("procedures.read")
@require_http_methods(["GET", "POST"])
def case_transfer(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand the present step to one person: the nearest who may do it, or those of a name."""
    actor = actor_of(request)
    found = queries.case_for(actor, pk)
    word = request.GET.get("q", "").strip()[:60]
    if request.method == "GET" and not _may_hand(actor, found):
        raise Refused(_("您不能转交这件事项。"), remedy=_("请由办理人或管理程序的人员转交。"))
    people = queries.receivers(actor, found, word)
    shown = people[: queries.COLLEAGUES]
    form = TransferForm(request.POST or None, people=shown, initial={"version": found.version})

    def act(data: dict[str, Any]) -> None:
        number, reason = data.get("to_user") or 0, data.get("reason", "")
        actions.transfer(actor, case=found, version=data.get("version"), to_user_id=number, reason=reason)

    if request.method == "POST" and _try(form, act, to_user_id="to_user"):
        messages.success(request, _("已转交。"))
        return redirect("procedures:case", pk=pk)
    context = {"case": found, "form": form, "word": word, "people": shown, "has_more": people != shown}
    return render(request, "procedures/transfer.html", context, status=422 if form.errors else 200)


def _may_hand(actor: Actor, found: Case) -> bool:
    is_open = found.state == Case.State.OPEN
    return is_open and (queries.may_act(actor, found) or queries.may_manage(actor, found))


@gate("procedures.read")
@require_POST
def track_complete(request: HttpRequest, pk: int) -> HttpResponse:
    """Finish a parallel step, with the evidence it asks for."""
    actor = actor_of(request)
    track = queries.tracks_for(actor).filter(pk=pk).select_related("case__place", "case__definition").first()
    if track is None:  # over, or not this person's: the action says which
        done = actions.complete_track(actor, track_id=pk, version=version_of(request), choice="")
        return redirect("procedures:case", pk=done.case_id)
    found = queries.case_for(actor, track.case_id)
    step = queries.plan_of(found.definition).steps[track.step]
    form = ActForm(request.POST, request.FILES, step=step, auto_id=f"track-{pk}-%s")

    def act(data: dict[str, Any]) -> None:
        names = ("version", "choice", "opinion", "document_number")
        given = {name: data.get(name, "") for name in names} | {"version": data.get("version")}
        actions.act_beside(actor, track=track, uploads=form.uploads, **given)

    if not form.is_valid() or not _try(form, act):
        return _page(request, found, {f"track-{pk}": form})
    messages.success(request, _("并行步骤已办结。"))
    return redirect("procedures:case", pk=found.pk)


@gate("procedures.open")
@require_POST
def track_object(request: HttpRequest, pk: int) -> HttpResponse:
    """Note an objection to a notice that runs."""
    actor = actor_of(request)
    form = ObjectionForm(request.POST, auto_id=f"object-{pk}-%s")
    opened: list[Case] = []

    def act(data: dict[str, Any]) -> None:
        text, raised_by = data.get("text", ""), data.get("raised_by", "")
        opened.append(actions.object_to_notice(actor, track_id=pk, text=text, raised_by=raised_by))

    if not _try(form, act):
        return _page(
            request, queries.case_for(actor, queries.case_of_track(actor, pk)), {f"object-{pk}": form}
        )
    messages.success(request, _("异议已登记,由另外的人员核查处理。"))
    return redirect("procedures:case", pk=opened[0].pk)


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
        with problems_shown(form):
            opened = actions.open_case(actor, subject_kind="procedures.matter", subject_id=number, **data)
            messages.success(request, _("已发起。"))
            return redirect("procedures:case", pk=opened.pk)
    return render(request, "procedures/new.html", {"form": form}, status=422 if form.errors else 200)
