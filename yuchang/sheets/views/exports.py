"""Exports: choose, watch, fetch."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.entry import proven_at, proving
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.paging import keyset_page
from yuchang.sheets import outputs, reads
from yuchang.sheets.catalogue import source_named
from yuchang.sheets.forms import ExportForm, arranged
from yuchang.sheets.models import Output
from yuchang.sheets.outputs import Wish
from yuchang.sheets.views.shared import narrow_of, source_of, version_of

UNDER_WAY = (Output.State.WAITING, Output.State.READING, Output.State.WRITING)
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "csv-gb": "text/csv; charset=gb18030",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def formats_of(kind: str) -> list[tuple[str, str]]:
    """The formats that a kind of output comes in."""
    if kind == Output.Kind.CARDS:
        return [("pdf", "PDF")]
    return [("xlsx", "Excel (.xlsx)"), ("csv", "CSV (UTF-8)"), ("csv-gb", "CSV (GB 18030)")]


@gate("sheets.make")
@require_GET
def output_list(request: HttpRequest) -> HttpResponse:
    """The reader's own exports, newest first."""
    rows = reads.outputs_for(actor_of(request))
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""))
    return render(request, "sheets/output_list.html", {"page": page})


@gate("sheets.make")
@require_http_methods(["GET", "POST"])
def output_new(request: HttpRequest) -> HttpResponse:
    """Choose what to export or print; the address bar brings the filter of a list."""
    actor = actor_of(request)
    source = source_of(actor, request.GET.get("source"))
    kind = Output.Kind.CARDS if request.GET.get("kind") == "cards" else Output.Kind.TABLE
    if kind == Output.Kind.CARDS and not hasattr(source, "card"):
        raise Hidden(_("这种数据不能打印。"))
    initial = {c.name: request.GET.get(c.name, "") for c in source.filters}
    is_moving = "move" in request.POST
    form = ExportForm(
        arranged(request.POST) if is_moving else request.POST or None,
        areas=reads.areas_within(actor, source.permission),
        source=source,
        formats=formats_of(kind),
        may_clear=actor.may(source.secret_permission),
        initial=initial,
    )
    if request.method == "POST" and not is_moving and form.is_valid():
        narrow = narrow_of(form, request.GET)
        try:
            made = outputs.start_output(actor=actor, wish=_wish(kind, source.name, form.cleaned_data, narrow))
        except Invalid as error:
            show_problems(form, error, {"fields": "fields_", "filter": "area"})
        else:
            return redirect("sheets:output", pk=made.pk)
    narrowed = source.describe(source.canonical(request.GET.dict()))
    context = {"form": form, "source": source, "kind": kind, "narrowed": narrowed}
    return render(request, "sheets/output_new.html", context, status=422 if form.errors else 200)


def _wish(kind: str, source: str, data: dict[str, Any], narrow: dict[str, Any]) -> Wish:
    return Wish(
        kind=kind,
        source=source,
        area_id=data["area"].pk,
        narrow=narrow,
        fields=tuple(data.get("fields_") or ()),
        format=data["format"],
        clear=data.get("clear", False),
    )


@gate("sheets.read")
@require_GET
def output(request: HttpRequest, pk: int) -> HttpResponse:
    """One output: its progress, then its file."""
    found = reads.output_for(actor_of(request), pk)
    context = {
        "output": found,
        "is_under_way": found.state in UNDER_WAY,
        "percent": _percent(found),
        "titles": reads.field_titles(found),
        "narrowed": source_named(found.source).describe(found.narrow),
    }
    return render(request, "sheets/output.html", context)


def _percent(found: Output) -> int:
    return 90 * found.objects_done // max(found.objects_total, 1)


@gate("sheets.read")
@require_GET
def output_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The progress alone, asked for every second while the file is made."""
    found = reads.output_for(actor_of(request), pk)
    if found.state not in UNDER_WAY:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "sheets/output_progress.html", {"output": found, "percent": _percent(found)})


@gate("sheets.read")
@require_GET
@proving(lambda pk: reverse("sheets:output", args=[pk]))
def output_file(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The finished file, piece by piece; who fetched it is noted."""
    found = outputs.record_download(actor=actor_of(request), output_id=pk, proven_at=proven_at(request))
    response = StreamingHttpResponse(reads.file_of(found), content_type=TYPES[found.format])
    response["Content-Disposition"] = content_disposition_header(True, found.file_name) or "attachment"
    response["Content-Length"] = str(found.file_size)
    response["Cache-Control"] = "no-store"
    return response


@gate("sheets.make")
@require_POST
def output_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an output up."""
    outputs.cancel_output(actor=actor_of(request), output_id=pk, version=version_of(request))
    messages.success(request, _("已取消。"))
    return redirect("sheets:output_list")
