"""Templates: upload a blank, say which column is which, fill it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems
from yuchang.core.paging import keyset_page
from yuchang.sheets import blanks, letters, outputs, reads
from yuchang.sheets.catalogue import Source, source_named, sources_for
from yuchang.sheets.forms import FilterForm, TemplateForm
from yuchang.sheets.models import Edition, Output, Template
from yuchang.sheets.outputs import Wish
from yuchang.sheets.views.shared import narrow_of, number_of, version_of


@gate("sheets.make")
@require_GET
def template_list(request: HttpRequest) -> HttpResponse:
    """The templates that the reader may fill."""
    rows = reads.templates_for(actor_of(request))
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""))
    lines = [{"template": t, "source": source_named(t.source).title} for t in page.items]
    return render(request, "sheets/template_list.html", {"page": page, "lines": lines})


@gate("sheets.design")
@require_http_methods(["GET", "POST"])
def template_new(request: HttpRequest) -> HttpResponse:
    """Upload a blank workbook or letter."""
    actor = actor_of(request)
    form = TemplateForm(
        request.POST or None,
        request.FILES or None,
        areas=reads.areas_of(actor, "sheets.design"),
        sources=sources_for(actor),
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            found = outputs.save_template(
                actor=actor,
                area_id=data["area"].pk,
                name=data["name"],
                kind=data["kind"],
                source=data["source"],
                file_name=data["file"].name,
                content=data["file"].read(),
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("模板已保存,请核对各列的对应。"))
            return redirect("sheets:template", pk=found.pk)
    return render(request, "sheets/template_new.html", {"form": form}, status=422 if form.errors else 200)


@gate("sheets.make")
@require_GET
def template(request: HttpRequest, pk: int) -> HttpResponse:
    """One template: fill it, see or correct what goes where."""
    return _page(request, reads.template_for(actor_of(request), pk))


def _page(
    request: HttpRequest, found: Template, error: Invalid | None = None, form: FilterForm | None = None
) -> HttpResponse:
    actor = actor_of(request)
    source = source_named(found.source)
    edition = reads.newest_edition(found)
    areas = reads.areas_within(actor, source.permission)
    form = form or FilterForm(areas=areas, source=source, initial=edition.narrow)
    context: dict[str, Any] = {
        "template": found,
        "edition": edition,
        "source": source,
        "form": form,
        "may_clear": actor.may(source.secret_permission),
        "may_design": actor.may("sheets.design"),
        "words": letters.all_words(getattr(source, "words", {}))
        if found.kind == Template.Kind.LETTER
        else [],
        "examples": letters.EXAMPLES,
        "problems": error.problems if error else [],
        "editions": found.editions.select_related("made_by").order_by("-number")[:20],
    }
    if found.kind == Template.Kind.WORKBOOK:
        context |= _mapping(source, edition)
    return render(request, "sheets/template.html", context, status=422 if error or form.errors else 200)


def _mapping(source: Source, edition: Edition) -> dict[str, Any]:
    layout = blanks.Layout.from_json(edition.layout)
    _again, headings = blanks.find_layout(
        edition.file_name, bytes(edition.content), source.fields, layout.header, layout.sheet
    )
    choices = [(blanks.NUMBER, _("序号")), *[(f.name, f.title) for f in source.fields]]
    lines = [
        {
            "heading": h,
            "chosen": layout.columns.get(str(h.column), ""),
            "unit": layout.units.get(str(h.column)),
        }
        for h in headings
    ]
    texts = blanks.texts_at(edition.file_name, bytes(edition.content), layout)
    labels = [(cell, texts.get(cell, ""), chosen) for cell, chosen in layout.labels.items()]
    words = [(name, said[0]) for name, said in blanks.PLACEHOLDERS.items()]
    return {"layout": layout, "lines": lines, "labels": labels, "choices": choices, "label_words": words}


@gate("sheets.design")
@require_POST
def template_edition(request: HttpRequest, pk: int) -> HttpResponse:
    """Save corrected columns, another header line, another blank, or another filter as the next edition."""
    actor = actor_of(request)
    found = reads.template_for(actor, pk)
    upload = request.FILES.get("file")
    columns, labels = _chosen(request, "column-"), _chosen(request, "label-")
    source = source_named(found.source)
    try:
        outputs.add_edition(
            actor=actor,
            template_id=pk,
            version=version_of(request),
            columns=columns if columns and upload is None else None,
            labels=labels if columns and upload is None else None,
            header=number_of(request.POST.get("header")) if upload is None else None,
            narrow=source.canonical(request.POST.dict()),
            file_name=upload.name or "" if upload else "",
            content=upload.read() if upload else b"",
        )
    except Invalid as error:
        return _page(request, found, error)
    messages.success(request, _("已另存为新版。"))
    return redirect("sheets:template", pk=pk)


def _chosen(request: HttpRequest, prefix: str) -> dict[str, str]:
    """The selects whose name begins with a prefix."""
    return {k.removeprefix(prefix): str(v) for k, v in request.POST.items() if k.startswith(prefix)}


@gate("sheets.make")
@require_POST
def template_fill(request: HttpRequest, pk: int) -> HttpResponse:
    """Fill the newest edition with the saved or chosen filter."""
    actor = actor_of(request)
    found = reads.template_for(actor, pk)
    source = source_named(found.source)
    edition = reads.newest_edition(found)
    form = FilterForm(request.POST, areas=reads.areas_within(actor, source.permission), source=source)
    if not form.is_valid():
        return _page(request, found, form=form)
    is_letter = found.kind == Template.Kind.LETTER
    wish = Wish(
        kind=Output.Kind.LETTERS if is_letter else Output.Kind.FORM,
        source=found.source,
        area_id=form.cleaned_data["area"].pk,
        title=found.name,
        narrow=narrow_of(form, edition.narrow),
        format=request.POST.get("format", "zip") if is_letter else "xlsx",
        edition_id=edition.pk,
        clear=request.POST.get("clear") == "on",
    )
    try:
        made = outputs.start_output(actor=actor, wish=wish)
    except Invalid as error:
        return _page(request, found, error, form)
    return redirect("sheets:output", pk=made.pk)


@gate("sheets.design")
@require_POST
def template_retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a template out of use."""
    outputs.retire_template(actor=actor_of(request), template_id=pk, version=version_of(request))
    messages.success(request, _("模板已停用。"))
    return redirect("sheets:template_list")
