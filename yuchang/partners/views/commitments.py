"""Pages: commitments with their milestones, progress and its confirmation."""

from __future__ import annotations

import io
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Hidden, Invalid
from yuchang.core.forms import require_valid, show_problems
from yuchang.core.lists import Filter, listing
from yuchang.files.actions import content_of
from yuchang.partners import actions, lists, queries
from yuchang.partners.forms import AnswerForm, CommitmentForm, ProgressForm, ReasonForm, place_by
from yuchang.partners.models import Commitment, Organisation, Progress
from yuchang.partners.rules import FEN
from yuchang.places.models import Place
from yuchang.sheets.lists import answer

NAMES = {"place": "place_code", "milestones": "due_1"}


@gate("partners.read")
@require_GET
def commitment_list(request: HttpRequest) -> HttpResponseBase:
    """Promises made by or to the actor's side."""
    rows = queries.commitments_for(actor_of(request))
    state = request.GET.get("state", "")
    if state in Commitment.State.values:
        rows = rows.filter(state=state)
    tabs = Filter("state", _("状态"), state, Commitment.State.choices, is_tabs=True, any_word=_("全部"))
    found = listing(
        request,
        rows,
        lists.COMMITMENTS,
        name="partners.commitments",
        label=_("帮扶承诺"),
        prepare=lists.with_verdicts,
        filters=[tabs],
    )
    return answer(request, found, "partners/commitment_list.html")


@gate("partners.read")
@require_http_methods(["GET", "POST"])
def commitment_new(request: HttpRequest) -> HttpResponse:
    """Promise something, for one's organisation or public body."""
    actor = actor_of(request)
    makers = makers_of(actor)
    if not makers:
        raise Hidden(_("您不代表任何机构或单位，不能作出承诺。"), remedy=_("请联系本机构的人员。"))
    form = CommitmentForm(request.POST or None, makers=makers)
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.commit(actor=actor, facts=_facts(form))
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("承诺已提出，等待受助地接受。"))
            return redirect("partners:commitment", row.pk)
    return render(request, "partners/commitment_new.html", {"form": form}, status=422 if form.errors else 200)


def makers_of(actor: Actor) -> list[tuple[str, str]]:
    """For whom the actor may promise: own organisations, then the places that he or she manages."""
    own = Organisation.objects.filter(queries.owned_by(actor)).order_by("name").values_list("pk", "name")
    places = [s.place_id for s in actor.scopes("partners.manage") if isinstance(s, PlaceScope)]
    bodies = Place.objects.filter(pk__in=places).order_by("code")
    return [(f"o{pk}", name) for pk, name in own] + [(f"p{p.pk}", p.full_name) for p in bodies]


def _facts(form: CommitmentForm) -> actions.CommitmentFacts:
    data = form.cleaned_data
    number = int(data["maker"][1:])
    is_firm = data["maker"].startswith("o")
    place = place_by(data["place_code"])
    return actions.CommitmentFacts(
        place_id=place.pk if place else 0,
        kind=data["kind"],
        title=data["title"],
        milestones=form.milestones(),
        organisation_id=number if is_firm else None,
        maker_place_id=None if is_firm else number,
        unit=data["unit"],
        document=data["document"],
    )


@gate("partners.read")
@require_GET
def commitment(request: HttpRequest, commitment_id: int) -> HttpResponse:
    """One promise: what is due, what was done and confirmed, and each side's next step."""
    return _page(request, commitment_id)


def _page(
    request: HttpRequest, commitment_id: int, form: ProgressForm | None = None, of: int = 0
) -> HttpResponse:
    actor = actor_of(request)
    row = queries.commitment_for(actor, commitment_id)
    rows = Commitment.objects.filter(pk=row.pk)
    permission = queries.own_or_manage(actor)
    receives = rows.filter(queries.receiver_filter(actor, "partners.manage")).exists()
    makes = rows.filter(queries.maker_filter(actor, permission)).exists()
    today = clock.today()
    context: dict[str, Any] = {
        "row": row,
        "is_money": row.unit == FEN,
        "milestones": [
            {
                "row": one,
                "verdict": queries.verdict_of(one, today),
                "done": sum(p.amount for p in one.progress.all() if p.state == "confirmed"),
                "form": (form if of == one.pk and form else ProgressForm(auto_id=f"m{one.pk}_%s"))
                if makes and row.state == "active"
                else None,
            }
            for one in row.milestones.all()
        ],
        "receives": receives,
        "user_id": actor.user_id,
    }
    return render(request, "partners/commitment.html", context, status=422 if form and form.errors else 200)


@gate("partners.manage")
@require_POST
def commitment_answer(request: HttpRequest, commitment_id: int) -> HttpResponse:
    """The receiving county accepts or declines."""
    data = require_valid(AnswerForm(request.POST))
    is_yes = data.pop("answer")
    actions.answer_commitment(
        actor=actor_of(request), commitment_id=commitment_id, is_accepted=is_yes, **data
    )
    messages.success(request, _("已接受承诺。") if is_yes else _("未接受承诺。"))
    return redirect("partners:commitment", commitment_id)


@gate("partners.manage")
@require_POST
def commitment_release(request: HttpRequest, commitment_id: int) -> HttpResponse:
    """The receiving county gives the maker free."""
    data = require_valid(ReasonForm(request.POST))
    actions.release_commitment(actor=actor_of(request), commitment_id=commitment_id, **data)
    messages.success(request, _("承诺已解除。"))
    return redirect("partners:commitment", commitment_id)


@gate("partners.read")
@require_POST
def progress_report(request: HttpRequest, commitment_id: int, milestone_id: int) -> HttpResponse:
    """The maker reports what was done."""
    actor = actor_of(request)
    row = queries.commitment_for(actor, commitment_id)
    if milestone_id not in {one.pk for one in row.milestones.all()}:
        raise Hidden(_("没有找到，或不在您的管辖范围内。"))
    form = ProgressForm(request.POST, request.FILES, auto_id=f"m{milestone_id}_%s")
    if form.is_valid():
        data = form.cleaned_data
        facts = actions.ProgressFacts(
            form.whole(is_money=row.unit == FEN), data["happened_on"], data["note"], data["reference"]
        )
        try:
            actions.report_progress(actor=actor, milestone_id=milestone_id, facts=facts, upload=data["file"])
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已报告，等待受助地确认。"))
            return redirect("partners:commitment", commitment_id)
    return _page(request, commitment_id, form, milestone_id)


@gate("partners.manage")
@require_POST
def progress_judge(request: HttpRequest, progress_id: int) -> HttpResponse:
    """The receiving county confirms or refuses what was reported."""
    data = require_valid(AnswerForm(request.POST))
    is_yes = data.pop("answer")
    row = actions.judge_progress(
        actor=actor_of(request), progress_id=progress_id, is_confirmed=is_yes, **data
    )
    messages.success(request, _("已确认。") if is_yes else _("未予确认。"))
    return redirect("partners:commitment", row.milestone.commitment_id)


@gate("partners.read")
@require_GET
def evidence(request: HttpRequest, progress_id: int) -> HttpResponseBase:
    """The file that proves a report, for the two sides."""
    mine = queries.commitments_for(actor_of(request)).values("pk")
    rows = Progress.objects.filter(milestone__commitment__in=mine, file__isnull=False)
    row = rows.select_related("file__blob").filter(pk=progress_id).first()
    if row is None or row.file is None or row.file.blob is None:
        raise Hidden(_("没有找到，或不在您的管辖范围内。"))
    name = row.file.file_name
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
    content = io.BytesIO(content_of(row.file.blob))
    kind = "application/octet-stream"
    return FileResponse(content, as_attachment=True, filename=name, content_type=kind, headers=headers)
