"""Views of the first pages: each role's home, the household's own page, the wall, search, help."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts import actions as account_actions
from yuchang.accounts.doors import SIGNED_IN, actor_of, gate
from yuchang.accounts.rules import Role
from yuchang.core import clock
from yuchang.core.addresses import address
from yuchang.core.queries import entries_for, log_state
from yuchang.exchange.models import Category
from yuchang.exchange.queries import find_categories
from yuchang.field.queries import conflicts_waiting
from yuchang.workbench import actions
from yuchang.workbench.help import help_for
from yuchang.workbench.queries import figures, pages, searching
from yuchang.workbench.queries.home import home as home_of
from yuchang.workbench.queries.household import role_word
from yuchang.workbench.queries.operations import health
from yuchang.workbench.queries.own import own_household, own_page
from yuchang.workbench.queries.sources import category_word

DOORS: tuple[tuple[str, str, Any], ...] = (
    ("accounts.vet", "accounts:vetting", gettext_lazy("审批账号与岗位")),
    ("consents.use", "accounts:consent_list", gettext_lazy("农户同意给本单位使用的信息")),
    ("accounts.manage", "accounts:invitation_list", gettext_lazy("邀请新人")),
    ("accounts.manage", "accounts:post_list", gettext_lazy("岗位与任职")),
    ("teams.read", "accounts:team_list", gettext_lazy("领导小组与工作队")),
    ("consents.record", "accounts:consent_list", gettext_lazy("授权同意")),
    ("monitoring.visit", "field:phone", gettext_lazy("下乡：带上资料，没有网也能走访")),
    ("monitoring.visit", "field:reports", gettext_lazy("从手机回传的内容")),
)


@gate(SIGNED_IN)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What waits for me."""
    actor, today = actor_of(request), clock.today()
    if actor.has_role(Role.HOUSEHOLD) and not actor.may("workbench.read"):
        return redirect("workbench:own")
    found = home_of(actor, today, sort=request.GET.get("sort", ""), by=request.GET.get("by", ""))
    context: dict[str, Any] = {"home": found, "parts": [(role_word(w.role), w) for w in found.parts]}
    if actor.may("audit.read"):
        context["log"] = log_state()
        context["entries"] = entries_for().order_by("-id")[: pages.PREVIEW]
    if actor.may("operations.read"):
        context["checks"] = health()
    context["doors"] = [
        (str(word), address(name))
        for permission, name, word in DOORS
        if actor.may(permission) and address(name)
    ]
    context["conflicts"] = conflicts_waiting(actor)
    context["is_empty"] = not actor.grants
    return render(request, "workbench/home.html", context)


@gate("household.own")
@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """One's own household: status and why, money, who helps, what one may say."""
    actor = actor_of(request)
    household = own_household(actor, request.GET.get("household", ""))
    return render(request, "workbench/own.html", {"page": own_page(actor, household, clock.today())})


@gate("household.own")
@require_POST
def own_appeal(request: HttpRequest) -> HttpResponse:
    """Say that a decision is wrong."""
    household = own_household(actor_of(request), request.POST.get("household", ""))
    actions.appeal(actor=actor_of(request), household=household, text=request.POST.get("text", ""))
    messages.success(request, _("已收到，会由没有参与原决定的人复核，结果会告诉您。"))
    return redirect("workbench:own")


@gate("household.own")
@require_POST
def own_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a consent back."""
    version = request.POST.get("version", "")
    account_actions.withdraw_consent(
        actor=actor_of(request), consent_id=pk, version=int(version) if version.isdecimal() else None
    )
    messages.success(request, _("已撤回，从现在起不再使用。"))
    return redirect("workbench:own")


@gate("monitoring.read")
@require_GET
def wall(request: HttpRequest) -> HttpResponse:
    """The place on one screen for a wall; the part alone when it renews itself."""
    actor = actor_of(request)
    number = request.GET.get("place", "")
    place = (
        figures.place_in_reach(actor, "monitoring.read", number)
        if number
        else figures.home_place(actor, "monitoring.read")
    )
    if place is None:
        return render(request, "workbench/dashboard_empty.html")
    board = pages.dashboard(actor, clock.today(), place, request.GET.get("by", ""))
    name = "workbench/wall_part.html" if request.headers.get("HX-Request") else "workbench/wall.html"
    return render(request, name, {"board": board, "lately": pages.lately(actor, place), "now": clock.now()})


@gate("workbench.read")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Everything in reach that a word finds."""
    word = request.GET.get("q", "")[:60]
    groups = searching.search(actor_of(request), word)
    return render(request, "workbench/search.html", {"word": word, "groups": groups})


@gate("workbench.read")
@require_GET
def suggest(request: HttpRequest) -> HttpResponse:
    """The first of what a word finds, while it is typed."""
    word = request.GET.get("q", "")[:60].strip()
    groups = searching.search(actor_of(request), word, size=4) if word else []
    return render(request, "workbench/suggest.html", {"word": word, "groups": groups})


@gate("registry.enter")
@require_GET
def categories(request: HttpRequest) -> JsonResponse:
    """Categories of goods, work and skills by any name they go by, for the picker of a form."""
    word = request.GET.get("q", "")[:60].strip()
    same = Category.objects.filter(code=word, is_leaf=True).select_related("parent")
    found = list(same) or find_categories(word[:30], limit=20)
    items = [{"code": c.code, "word": category_word(c), "unit": c.unit, "above": _above(c)} for c in found]
    return JsonResponse({"items": items})


def _above(category: Category) -> str:
    return category_word(category.parent) if category.parent else ""


@gate(SIGNED_IN)
@require_GET
def help_panel(request: HttpRequest) -> HttpResponse:
    """What the page one is on is for, and the words on it."""
    return render(request, "workbench/help.html", {"help": help_for(request.GET.get("page", "")[:80])})


@gate("workbench.read")
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep a list under a name."""
    given = {key: request.POST.get(key, "") for key in ("page", "name", "query")}
    actions.save_view(actor=actor_of(request), **given)
    messages.success(request, _("已存为常用筛选。"))
    return _back(request)


@gate("workbench.read")
@require_POST
def forget_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Drop one's own saved list."""
    actions.forget_view(actor=actor_of(request), view_id=pk)
    messages.success(request, _("已删除。"))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the page one came from, if it is ours."""
    came_from = request.POST.get("next") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(came_from, {request.get_host()}):
        came_from = reverse("workbench:home")
    return redirect(came_from)
