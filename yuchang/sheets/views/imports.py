"""The pages of an import of any declared kind: upload → mapping → checks → progress → result → undo.

A kind says who may (``permission``), what its columns are, and does the work; the pages are the same.
"""

from __future__ import annotations

import io

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import SIGNED_IN, actor_of, gate, require
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid, Refused
from yuchang.core.forms import show_problems, version_of
from yuchang.core.paging import keyset_page
from yuchang.places.models import Place
from yuchang.sheets import actions, queries
from yuchang.sheets.export import write_blank
from yuchang.sheets.forms import ImportForm
from yuchang.sheets.importing import UNDER_WAY, choice_from, guide_words, page_of, percent
from yuchang.sheets.kinds import Kind, kind_named
from yuchang.sheets.models import ImportBatch

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _kind(request: HttpRequest, name: str) -> tuple[Actor, Kind]:
    """The kind named in the address, for somebody who may import it. Raises Hidden, Refused."""
    try:
        kind = kind_named(name)
    except KeyError as error:
        raise Hidden(_("没有这种导入。"), remedy=_("请从原来的页面进入。")) from error
    actor = actor_of(request)
    require(actor, kind.permission)
    return actor, kind


def _areas(actor: Actor, kind: Kind) -> list[Place]:
    numbers = [s.place_id for s in actor.scopes(kind.permission) if isinstance(s, PlaceScope)]
    return list(Place.objects.filter(pk__in=numbers).order_by("level", "code"))


@gate(SIGNED_IN)
@require_http_methods(["GET", "POST"])
def import_list(request: HttpRequest, kind: str) -> HttpResponse:
    """The imports of one kind in the actor's area, newest first, and a new one."""
    actor, rules = _kind(request, kind)
    areas = _areas(actor, rules)
    if request.method == "POST" and not areas:
        raise Refused(_("只能为自己管辖的地区导入。"), remedy=_("请在页面上逐条发布。"))
    form = ImportForm(request.POST or None, request.FILES or None, areas=areas) if areas else None
    if request.method == "POST" and form is not None and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            batch = actions.start_import(
                actor=actor,
                kind=kind,
                area_id=form.cleaned_data["area"].pk,
                file_name=upload.name,
                content=upload.read(),
                observed_on=clock.today(),
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            return redirect("sheets:import", kind, batch.pk)
    rows = queries.batches_for(actor, kind)
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""))
    context = {"kind": rules, "form": form, "page": page}
    return render(request, "sheets/import_list.html", context, status=422 if form and form.errors else 200)


@gate(SIGNED_IN)
@require_GET
def import_template(request: HttpRequest, kind: str) -> HttpResponse:
    """A blank workbook with the headers and one example line."""
    _actor, rules = _kind(request, kind)
    target = io.BytesIO()
    guide, headings = guide_words()
    write_blank(
        target, title=rules.title, columns=rules.columns, guide=guide, headings=headings, examples=True
    )
    return _download(target.getvalue(), f"{kind}-blank.xlsx")


def _download(content: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=XLSX, headers=headers)


@gate(SIGNED_IN)
@require_GET
def import_batch(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """One import, at whatever step it is."""
    actor, rules = _kind(request, kind)
    return _page(request, rules, queries.batch_for(actor, kind, pk))


def _page(request: HttpRequest, kind: Kind, batch: ImportBatch, error: Invalid | None = None) -> HttpResponse:
    context = {**page_of(request, batch, kind.columns), "kind": kind, "problems": error and error.problems}
    return render(request, "sheets/import.html", context, status=422 if error else 200)


@gate(SIGNED_IN)
@require_GET
def import_progress(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The progress bar alone, asked for every second while a step runs."""
    actor, rules = _kind(request, kind)
    batch = queries.batch_for(actor, kind, pk)
    if batch.state not in UNDER_WAY:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    context = {"kind": rules, "batch": batch, "percent": percent(batch)}
    return render(request, "sheets/import_progress.html", context)


@gate(SIGNED_IN)
@require_POST
def import_mapping(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Accept or correct which column is which."""
    actor, rules = _kind(request, kind)
    batch = queries.batch_for(actor, kind, pk)
    chosen = choice_from(request.POST, batch, rules.columns)
    try:
        actions.confirm_mapping(
            actor=actor,
            batch_id=pk,
            version=version_of(request),
            columns=chosen.columns,
            sheets=chosen.sheets,
            with_hidden=chosen.with_hidden,
        )
    except Invalid as error:
        actions.choose_parts(batch, chosen.columns, chosen.sheets, chosen.with_hidden)
        return _page(request, rules, batch, error)
    return redirect("sheets:import", kind, pk)


@gate(SIGNED_IN)
@require_POST
def import_step(request: HttpRequest, kind: str, pk: int, step: str) -> HttpResponse:
    """Write what passed the checks, take it back, or give it up."""
    actor, _rules = _kind(request, kind)
    queries.batch_for(actor, kind, pk)
    steps = {
        "confirm": (actions.confirm_import, _("开始写入。")),
        "undo": (actions.undo_import, _("导入已撤销,历史记录保留。")),
        "cancel": (actions.cancel_import, _("已放弃这次导入,没有写入任何内容。")),
    }
    if step not in steps:
        raise Hidden(_("没有这一步。"))
    act, words = steps[step]
    act(actor=actor, batch_id=pk, version=version_of(request))
    messages.success(request, words)
    return redirect("sheets:import", kind, pk)


@gate(SIGNED_IN)
@require_GET
def import_annotated(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The user's own workbook with the findings at their cells."""
    actor, _rules = _kind(request, kind)
    batch = queries.batch_for(actor, kind, pk)
    return _download(queries.annotated_copy(batch), f"checked-{batch.pk}.xlsx")


@gate(SIGNED_IN)
@require_GET
def import_refused(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Only the rows that stayed out, each with the reason beside it."""
    actor, _rules = _kind(request, kind)
    batch = queries.batch_for(actor, kind, pk)
    return _download(queries.refused_copy(batch), f"refused-{batch.pk}.xlsx")
