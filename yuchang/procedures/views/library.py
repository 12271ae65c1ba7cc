"""The library of procedures with their pictures, and the calendar of working days."""

from __future__ import annotations

import calendar as months
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.places.models import Place
from yuchang.procedures import actions, differences, queries
from yuchang.procedures.forms import AdaptForm, CalendarForm
from yuchang.procedures.models import Definition


@gate("procedures.read")
@require_GET
def procedures(request: HttpRequest) -> HttpResponse:
    """Every version of every procedure."""
    actions.sync_definitions()
    rows = [(d, queries.words(d.title, d.title_en)) for d in queries.library()]
    return render(request, "procedures/library.html", {"rows": rows, "today": clock.today()})


@gate("procedures.read")
@require_GET
def definition(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of one version: steps, who acts, until when, with what, and what comes next."""
    found = queries.definition_by(pk)
    plan = queries.plan_of(found)
    context = {
        "definition": found,
        "title": queries.words(found.title, found.title_en),
        "plan": plan,
        "lines": queries.lines_of(plan),
        "changes": differences.changes(found),
        "may_adapt": found.state == "live" and actor_of(request).may("procedures.propose"),
        "answerers": queries.answerers(found),
        "may_answer": queries.may_answer(actor_of(request), found),
        "may_take_back": queries.may_take_back(actor_of(request), found),
    }
    return render(request, "procedures/definition.html", context)


@gate("procedures.propose")
@require_http_methods(["GET", "POST"])
def definition_adapt(request: HttpRequest, pk: int) -> HttpResponse:
    """A place's own version with other steps, papers and days, as a paper of the place says."""
    actor, found = actor_of(request), queries.definition_by(pk)
    places = queries.places_to_keep(actor, "procedures.propose")
    initial = {"place": places.first(), "valid_from": clock.today()}
    plan = queries.plan_of(found)
    form = AdaptForm(request.POST or None, plan=plan, places=places, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = _adapted(request, found, form)
        except Invalid as error:
            show_problems(form, error)
        else:
            return redirect("procedures:definition", pk=made.pk)
    title = queries.words(found.title, found.title_en)
    context = {
        "definition": found,
        "title": title,
        "form": form,
        "plan": plan,
        "lines": queries.lines_of(plan),
    }
    return render(request, "procedures/adapt.html", context, status=422 if form.errors else 200)


def _adapted(request: HttpRequest, found: Definition, form: AdaptForm) -> Definition:
    named = {name: form.cleaned_data[name] for name in ("place", "valid_from", "document", "source")}
    made = actions.adapt_definition(
        actor_of(request),
        definition=found,
        changes=form.changes,
        left_out=form.left_out,
        added=form.added,
        **named,
    )
    said = _("已提出第 %(number)s 版,由另一位同事批准后施行;办理中的事项沿用原来的版本。")
    messages.success(request, said % {"number": made.number})
    if not queries.answerers(made):
        messages.warning(
            request, _("本级和上级现在没有第二位可以批准的人；请系统管理员在本县或上级任命一位县级专员。")
        )
    return made


@gate("procedures.vet")
@require_POST
def definition_vet(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a proposed version in force, or refuse it, as a second person."""
    approve = request.POST.get("answer") == "approve"
    actions.vet_definition(
        actor_of(request),
        definition_id=pk,
        version=version_of(request),
        approve=approve,
        note=request.POST.get("reason", ""),
    )
    messages.success(request, _("已批准。") if approve else _("已退回，不予批准。"))
    return redirect("procedures:definition", pk=pk)


@gate("procedures.propose")
@require_POST
def definition_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back one's own proposal."""
    actions.withdraw_definition(
        actor_of(request),
        definition_id=pk,
        version=version_of(request),
        reason=request.POST.get("reason", ""),
    )
    messages.success(request, _("已撤回。可以另提一版。"))
    return redirect("procedures:definition", pk=pk)


def _year(request: HttpRequest) -> int:
    given = request.GET.get("year", "")
    year = int(given) if given.isdecimal() and len(given) == 4 else clock.today().year
    return min(max(year, 2014), 2100)


def _own_place(request: HttpRequest) -> Place | None:
    return queries.places_to_keep(actor_of(request), "procedures.read").order_by("-level", "code").first()


def _calendar_page(request: HttpRequest, form: CalendarForm | None = None) -> HttpResponse:
    actor, year = actor_of(request), _year(request)
    place = _own_place(request)
    found = queries.calendar_of(place) if place else queries.calendar_for()
    names = queries.names_of_days(year, place)
    grid: list[tuple[int, list[list[dict[str, Any]]]]] = []
    for month in range(1, 13):
        weeks = months.Calendar().monthdatescalendar(year, month)
        grid.append((month, [[_day(d, month, found, names) for d in week] for week in weeks]))
    places = queries.places_to_keep(actor, "procedures.calendar")
    if form is None and actor.may("procedures.calendar"):
        form = CalendarForm(places=places)
    context = {
        "year": year,
        "grid": grid,
        "place": place,
        "is_known": found.is_known(date(year, 7, 1)),
        "listed": sorted(names.items()),
        "working": sum(found.is_working(date.fromordinal(n)) for n in _ordinals(year)),
        "form": form,
    }
    return render(request, "procedures/calendar.html", context, status=422 if form and form.errors else 200)


def _ordinals(year: int) -> range:
    return range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())


def _day(day: date, month: int, found: Any, names: dict[date, tuple[str, str]]) -> dict[str, Any]:
    kind = "work" if found.is_working(day) else "off"
    if day in names:
        kind += " named"
    return {"day": day, "is_in": day.month == month, "kind": kind, "name": names.get(day, ("", ""))[0]}


@gate("procedures.read")
@require_GET
def calendar(request: HttpRequest) -> HttpResponse:
    """The year's worked days and days off as they count in the reader's place."""
    return _calendar_page(request)


@gate("procedures.calendar")
@require_POST
def calendar_import(request: HttpRequest) -> HttpResponse:
    """Add the days of a workbook for one's province, prefecture or county."""
    actor = actor_of(request)
    places = queries.places_to_keep(actor, "procedures.calendar")
    form = CalendarForm(request.POST, request.FILES, places=places)
    if form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            done = actions.import_holidays(
                actor, name=upload.name, content=upload.read(), place=form.cleaned_data["place"]
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            if done.added:
                messages.success(request, _("已导入 %(count)s 天。") % {"count": done.added})
            else:
                messages.info(request, _("这些日子以前都已登记,没有变化。"))
            return redirect(f"{reverse('procedures:calendar')}?year={done.year}")
    return _calendar_page(request, form)
