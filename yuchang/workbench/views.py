"""Pages that join domains: home, one household, dashboard, lists, search, people, operations, audit."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts import actions as account_actions
from yuchang.accounts.doors import actor_of, gate, open_door, open_prepared
from yuchang.accounts.entry import proven_at, proving
from yuchang.accounts.models import RoleGrant
from yuchang.accounts.queries import LEVEL_COLUMNS, held_by, people_for, place_filter, still_held
from yuchang.accounts.rules import NEEDS_ORGANISATION, Role
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.core.lists import Filter, listing
from yuchang.core.naming import names_of
from yuchang.core.prepared import prepared
from yuchang.core.queries import log_state
from yuchang.places.models import Place
from yuchang.registry.actions import reveal as reveal_secret
from yuchang.registry.models import Household, Member
from yuchang.sheets.lists import answer
from yuchang.workbench.actions import propose_role, retry_task
from yuchang.workbench.forms import GrantForm, PersonForm
from yuchang.workbench.leaving import HELD_WORDS
from yuchang.workbench.queries import figures, lists, pages
from yuchang.workbench.queries.household import household_page, role_word
from yuchang.workbench.queries.household import why as household_why
from yuchang.workbench.queries.household_life import KINDS
from yuchang.workbench.queries.log import found_entries
from yuchang.workbench.queries.operations import health, task_rows


@gate("workbench.read")
@require_GET
def figure(request: HttpRequest, name: str) -> HttpResponseBase:
    """Exactly the rows that a figure counts."""
    actor, item = actor_of(request), figures.source(name)
    chosen = figures.selection(item, actor, request.GET)
    found = figures.figure_list(name, actor, clock.today(), chosen, size=1)
    rows = figures.whole_list(request, found, actor, clock.today())
    return answer(request, rows, "workbench/figure.html", {"figure": found})


@gate("monitoring.read")
@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """A place at a glance: figures, map, money, alerts."""
    actor = actor_of(request)
    if request.GET.get("place"):
        place: Place | None = figures.place_in_reach(actor, "monitoring.read", request.GET["place"])
    else:
        place = figures.home_place(actor, "monitoring.read")
    if place is None:
        return render(request, "workbench/dashboard_empty.html")
    board = pages.dashboard(actor, clock.today(), place, request.GET.get("by", ""))
    return render(request, "workbench/dashboard.html", {"board": board})


@gate("ledger.read")
@require_GET
def flows(request: HttpRequest) -> HttpResponse:
    """This year's money of the actor's own place; a part of the home page."""
    place = figures.home_place(actor_of(request), "ledger.read")
    if place is None:
        return HttpResponse()
    return render(request, "workbench/flows.html", pages.flows(clock.today(), place))


@gate("monitoring.read")
@require_GET
def place_loop(request: HttpRequest, pk: int) -> HttpResponse:
    """The state of the loop in one place; a part of the place page."""
    actor = actor_of(request)
    place = open_door(Place.objects.all(), actor, "monitoring.read", pk)
    tiles = pages.loop_in(actor, clock.today(), place)
    return render(request, "workbench/place_loop.html", {"tiles": tiles, "place": place})


# Of the people who entered and verified a household only the names, of its place no words to search by.
SHOWN = (
    *(f.name for f in Household._meta.concrete_fields if f.name not in ("search_keys", "content_hash")),
    *("place__level", "place__code", "place__name", "place__full_name"),
    *(f"place__{column}" for column in LEVEL_COLUMNS.values()),
    *("entered_by__display_name", "verified_by__display_name"),
)


@prepared
def _one_household(within: Any, pk: Any) -> QuerySet[Household]:
    rows = Household.objects.select_related("place", "entered_by", "verified_by").only(*SHOWN)
    return rows.filter(within, pk=pk)


def _household(request: HttpRequest, pk: int) -> Household:
    return open_prepared(_one_household, Household, actor_of(request), "registry.read", pk)


@gate("registry.read")
@require_GET
def household(request: HttpRequest, pk: int) -> HttpResponse:
    """One household, one page."""
    actor = actor_of(request)
    found = household_page(actor, _household(request, pk), clock.today())
    context = {"page": found, "kinds": KINDS, "helper": found.helper}
    return render(request, "workbench/household.html", context)


@gate("registry.read")
@require_GET
def why(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest verdict on a household with its reasons; a part of its page."""
    found = _household(request, pk)
    return render(request, "workbench/why.html", {"why": household_why(found.pk)})


@gate("registry.reveal")
@require_POST
@proving(lambda pk, **_named: reverse("workbench:household", args=[pk]))
def reveal(request: HttpRequest, pk: int, member: int, field: str) -> HttpResponse:
    """Show one sealed field of one member, leaving a trace."""
    row = _household(request, pk)
    reach = place_filter(actor_of(request), "registry.reveal", "household__")
    rows = Member.objects.filter(household=row)
    person = open_door(rows, actor_of(request), "registry.reveal", member, within=reach)
    text = reveal_secret(
        actor=actor_of(request), member_id=person.pk, field=field, proven_at=proven_at(request)
    )
    if request.headers.get("HX-Request"):
        return render(request, "workbench/revealed.html", {"text": text})
    found = household_page(actor_of(request), row, clock.today())
    shown = {"member": person.pk, "field": field, "text": text}
    context = {"page": found, "kinds": KINDS, "shown": shown, "helper": found.helper}
    return render(request, "workbench/household.html", context)


@gate("audit.read")
@require_GET
def audit_log(request: HttpRequest) -> HttpResponseBase:
    """Search the audit log, by words or by codes; the state of its signed tree."""
    given = {k: request.GET.get(k, "").strip() for k in lists.LOG_FILTERS}
    found = listing(
        request,
        found_entries(**given),
        lists.LOG,
        name="audit.log",
        label=_("审计日志"),
        filters=lists.log_filters(given),
    )
    return answer(request, found, "workbench/audit_log.html", {"log": log_state()})


@gate("operations.read")
@require_GET
def operations(request: HttpRequest) -> HttpResponse:
    """Health of the system, without business data."""
    return render(request, "workbench/operations.html", {"checks": health()})


@gate("operations.read")
@require_GET
def tasks(request: HttpRequest) -> HttpResponse:
    """Background tasks that failed, run or wait; without their arguments."""
    chosen = request.GET.get("status", "failed")
    status = chosen if chosen in ("failed", "doing", "todo") else "failed"
    return render(request, "workbench/tasks.html", {"rows": task_rows(status), "status": status})


@gate("operations.read")
@require_POST
def task_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a failed task run once more."""
    retry_task(actor=actor_of(request), task_id=pk)
    messages.success(request, _("任务已重新排队。"))
    return redirect("workbench:tasks")


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponseBase:
    """Everyone whose account the actor keeps, and the form for a new person."""
    actor = actor_of(request)
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made, password = account_actions.create_user(actor=actor, **form.cleaned_data)
        except Invalid as error:
            show_problems(form, error)
        else:
            return render(request, "workbench/one_time_password.html", {"person": made, "password": password})
    rows = people_for(actor).prefetch_related("role_grants__place")
    word = request.GET.get("q", "").strip()
    if word:
        rows = rows.filter(display_name__contains=word)
    found = listing(
        request,
        rows,
        lists.PEOPLE,
        name="people",
        label=_("人员"),
        order=["id"],
        filters=[Filter("q", _("姓名"), word)],
        total=rows.count(),
    )
    return answer(request, found, "workbench/people.html", {"form": form})


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """One account: its roles, and a form for another."""
    actor = actor_of(request)
    row = open_door(people_for(actor), actor, "accounts.manage", pk, within=Q())
    form = GrantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            propose_role(
                actor,
                user_id=pk,
                role=Role(data["role"]),
                place_id=data.get("place_id"),
                organisation_id=data["organisation"] if data["role"] in NEEDS_ORGANISATION else None,
                valid_to=data["valid_to"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("岗位已提出，经安全管理员批准后生效。"))
            return redirect("workbench:person", pk)
    grants = RoleGrant.objects.filter(user=row).select_related("place").order_by("-valid_from", "-id")
    names = names_of("organisation", [g.target_id for g in grants if g.scope_kind == "organisation"])
    lines = [(role_word(Role(g.role)), g, names.get(g.target_id or 0, "")) for g in grants]
    held = [(str(HELD_WORDS[h.kind]), role_word(Role(h.role)) if h.role else "", h) for h in held_by(pk)]
    context = {"person": row, "grants": lines, "held": held, "form": form, "today": clock.today()}
    context["has_left_open"] = not row.is_active and bool(still_held(pk, clock.today()))
    return render(request, "workbench/person.html", context)


@gate("accounts.manage")
@require_POST
def end_grant(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a role back."""
    grant = account_actions.end_grant(actor=actor_of(request), grant_id=pk, version=version_of(request))
    messages.success(request, _("岗位已收回。"))
    return redirect("workbench:person", grant.user_id)


@gate("accounts.manage")
@require_POST
def reset_password(request: HttpRequest, pk: int) -> HttpResponse:
    """A new one-time password."""
    password = account_actions.reset_password(
        actor=actor_of(request), user_id=pk, version=version_of(request)
    )
    row = people_for(actor_of(request)).get(pk=pk)
    return render(request, "workbench/one_time_password.html", {"person": row, "password": password})


@gate("accounts.manage")
@require_POST
def reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a closed account again."""
    account_actions.reactivate_user(actor=actor_of(request), user_id=pk, version=version_of(request))
    messages.success(request, _("账号已重新启用。"))
    return redirect("workbench:person", pk)
