"""Downloads through each file's door, uploads from any page, and the administrator's view of the store."""

from __future__ import annotations

from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import SIGNED_IN, actor_of, gate
from yuchang.core.addresses import address
from yuchang.core.errors import Invalid, invalid
from yuchang.core.forms import version_of
from yuchang.core.lists import Filter, day, listing, state, text
from yuchang.files import actions, queries
from yuchang.files.models import Blob, StoredFile
from yuchang.files.rules import MEDIA_TYPES, PURPOSES
from yuchang.places.models import Place

# Whatever a file holds, a browser that opens it gives it no script, no style, no frame and no origin of ours.
SHUT = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_KINDS = {"ready": "good", "refused": "bad", "quarantined": "info"}
COLUMNS = (
    text(
        "name",
        gettext_lazy("文件"),
        lambda r: r.title or r.file_name or f"#{r.pk}",
        href=lambda r: address("files:file", r.pk),
    ),
    text("purpose", gettext_lazy("用途"), lambda r: purpose_word(r.purpose)),
    text("place", gettext_lazy("地区"), lambda r: r.place.name),
    text("by", gettext_lazy("上传人"), lambda r: r.uploaded_by.display_name),
    day("at", gettext_lazy("上传日期"), lambda r: r.received_at),
    day("until", gettext_lazy("保存至"), lambda r: r.expires_on),
    state(
        "state", gettext_lazy("状态"), lambda r: r.get_state_display(), lambda r: _KINDS.get(r.state, "quiet")
    ),
)


def purpose_word(code: str) -> str:
    """A purpose as people call it."""
    return _(PURPOSES[code].word) if code in PURPOSES else code


@gate(SIGNED_IN)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every file in reach, newest first."""
    rows = queries.files_for(actor_of(request))
    chosen, purpose = request.GET.get("state", ""), request.GET.get("purpose", "")
    if chosen in StoredFile.State.values:
        rows = rows.filter(state=chosen)
    if purpose in PURPOSES:
        rows = rows.filter(purpose=purpose)
    words = [(code, purpose_word(code)) for code in PURPOSES]
    filters = [
        Filter("state", _("状态"), chosen, StoredFile.State.choices, is_tabs=True, any_word=_("全部")),
        Filter("purpose", _("用途"), purpose, words, submits=True),
    ]
    found = listing(
        request, rows, COLUMNS, name="files.index", label=_("文件"), filters=filters, may_export=False
    )
    return render(request, "files/index.html", {"list": found})


@gate(SIGNED_IN)
@require_GET
def file(request: HttpRequest, pk: int) -> HttpResponse:
    """One file: where it comes from, what became of it, and what may be done with it."""
    actor = actor_of(request)
    found = queries.file_for(actor, pk)
    is_writable = queries.is_writable(actor, found)
    context = {
        "file": found,
        "purpose": purpose_word(found.purpose),
        "may_remove": is_writable and found.state == "ready" and not found.held_for,
        "may_hold": queries.may_hold(actor, found) and found.state == "ready",
    }
    return render(request, "files/file.html", context)


@gate(SIGNED_IN)
@require_GET
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The file itself, always to keep and never to open in the page."""
    opened = actions.open_file(actor_of(request), file_id=pk)
    response = HttpResponse(opened.content, content_type=MEDIA_TYPES[opened.row.kind], headers=SHUT)
    response["Content-Disposition"] = disposition(opened.row.file_name, pk)
    return response


def disposition(name: str, pk: int) -> str:
    """The header that names an attachment: UTF-8 by RFC 6266, and a plain name for older programs."""
    ending = name.rpartition(".")[2]
    return f"attachment; filename=\"file-{pk}.{ending}\"; filename*=UTF-8''{quote(name, safe='')}"


@gate(SIGNED_IN)
@require_GET
def thumbnail(request: HttpRequest, pk: int) -> HttpResponse:
    """A small picture of a picture."""
    found = queries.file_for(actor_of(request), pk)
    blob = get_object_or_404(Blob, pk=found.thumbnail_id)
    return HttpResponse(
        actions.content_of(blob), content_type="image/jpeg", headers={**SHUT, "Content-Disposition": "inline"}
    )


@gate(SIGNED_IN)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Take in one or more files for the object that the page before has shown."""
    actor = actor_of(request)
    wanted = queries.read_token(actor, request.POST.get("token", ""))
    place = get_object_or_404(Place, pk=wanted.place_id)
    given = request.FILES.getlist("file")[:20]
    taken = 0
    try:
        if not given:
            raise invalid("file", _("没有选择文件。"), _("请先选择文件再上传。"))
        for one in given:
            actions.take_in(
                actor,
                upload=one,
                purpose=wanted.purpose,
                place=place,
                about_kind=wanted.about_kind,
                about_id=wanted.about_id,
                title=request.POST.get("title", ""),
            )
            taken += 1
    except Invalid as error:
        problem = error.problems[0]
        name = given[taken].name if given else ""
        messages.error(request, f"{name} {problem.message}{problem.remedy}".strip())
    if taken:
        messages.success(request, _("已上传 %(count)s 份文件。") % {"count": taken})
    return _back(request)


def _back(request: HttpRequest) -> HttpResponseRedirect:
    """To the page the form stood on, if it is one of ours."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}):
        target = reverse("files:index")
    return redirect(target)


@gate(SIGNED_IN)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a file back."""
    reason = request.POST.get("reason", "")
    actions.remove_file(actor_of(request), file_id=pk, version=version_of(request), reason=reason)
    messages.success(request, _("文件已删除，记录保留。"))
    return redirect("files:file", pk=pk)


@gate("registry.publish")
@require_POST
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a file beyond its expiry, or no longer."""
    row = actions.hold_file(
        actor_of(request), file_id=pk, version=version_of(request), reason=request.POST.get("reason", "")
    )
    messages.success(request, _("已登记保留。") if row.held_for else _("已解除保留。"))
    return redirect("files:file", pk=pk)


@gate("operations.read")
@require_GET
def status(request: HttpRequest) -> HttpResponse:
    """The store's health, without any file or name."""
    return render(request, "files/status.html", {"health": queries.health()})
