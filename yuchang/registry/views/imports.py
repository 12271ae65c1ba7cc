"""The pages of an import: upload → mapping → checks → progress → result → undo."""

from __future__ import annotations

import io

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import listing
from yuchang.registry import layout, lists, queries
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.forms import UploadForm
from yuchang.registry.views.shared import download, version_of
from yuchang.sheets import actions as sheets
from yuchang.sheets import queries as batches
from yuchang.sheets.export import write_blank
from yuchang.sheets.importing import UNDER_WAY, choice_from, guide_words, page_of, percent
from yuchang.sheets.lists import answer
from yuchang.sheets.models import ImportBatch


@gate("registry.import")
@require_GET
def import_list(request: HttpRequest) -> HttpResponseBase:
    """Imports in the actor's area, newest first."""
    rows = batches.batches_for(actor_of(request), HOUSEHOLD_WORKBOOK)
    found = listing(request, rows, lists.IMPORTS, name="registry.imports", label=_("导入台账"))
    return answer(request, found, "registry/import_list.html")


@gate("registry.import")
@require_http_methods(["GET", "POST"])
def import_new(request: HttpRequest) -> HttpResponse:
    """Upload a workbook."""
    actor = actor_of(request)
    areas = queries.areas_of(actor, "registry.import")
    form = UploadForm(request.POST or None, request.FILES or None, areas=areas)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            batch = sheets.start_import(
                actor=actor,
                kind=HOUSEHOLD_WORKBOOK,
                area_id=form.cleaned_data["area"].pk,
                file_name=upload.name,
                content=upload.read(),
                observed_on=form.cleaned_data["observed_on"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            return redirect("registry:import", pk=batch.pk)
    context = {"form": form, "columns": layout.COLUMNS}
    return render(request, "registry/import_new.html", context, status=422 if form.errors else 200)


@gate("registry.import")
@require_GET
def import_template(request: HttpRequest) -> HttpResponse:
    """A blank official workbook."""
    target = io.BytesIO()
    guide, headings = guide_words()
    write_blank(target, title=_("空白台账"), columns=layout.OFFICIAL, guide=guide, headings=headings)
    return download(target.getvalue(), "households-blank.xlsx")


@gate("registry.import")
@require_GET
def import_batch(request: HttpRequest, pk: int) -> HttpResponse:
    """One import, at whatever step it is."""
    batch = batches.batch_for(actor_of(request), HOUSEHOLD_WORKBOOK, pk)
    return _page(request, batch)


def _page(request: HttpRequest, batch: ImportBatch, error: Invalid | None = None) -> HttpResponse:
    context = {**page_of(request, batch, layout.COLUMNS), "problems": error and error.problems}
    return render(request, "registry/import.html", context, status=422 if error else 200)


@gate("registry.import")
@require_GET
def import_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The progress bar alone, asked for every second while a step runs."""
    batch = batches.batch_for(actor_of(request), HOUSEHOLD_WORKBOOK, pk)
    if batch.state not in UNDER_WAY:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "registry/import_progress.html", {"batch": batch, "percent": percent(batch)})


@gate("registry.import")
@require_POST
def import_mapping(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept or correct which column is which."""
    actor = actor_of(request)
    batch = batches.batch_for(actor, HOUSEHOLD_WORKBOOK, pk)
    chosen = choice_from(request.POST, batch, layout.COLUMNS)
    try:
        sheets.confirm_mapping(
            actor=actor,
            batch_id=pk,
            version=version_of(request),
            columns=chosen.columns,
            sheets=chosen.sheets,
            with_hidden=chosen.with_hidden,
        )
    except Invalid as error:
        sheets.choose_parts(batch, chosen.columns, chosen.sheets, chosen.with_hidden)
        return _page(request, batch, error)
    return redirect("registry:import", pk=pk)


@gate("registry.import")
@require_POST
def import_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Write what passed the checks."""
    sheets.confirm_import(actor=actor_of(request), batch_id=pk, version=version_of(request))
    return redirect("registry:import", pk=pk)


@gate("registry.import")
@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Retire what the import wrote."""
    sheets.undo_import(actor=actor_of(request), batch_id=pk, version=version_of(request))
    messages.success(request, _("导入已撤销,历史记录保留。"))
    return redirect("registry:import", pk=pk)


@gate("registry.import")
@require_POST
def import_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the import up before anything was written."""
    sheets.cancel_import(actor=actor_of(request), batch_id=pk, version=version_of(request))
    messages.success(request, _("已放弃这次导入,没有写入任何内容。"))
    return redirect("registry:import_list")


@gate("registry.import")
@require_GET
def import_annotated(request: HttpRequest, pk: int) -> HttpResponse:
    """The user's own workbook with the findings at their cells."""
    batch = batches.batch_for(actor_of(request), HOUSEHOLD_WORKBOOK, pk)
    return download(batches.annotated_copy(batch), f"checked-{batch.pk}.xlsx")


@gate("registry.import")
@require_GET
def import_refused(request: HttpRequest, pk: int) -> HttpResponse:
    """Only the rows that stayed out, each with the reason beside it."""
    batch = batches.batch_for(actor_of(request), HOUSEHOLD_WORKBOOK, pk)
    return download(batches.refused_copy(batch), f"refused-{batch.pk}.xlsx")
