"""Alerts, the visit form, and the assessment of a county."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate, open_door
from yuchang.core import clock
from yuchang.core.forms import problems_shown
from yuchang.core.lists import Filter, listing
from yuchang.monitoring import lists
from yuchang.monitoring.actions import assess_county, record_visit
from yuchang.monitoring.forms import AssessForm, VisitForm
from yuchang.monitoring.models import Alert
from yuchang.monitoring.queries import (
    AlertCounts,
    alert_counts,
    alerts_for,
    assessments_for,
    awaits_those_above,
    visits_of_household,
    with_names,
)
from yuchang.monitoring.rules import KIND_WORDS, SignalKind
from yuchang.sheets.lists import answer


@gate("monitoring.read")
@require_GET
def alerts(request: HttpRequest) -> HttpResponseBase:
    """The list, most urgent first, filtered by state, kind and overdue."""
    actor, today = actor_of(request), clock.today()
    state, kind = request.GET.get("state", "live"), request.GET.get("kind", "")
    overdue = today if request.GET.get("overdue") or state == "overdue" else None
    state = "live" if state == "overdue" else state
    rows = alerts_for(actor, state="" if state == "all" else state, kind=kind, overdue_on=overdue)
    counts = alert_counts(actor, today)
    wanted = "" if state == "all" else state
    found = listing(
        request,
        rows,
        lists.ALERTS,
        name="monitoring.alerts",
        label=_("预警"),
        order=["due_on", "id"],
        prepare=with_names,
        filters=_filters(counts, "overdue" if overdue else state, kind),
        total=counts.count(state=wanted, kind=kind, overdue=overdue is not None),
    )
    context = {
        "assess_form": AssessForm() if actor.may("monitoring.assess") else None,
        "assessments": assessments_for(actor)[:5],
    }
    return answer(request, found, "monitoring/alerts.html", context)


def _filters(counts: AlertCounts, state: str, kind: str) -> list[Filter]:
    states = [
        ("live", f"{_('未办结')} {counts.live}"),
        ("overdue", f"{_('已超期')} {counts.overdue}"),
        ("escalated", f"{_('已上报')} {counts.escalated}"),
        ("closed", f"{_('已办结')} {counts.closed}"),
    ]
    kinds = [(k.value, lists.kind_word(k)) for k in SignalKind]
    return [
        Filter("state", _("状态"), state, states, is_tabs=True),
        Filter("kind", _("预警类型"), kind, kinds, submits=True),
    ]


def _alert_page(request: HttpRequest, row: Alert, form: VisitForm) -> HttpResponse:
    actor = actor_of(request)
    may_visit = actor.may("monitoring.visit") and row.state != Alert.State.CLOSED
    is_above = may_visit and awaits_those_above(actor, row)
    context = {
        "is_above": is_above,
        "alert": row,
        "kind": KIND_WORDS[SignalKind(row.kind)],
        "form": form if may_visit and not is_above else None,
        "visits": visits_of_household(row.household_id).filter(alert=row),
    }
    return render(request, "monitoring/alert.html", context, status=422 if form.errors else 200)


def _open(request: HttpRequest, pk: int, permission: str) -> Alert:
    rows = Alert.objects.select_related("household", "place", "assessment")
    return open_door(rows, actor_of(request), permission, pk)


@gate("monitoring.read")
@require_GET
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """One alert: its reason, its visits, and the form for the next visit."""
    row = _open(request, pk, "monitoring.read")
    form = VisitForm(initial={"version": row.version, "visited_on": clock.today(), "outcome": "continue"})
    return _alert_page(request, row, form)


@gate("monitoring.visit")
@require_POST
def visit(request: HttpRequest, pk: int) -> HttpResponse:
    """Store what a visitor found."""
    row = _open(request, pk, "monitoring.visit")
    form = VisitForm(request.POST)
    if form.is_valid():
        with problems_shown(form):
            record_visit(actor=actor_of(request), alert_id=pk, **form.cleaned_data)
            messages.success(request, _("走访记录已保存。"))
            return redirect("monitoring:alert", pk=pk)
    return _alert_page(request, row, form)


@gate("monitoring.assess")
@require_POST
def assess(request: HttpRequest) -> HttpResponse:
    """Compare the officer's county with its line on a day."""
    form = AssessForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("请填写正确的比对日期。"))
        return redirect("monitoring:alerts")
    made = assess_county(actor=actor_of(request), on=form.cleaned_data["on"])
    words = {"households": made.households, "opened": made.opened}
    messages.success(request, _("已比对 %(households)d 户,新增预警 %(opened)d 条。") % words)
    return redirect("monitoring:alerts")
