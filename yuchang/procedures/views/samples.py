"""Spot checks: drawn, drawn again for comparison, and what each check found."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.actions import end_assignment
from yuchang.accounts.doors import actor_of, gate
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.core.lists import listing
from yuchang.core.paging import keyset_page
from yuchang.procedures import actions, lists, queries
from yuchang.procedures.forms import CheckForm, GiveForm, SampleForm
from yuchang.procedures.models import Sample
from yuchang.procedures.views.cases import subject_page
from yuchang.sheets.lists import answer


def _form(request: HttpRequest) -> SampleForm | None:
    actor = actor_of(request)
    if not actor.may("procedures.sample"):
        return None
    actions.sync_definitions()
    places = queries.places_to_keep(actor, "procedures.sample", lowest=4)
    return SampleForm(request.POST or None, steps=queries.steps_to_sample(), places=places)


@gate("procedures.read")
@require_GET
def sample_list(request: HttpRequest) -> HttpResponseBase:
    """Samples of the reader's places, newest first, and the form to draw one."""
    return _list_page(request, _form(request))


def _list_page(request: HttpRequest, form: SampleForm | None) -> HttpResponseBase:
    rows = queries.samples_for(actor_of(request))
    found = listing(request, rows, lists.SAMPLES, name="procedures.samples", label=_("抽查"))
    status = 422 if form and form.errors else 200
    return answer(request, found, "procedures/samples.html", {"form": form}, status=status)


@gate("procedures.sample")
@require_POST
def sample_draw(request: HttpRequest) -> HttpResponseBase:
    """Draw a sample."""
    form = _form(request)
    if form is not None and form.is_valid():
        code, _sep, step = form.cleaned_data["of"].partition("/")
        try:
            drawn = actions.draw_sample(
                actor_of(request),
                code=code,
                step=step,
                place=form.cleaned_data["place"],
                share_percent=form.cleaned_data["share_percent"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已抽取 %(count)s 件。") % {"count": drawn.size})
            return redirect("procedures:sample", pk=drawn.pk)
    return _list_page(request, form)


@gate("procedures.read")
@require_GET
def sample(request: HttpRequest, pk: int) -> HttpResponse:
    """One sample: its seed, whether drawing again gives the same, and its drawn cases."""
    return _page(request, queries.sample_for(actor_of(request), pk))


def _page(request: HttpRequest, found: Sample, given: GiveForm | None = None) -> HttpResponse:
    """The page of one sample; ``given`` is the form that came back with problems."""
    actor = actor_of(request)
    rows = found.rows.filter(is_drawn=True).select_related("case__place", "check_result__by")
    page = keyset_page(rows, order=["rank"], cursor=request.GET.get("after", ""))
    may_give = queries.may_give(actor, found)
    title, step = queries.step_words(found.code, found.step)
    context = {
        "sample": found,
        "title": f"{title} · {step}",
        "page": page,
        "lines": [(row, subject_page(row.case)) for row in page.items],
        "again": queries.redraw(found),
        "form": CheckForm() if actor.may("procedures.check") else None,
        "left": queries.unfinished_rows().filter(sample=found).count(),
        "give": (given or GiveForm()) if may_give else None,
        "evaluators": list(queries.evaluators_of(found)) if may_give else [],
        "today": clock.today(),
    }
    status = 422 if given and given.errors else 200
    return render(request, "procedures/sample.html", context, status=status)


@gate("procedures.sample")
@require_POST
def sample_give(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a sample to an evaluator."""
    actor = actor_of(request)
    found = queries.sample_for(actor, pk)
    form = GiveForm(request.POST)
    if form.is_valid():
        person, last = form.cleaned_data["username"], form.cleaned_data["valid_to"]
        try:
            actions.give_sample(actor, sample_id=pk, user_id=person.pk, valid_to=last)
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("样本已交给 %(name)s。") % {"name": person.display_name})
            return redirect("procedures:sample", pk=pk)
    return _page(request, found, form)


@gate("teams.assign")
@require_POST
def sample_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a sample back from an evaluator; what was noted stays."""
    row = end_assignment(actor=actor_of(request), assignment_id=pk, version=version_of(request))
    messages.success(request, _("样本已收回。"))
    if row.sample_id is None:  # a helper's households
        return redirect("procedures:samples")
    return redirect("procedures:sample", pk=row.sample_id)


@gate("procedures.check")
@require_POST
def sample_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Note what the check of a drawn case found."""
    form = CheckForm(request.POST)
    form.is_valid()
    data = form.cleaned_data
    check = actions.check_sampled(
        actor_of(request), row_id=pk, is_sound=bool(data.get("is_sound")), note=data.get("note", "")
    )
    messages.success(request, _("检查结果已登记。"))
    return redirect("procedures:sample", pk=check.row.sample_id)
