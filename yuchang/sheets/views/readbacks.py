"""Sendings of what changed, and read-backs of what the superior's system holds."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.entry import proven_at, proving
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.paging import keyset_page
from yuchang.sheets import outputs, reads
from yuchang.sheets.catalogue import Source, sources_for
from yuchang.sheets.forms import AreaForm, ReadBackForm
from yuchang.sheets.models import Output, ReadBack
from yuchang.sheets.outputs import Wish
from yuchang.sheets.views.shared import number_of, version_of


def _mirror(actor: Actor) -> Source:
    for source in sources_for(actor):
        if hasattr(source, "take_theirs"):
            return source
    raise Hidden(_("没有可以回读的数据。"))


@gate("sheets.make")
@require_GET
def sending_list(request: HttpRequest) -> HttpResponse:
    """What was sent so far, and the next one."""
    return _sendings(request, None)


def _sendings(request: HttpRequest, form: AreaForm | None) -> HttpResponse:
    actor = actor_of(request)
    page = keyset_page(reads.sendings_for(actor), order=["-id"], cursor=request.GET.get("after", ""))
    form = form or AreaForm(areas=reads.areas_of(actor, _mirror(actor).permission))
    context = {"page": page, "form": form}
    return render(request, "sheets/sending_list.html", context, status=422 if form.errors else 200)


@gate("sheets.make")
@require_POST
def sending_new(request: HttpRequest) -> HttpResponse:
    """Export what changed since the last sending of an area."""
    actor = actor_of(request)
    source = _mirror(actor)
    form = AreaForm(request.POST, areas=reads.areas_of(actor, source.permission))
    if not form.is_valid():
        return _sendings(request, form)
    wish = Wish(
        kind=Output.Kind.CHANGES,
        source=source.name,
        area_id=form.cleaned_data["area"].pk,
        title=_("变动台账"),
        clear=actor.may(source.secret_permission),
        options={"everything": request.POST.get("everything") == "on"},
    )
    made = outputs.start_output(actor=actor, wish=wish)
    return redirect("sheets:output", pk=made.pk)


@gate("sheets.make")
@require_GET
def readback_list(request: HttpRequest) -> HttpResponse:
    """The read-backs of the area."""
    rows = reads.readbacks_for(actor_of(request))
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""))
    return render(request, "sheets/readback_list.html", {"page": page})


@gate("sheets.make")
@require_http_methods(["GET", "POST"])
def readback_new(request: HttpRequest) -> HttpResponse:
    """Upload the other system's workbook."""
    actor = actor_of(request)
    source = _mirror(actor)
    form = ReadBackForm(
        request.POST or None,
        request.FILES or None,
        areas=reads.areas_within(actor, source.permission),
        initial={"observed_on": clock.today(), "is_whole": True},
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = outputs.start_readback(
                actor=actor,
                source=source.name,
                area_id=data["area"].pk,
                file_name=data["file"].name,
                content=data["file"].read(),
                observed_on=data["observed_on"],
                is_whole=data["is_whole"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            return redirect("sheets:readback", pk=made.pk)
    return render(request, "sheets/readback_new.html", {"form": form}, status=422 if form.errors else 200)


@gate("sheets.make")
@require_GET
def readback(request: HttpRequest, pk: int) -> HttpResponse:
    """The differences, open ones first to decide; sealed values are masked."""
    return _differences(request, reads.readback_for(actor_of(request), pk), clear=False)


@gate("sheets.make")
@require_POST
@proving(lambda pk: reverse("sheets:readback", args=[pk]))
def readback_clear(request: HttpRequest, pk: int) -> HttpResponse:
    """The same page with sealed values in the clear, for who has just proven who it is; leaves a trace."""
    found = outputs.show_differences(actor=actor_of(request), readback_id=pk, proven_at=proven_at(request))
    return _differences(request, found, clear=True)


def _differences(request: HttpRequest, found: ReadBack, *, clear: bool) -> HttpResponse:
    rows = found.differences.select_related("decided_by")
    decided = request.GET.get("decided") == "1"
    rows = rows.exclude(decision="") if decided else rows.filter(decision="")
    field = request.GET.get("field", "")
    if field:
        rows = rows.filter(field=field)
    page = keyset_page(rows, order=["number"], cursor=request.GET.get("after", ""))
    context = {
        "readback": found,
        "page": page,
        "lines": reads.difference_lines(found, page.items, clear=clear),
        "may_clear": not clear and reads.may_see_clear(actor_of(request), found),
        "by_field": reads.open_by_field(found),
        "decided": decided,
        "field": field,
        "is_under_way": found.state in ("waiting", "comparing"),
    }
    return render(request, "sheets/readback.html", context)


@gate("sheets.make")
@require_POST
def readback_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep ours or take theirs for what is ticked."""
    numbers = [n for t in request.POST.getlist("number") if (n := number_of(t)) is not None]
    outcome = outputs.decide_differences(
        actor=actor_of(request),
        readback_id=pk,
        version=version_of(request),
        numbers=numbers,
        decision=request.POST.get("decision", ""),
    )
    if outcome.decided:
        messages.success(request, _("已处理 %(count)s 项差异。") % {"count": outcome.decided})
    for text in outcome.refused[:10]:
        messages.error(request, text)
    return redirect("sheets:readback", pk=pk)


@gate("sheets.make")
@require_POST
def readback_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep ours in everything that is still open."""
    outputs.close_readback(actor=actor_of(request), readback_id=pk, version=version_of(request))
    messages.success(request, _("其余差异均保留本系统内容。"))
    return redirect("sheets:readback", pk=pk)
