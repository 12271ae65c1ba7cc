"""People who may be entered twice: the list, the search, and a person's word on each pair."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import Filter, listing
from yuchang.registry import actions, lists, queries
from yuchang.registry.forms import LikenessForm
from yuchang.registry.likeness import REASONS
from yuchang.registry.models import Likeness
from yuchang.registry.words import LIKENESS_WORDS
from yuchang.sheets.lists import answer


@gate("registry.read")
@require_GET
def likenesses(request: HttpRequest) -> HttpResponseBase:
    """Pairs in the actor's area, newest first; the undecided ones unless another state is asked for."""
    rows = queries.likenesses_for(actor_of(request))
    state = request.GET.get("state", Likeness.State.OPEN)
    if state in Likeness.State.values:
        rows = rows.filter(state=state)
    tabs = Filter("state", _("按状态"), state, Likeness.State.choices, is_tabs=True)
    found = listing(
        request, rows, lists.LIKENESSES, name="registry.likenesses", label=_("疑似重复"), filters=[tabs]
    )
    return answer(request, found, "registry/likenesses.html")


@gate("registry.verify")
@require_POST
def likenesses_find(request: HttpRequest) -> HttpResponse:
    """Have each area of the actor's searched; the result comes into the inbox."""
    actions.ask_for_likenesses(actor=actor_of(request))
    messages.success(request, _("正在后台查找，查完会发消息告诉您。"))
    return redirect("registry:likenesses")


@gate("registry.read")
@require_GET
def likeness(request: HttpRequest, pk: int) -> HttpResponse:
    """One pair side by side, with the points and the form to decide it where the reader may."""
    actor = actor_of(request)
    found = queries.likeness_for(actor, pk)
    may_decide = actor.may("registry.verify") and found.state == Likeness.State.OPEN
    form = LikenessForm(initial={"version": found.version}) if may_decide else None
    return _page(request, found, form)


@gate("registry.verify")
@require_POST
def likeness_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Say whether the two are one."""
    actor = actor_of(request)
    form = LikenessForm(request.POST)
    if form.is_valid():
        try:
            actions.decide_likeness(
                actor=actor,
                likeness_id=pk,
                version=form.cleaned_data["version"],
                is_same=form.cleaned_data["same"],
                reason=form.cleaned_data["reason"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("核对结果已记下。同一人的,请更正其中一户的成员。"))
            return redirect("registry:likeness", pk=pk)
    return _page(request, queries.likeness_for(actor, pk), form, status=422)


def _page(
    request: HttpRequest, found: Likeness, form: LikenessForm | None, status: int = 200
) -> HttpResponse:
    points = [(LIKENESS_WORDS[code], REASONS[code]) for code in found.reasons]
    context = {"likeness": found, "points": points, "form": form, "pair": (found.first, found.second)}
    return render(request, "registry/likeness.html", context, status=status)
