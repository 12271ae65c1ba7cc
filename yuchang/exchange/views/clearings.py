"""Pages: the clearing console."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.forms import VersionForm, require_valid
from yuchang.core.lists import Filter, listing
from yuchang.exchange import actions, forms, lists, queries
from yuchang.exchange.beside import conditions
from yuchang.exchange.models import Category, Replay
from yuchang.exchange.queries_console import (
    UNDER_WAY,
    holding_publications,
    is_moving,
    publication_for,
    publication_of,
    published_of,
    replay_for,
    replays_of,
)
from yuchang.exchange.templatetags.exchange import leftover_kind
from yuchang.places.models import Place
from yuchang.sheets.lists import answer

NATION = 0
COUNTIES_SHOWN = 500


@gate("exchange.read")
@require_GET
def clearing_list(request: HttpRequest) -> HttpResponseBase:
    """Past runs, and a new one."""
    actor = actor_of(request)
    rows = queries.clearings_for(actor)
    found = listing(request, rows, lists.CLEARINGS, name="exchange.clearings", label=_("撮合"), size=20)
    form = forms.RunForm(counties=areas(actor)) if actor.may("exchange.clear") else None
    return answer(request, found, "exchange/clearing_list.html", {"form": form})


def areas(actor: Actor) -> list[tuple[int, str]]:
    """The counties that the actor may clear, and the nation for a nation-wide actor."""
    rows = Place.objects.filter(place_filter(actor, "exchange.clear"), level=3, valid_to=None)
    counties = list(rows.order_by("code").values_list("pk", "name")[:COUNTIES_SHOWN])
    scopes = actor.scopes("exchange.clear")
    is_nation = any(isinstance(scope, PlaceScope) and scope.level == 0 for scope in scopes)
    return [(NATION, _("全国")), *counties] if is_nation else counties


@gate("exchange.clear")
@require_POST
def clearing_run(request: HttpRequest) -> HttpResponse:
    """Clear now, and look at the result before publishing."""
    actor = actor_of(request)
    data = require_valid(forms.RunForm(request.POST, counties=areas(actor)))
    county = Place.objects.get(pk=data["county"]) if data["county"] != NATION else None
    categories = [data["category"]] if data["category"] else None
    run = actions.run_clearing(actor=actor, on=clock.today(), county=county, categories=categories)
    messages.success(request, _("撮合完成，请查看后发布。"))
    return redirect("exchange:clearing", run.pk)


@gate("exchange.read")
@require_GET
def clearing_page(request: HttpRequest, clearing_id: int) -> HttpResponse:
    """One run: welfare, certificate, categories, what was left over."""
    run = queries.clearing_for(actor_of(request), clearing_id)
    publication = publication_of(run)
    names = Category.objects.in_bulk([row["code"] for row in run.by_category])
    figures = [{**row, "category": names.get(row["code"])} for row in run.by_category]
    context = {
        "run": run,
        "figures": sorted(figures, key=lambda row: -row["welfare_fen"]),
        "counts": queries.leftover_counts(run),
        "conditions": conditions(run.parameters),
        "helped": run.outcome.get("helped", 0),
        "published_other": published_of(run) not in (None, run.pk)
        or holding_publications(run).exclude(clearing=run).exists(),
        "publication": publication,
        "is_moving": is_moving(publication),
        "replays": replays_of(run),
    }
    return render(request, "exchange/clearing_page.html", context)


@gate("exchange.read")
@require_POST
def clearing_check(request: HttpRequest, clearing_id: int) -> HttpResponse:
    """Have the frozen inputs computed again and the stored answer checked again."""
    actions.ask_replay(actor=actor_of(request), clearing_id=clearing_id)
    messages.success(request, _("已提交重算，正在后台进行。"))
    return redirect("exchange:clearing", clearing_id)


@gate("exchange.read")
@require_GET
def replay_progress(request: HttpRequest, replay_id: int) -> HttpResponse:
    """How far a recomputation is, asked for every second while it is computed."""
    row = replay_for(actor_of(request), replay_id)
    is_over = row.state not in (Replay.State.QUEUED, Replay.State.RUNNING)
    return progress(request, "exchange/replay.html", {"replay": row}, is_over=is_over)


def progress(request: HttpRequest, template: str, context: dict[str, Any], *, is_over: bool) -> HttpResponse:
    """How far a task is; once it is over, the page that asks is to be read again."""
    if is_over:
        response = HttpResponse(status=204)
        response["HX-Refresh"] = "true"
        return response
    return render(request, template, context)


@gate("exchange.clear")
@require_POST
def clearing_publish(request: HttpRequest, clearing_id: int) -> HttpResponse:
    """Have the proposals sent to both sides; the page shows how far it is."""
    version = require_valid(VersionForm(request.POST))["version"]
    actions.ask_publication(actor=actor_of(request), clearing_id=clearing_id, version=version)
    messages.success(request, _("已提交发布，正在后台进行。"))
    return redirect("exchange:clearing", clearing_id)


@gate("exchange.read")
@require_GET
def publication_progress(request: HttpRequest, publication_id: int) -> HttpResponse:
    """How far a publication is, asked for every second while it is carried out."""
    row = publication_for(actor_of(request), publication_id)
    return progress(
        request, "exchange/publication.html", {"publication": row}, is_over=row.state not in UNDER_WAY
    )


@gate("exchange.clear")
@require_POST
def clearing_discard(request: HttpRequest, clearing_id: int) -> HttpResponse:
    """Set a run aside."""
    data = require_valid(forms.ReasonForm(request.POST))
    actions.discard_clearing(actor=actor_of(request), clearing_id=clearing_id, **data)
    messages.success(request, _("已作废。"))
    return redirect("exchange:clearing", clearing_id)


@gate("exchange.read")
@require_GET
def leftover_list(request: HttpRequest, clearing_id: int) -> HttpResponseBase:
    """Postings of a run that kept something, with why and the nearest fix."""
    run = queries.clearing_for(actor_of(request), clearing_id)
    code = request.GET.get("code", "")
    rows = queries.leftovers_of(run)
    if code:
        rows = rows.filter(code=code)
    kinds = [(key, f"{leftover_kind(key)} {n}") for key, n in queries.leftover_counts(run).items()]
    tabs = Filter("code", _("原因"), code, kinds, is_tabs=True, any_word=_("全部"))
    found = listing(
        request,
        rows,
        lists.LEFTOVERS,
        name="exchange.leftovers",
        label=_("未撮合"),
        order=["id"],
        filters=[tabs],
    )
    return answer(request, found, "exchange/leftover_list.html", {"run": run})
