"""Monthly reports and ledgers: plans, frozen editions, differences."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid, invalid
from yuchang.core.forms import show_problems
from yuchang.core.paging import keyset_page
from yuchang.sheets import outputs, reads
from yuchang.sheets.catalogue import fields_of, source_named
from yuchang.sheets.forms import PlanForm, arranged
from yuchang.sheets.models import Report, ReportPlan, Template
from yuchang.sheets.tables import shown
from yuchang.sheets.views.shared import narrow_of, source_of, version_of

LATE_AFTER = timedelta(days=45)  # from the first day of the month: half a month after its end


@gate("sheets.read")
@require_GET
def plan_list(request: HttpRequest) -> HttpResponse:
    """The reports and ledgers of the area."""
    rows = reads.plans_for(actor_of(request))
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""))
    return render(request, "sheets/plan_list.html", {"page": page})


@gate("sheets.read")
@require_GET
def report_list(request: HttpRequest) -> HttpResponse:
    """Frozen reports by month, newest first."""
    rows = reads.reports_in(actor_of(request))
    month = _month(request.GET.get("month", ""))
    if month is not None:
        rows = rows.filter(period=month)
    page = keyset_page(rows, order=["-period", "-id"], cursor=request.GET.get("after", ""))
    return render(request, "sheets/report_list.html", {"page": page, "month": month})


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text[:7]}-01")
    except ValueError:
        return None


@gate("sheets.design")
@require_http_methods(["GET", "POST"])
def plan_new(request: HttpRequest) -> HttpResponse:
    """Plan a monthly report."""
    source = source_of(actor_of(request), request.GET.get("source"))
    return _edit(request, source.name, None)


@gate("sheets.design")
@require_http_methods(["GET", "POST"])
def plan_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a plan; frozen months stay."""
    found = reads.plan_for(actor_of(request), pk)
    return _edit(request, found.source, found)


def _edit(request: HttpRequest, source_name: str, found: ReportPlan | None) -> HttpResponse:
    actor = actor_of(request)
    source = source_of(actor, source_name)
    is_moving = "move" in request.POST
    form = PlanForm(
        arranged(request.POST) if is_moving else request.POST or None,
        areas=[found.place] if found else reads.areas_within(actor, "sheets.design"),
        source=source,
        templates=reads.templates_for(actor).filter(source=source_name, kind=Template.Kind.WORKBOOK),
        initial=_initial(found),
    )
    if request.method == "POST" and not is_moving and form.is_valid():
        data = form.cleaned_data
        try:
            saved = outputs.save_plan(
                actor=actor,
                area_id=data["area"].pk,
                name=data["name"],
                kind=data["kind"],
                source=source_name,
                narrow=narrow_of(form, request.GET),
                fields=data["fields_"],
                template_id=data["template"].pk if data["template"] else None,
                starts_on=data["starts_on"],
                plan_id=found.pk if found else None,
                version=data["version"],
            )
        except Invalid as error:
            show_problems(form, error, {"fields": "fields_"})
        else:
            messages.success(request, _("已保存。"))
            return redirect("sheets:plan", pk=saved.pk)
    context = {"form": form, "plan": found, "source": source}
    return render(request, "sheets/plan_edit.html", context, status=422 if form.errors else 200)


def _initial(found: ReportPlan | None) -> dict[str, Any]:
    if found is None:
        return {"starts_on": clock.today().replace(day=1)}
    return {
        "name": found.name,
        "kind": found.kind,
        "starts_on": found.starts_on,
        "template": found.template_id,
        "fields_": found.fields,
        "version": found.version,
        "area": found.place_id,
        **found.narrow,
    }


@gate("sheets.read")
@require_GET
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """One plan with its frozen editions."""
    found = reads.plan_for(actor_of(request), pk)
    source = source_named(found.source)
    page = keyset_page(reads.reports_of(found), order=["-period", "-id"], cursor=request.GET.get("after", ""))
    context = {
        "plan": found,
        "page": page,
        "source": source,
        "narrowed": source.describe(found.narrow),
        "missing": reads.missing_months(found, clock.today()),
        "titles": "、".join(f.title for f in fields_of(source, found.fields)),
    }
    return render(request, "sheets/plan.html", context)


@gate("sheets.design")
@require_POST
def plan_freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze a month that is over."""
    month = _month(request.POST.get("month", ""))
    if month is None:
        raise invalid("month", _("请选择月份。"))
    made = outputs.freeze_month(
        actor=actor_of(request), plan_id=pk, period=month, reason=request.POST.get("reason", "")
    )
    return redirect("sheets:output", pk=made.pk)


@gate("sheets.design")
@require_POST
def plan_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a plan rest, or go on."""
    found = outputs.stop_plan(actor=actor_of(request), plan_id=pk, version=version_of(request))
    messages.success(request, _("已停止。") if found.is_stopped else _("已恢复。"))
    return redirect("sheets:plan", pk=pk)


@gate("sheets.read")
@require_GET
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """One frozen report: totals, hashes, file, other editions and the month before."""
    return _report(request, reads.report_for(actor_of(request), pk), None)


def _report(request: HttpRequest, found: Report, verdict: reads.Verdict | None) -> HttpResponse:
    fields = {f.name: f for f in source_named(found.plan.source).fields}
    totals = [
        (fields[n].title, shown(fields[n], v))
        for n, v in found.totals.items()
        if n in fields and fields[n].is_summed
    ]
    others = reads.reports_of(found.plan).exclude(pk=found.pk).order_by("-period", "-number")
    context = {
        "report": found,
        "totals": totals,
        "others": others[:24],
        "verdict": verdict,
        "is_late": localdate(found.frozen_at) > found.period + LATE_AFTER,
    }
    return render(request, "sheets/report.html", context)


@gate("sheets.read")
@require_POST
def report_verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Compute every hash anew and show whether it still holds. Writes nothing."""
    found = reads.report_for(actor_of(request), pk)
    return _report(request, found, reads.verify_report(found))


@gate("sheets.design")
@require_POST
def report_correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze the month anew as its next edition."""
    made = outputs.correct_report(
        actor=actor_of(request), report_id=pk, reason=request.POST.get("reason", "")
    )
    return redirect("sheets:output", pk=made.pk)


@gate("sheets.read")
@require_GET
def report_compare(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """What changed from another frozen report of the same plan to this one."""
    actor = actor_of(request)
    after, before = reads.report_for(actor, pk), reads.report_for(actor, other)
    if before.plan_id != after.plan_id:
        raise Hidden(_("两份报表不是同一张表。"))
    if (before.period, before.number) > (after.period, after.number):
        before, after = after, before
    fields = {f.name: f for f in source_named(after.plan.source).fields}
    totals = [
        (fields[n].title, shown(fields[n], before.totals.get(n, 0)), shown(fields[n], v))
        for n, v in after.totals.items()
        if n in fields and fields[n].is_summed
    ]
    context = {
        "before": before,
        "after": after,
        "found": reads.compare_reports(before, after),
        "totals": totals,
        "cap": reads.SHOWN,
    }
    return render(request, "sheets/report_compare.html", context)
