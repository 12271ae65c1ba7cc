"""List and search, entry, correction, verification, facts."""

from __future__ import annotations

import tempfile
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.entry import proven_at, proving
from yuchang.accounts.queries import place_filter
from yuchang.core import clock
from yuchang.core.errors import Conflict, Invalid
from yuchang.core.forms import show_problems
from yuchang.core.lists import listing
from yuchang.core.paging import keyset_page
from yuchang.places.models import Place
from yuchang.registry import actions, lists, queries, records
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.forms import (
    FactsForm,
    HouseholdForm,
    MemberFormSet,
    NewHouseholdForm,
    ResourceForm,
    people_typed,
)
from yuchang.registry.models import HEAD_FIRST, Household
from yuchang.registry.views.shared import download, version_of
from yuchang.registry.words import word
from yuchang.sheets.lists import answer

FIRST_MEMBERS, BLANK_MEMBERS = 6, 1


@gate("registry.read")
@require_GET
def household_list(request: HttpRequest) -> HttpResponseBase:
    """Households in the actor's area, by filters of the address bar."""
    actor = actor_of(request)
    narrow = queries.Filter.from_query(request.GET)
    rows = queries.filtered(queries.households_for(actor), actor, narrow)
    township = narrow.township
    villages = queries.villages_of(actor, "registry.read", township) if township else []
    found = listing(
        request,
        lists.shown_of(rows),
        lists.HOUSEHOLDS,
        name="registry.households",
        label=_("农户"),
        order=["id"],
        prepare=lists.with_facts,
        filters=lists.household_filters(
            narrow, list(queries.townships_of(actor)), list(villages), may_reveal=actor.may("registry.reveal")
        ),
        total=lambda: queries.count_of(actor, narrow, rows),
        cap=queries.COUNTED,
        span=queries.span_of(actor, narrow),
        may_export=actor.may("registry.export"),
    )
    return answer(request, found, "registry/household_list.html", {"narrow": narrow})


@gate("registry.export")
@require_POST
@proving(lambda: reverse("registry:household_list"))
def household_export(request: HttpRequest) -> HttpResponse:
    """What the list shows, as the official workbook."""
    actor, narrow = actor_of(request), queries.Filter.from_query(request.POST)
    with tempfile.TemporaryFile() as target:
        actions.export_households(actor=actor, narrow=narrow, target=target, proven_at=proven_at(request))
        target.seek(0)
        return download(target.read(), f"households-{clock.today()}.xlsx")


@gate("registry.enter")
@require_http_methods(["GET", "POST"])
def household_new(request: HttpRequest) -> HttpResponse:
    """Enter a household with its members."""
    actor = actor_of(request)
    villages = Place.objects.filter(place_filter(actor, "registry.enter"), level=5, valid_to=None)
    form = NewHouseholdForm(request.POST or None, villages=villages.order_by("code"))
    members = _members(request, [])
    if request.method == "POST" and form.is_valid() and _are_valid(members):
        entry = form.entry(form.cleaned_data["number"], people_typed(members, {}), None)
        try:
            household = actions.register_household(
                actor=actor,
                village_id=form.cleaned_data["village"].pk,
                entry=entry,
                observed_on=form.cleaned_data["observed_on"],
            )
        except (Invalid, Conflict) as error:
            _show(form, error)
        else:
            messages.success(request, _("已录入,等待另一人核实。"))
            return redirect("registry:household", pk=household.pk)
    context = {"form": form, "members": members, "household": None}
    return render(request, "registry/household_form.html", context, status=_status(form, members))


@gate("registry.enter")
@require_http_methods(["GET", "POST"])
def household_correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct a household; sealed values stay unless typed anew."""
    actor = actor_of(request)
    household = queries.household_for(actor, pk, "registry.enter")
    before, _place_id = records.entries_of([pk], clock.today())[pk]
    form = HouseholdForm(request.POST or None, initial=_initial(household, before))
    members = _members(request, [_initial_member(m) for m in before.members])
    if request.method == "POST" and form.is_valid() and _are_valid(members):
        stored = {m.number: m for m in before.members}
        try:
            actions.correct_household(
                actor=actor,
                household_id=pk,
                version=form.cleaned_data["version"],
                entry=form.entry(household.number, people_typed(members, stored), before),
                observed_on=form.cleaned_data["observed_on"],
            )
        except Invalid as error:
            _show(form, error)
        else:
            messages.success(request, _("已更正,等待另一人核实。"))
            return redirect("registry:household", pk=pk)
    context = {"form": form, "members": members, "household": household}
    return render(request, "registry/household_form.html", context, status=_status(form, members))


def _members(request: HttpRequest, people: list[dict[str, Any]]) -> Any:
    """The people's forms: those there are, and some empty ones."""
    members = MemberFormSet(request.POST or None, initial=people, prefix="m")
    members.extra = BLANK_MEMBERS if people else FIRST_MEMBERS
    return members


def _initial(household: Household, before: HouseholdEntry) -> dict[str, Any]:
    others = household.causes.filter(until_on=None, is_main=False).values_list("code", flat=True)
    facts = queries.facts_on([household.pk], clock.today()).get(household.pk)
    tenths = facts.arable_land_mu_tenths if facts else None
    return {
        **{
            name: getattr(before, name)
            for name in HouseholdForm.base_fields
            if hasattr(before, name) and name != "other_causes"
        },
        "version": household.version,
        "other_causes": list(others),
        "observed_on": clock.today(),
        "arable_land_mu_tenths": None if tenths is None else tenths / 10,
    }


def _initial_member(member: MemberEntry) -> dict[str, Any]:
    hidden = ("id_number", "phone")
    names = [n for n in member.__dataclass_fields__ if n not in hidden]
    return {n: getattr(member, n) for n in names} | {"health": list(member.health)}


def _are_valid(members: Any) -> bool:
    return bool(members.is_valid())


def _show(form: Any, error: Invalid | Conflict) -> None:
    if isinstance(error, Invalid):
        show_problems(form, error)
    else:
        form.add_error(None, f"{error.message}{error.remedy}")


def _status(form: Any, members: Any) -> int:
    return 422 if form.is_bound and (form.errors or any(members.errors)) else 200


@gate("registry.read")
@require_GET
def household(request: HttpRequest, pk: int) -> HttpResponse:
    """The register's own page of a household: entry, verification, and the steps open to the reader."""
    actor = actor_of(request)
    found = queries.household_for(actor, pk)
    members = list(found.members.filter(left_on=None).order_by(*HEAD_FIRST))
    return render(
        request,
        "registry/household.html",
        {
            "household": found,
            "members": members,
            "facts": queries.facts_on([pk], clock.today()).get(pk),
            "causes": [
                {"label": word("cause", c.code), "is_main": c.is_main}
                for c in found.causes.filter(until_on=None).order_by("-is_main", "id")
            ],
            "resources": lists.named_resources(found.resources.filter(withdrawn_at=None).order_by("id")),
            "waits": found.verified_by_id is None and found.state in ("entered", "listed", "exited"),
            "is_own": found.entered_by_id == actor.user_id,
            "is_open": found.state not in ("noticed", "removed"),
        },
    )


@gate("registry.verify")
@require_POST
def household_verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm one household as the second person."""
    actions.verify_household(actor=actor_of(request), household_id=pk, version=version_of(request))
    messages.success(request, _("已核实。"))
    return redirect("registry:household", pk=pk)


@gate("registry.enter")
@require_POST
def household_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Strike a household off, with the reason."""
    actions.remove_household(
        actor=actor_of(request),
        household_id=pk,
        version=version_of(request),
        reason=request.POST.get("reason", ""),
    )
    messages.success(request, _("已注销,历史记录保留。"))
    return redirect("registry:household", pk=pk)


@gate("registry.publish")
@require_POST
def household_exit(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a listed household as exited today."""
    actions.exit_household(
        actor=actor_of(request), household_id=pk, version=version_of(request), on=clock.today()
    )
    messages.success(request, _("已标记退出。"))
    return redirect("registry:household", pk=pk)


@gate("registry.enter")
@require_http_methods(["GET", "POST"])
def household_facts(request: HttpRequest, pk: int) -> HttpResponse:
    """Note a new observation."""
    actor = actor_of(request)
    found = queries.household_for(actor, pk, "registry.enter")
    form = FactsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.record_facts(
                actor=actor,
                household_id=pk,
                observed_on=form.cleaned_data["observed_on"],
                source=form.cleaned_data["source"],
                facts=form.facts(),
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已记录。"))
            return redirect("registry:household", pk=pk)
    context = {"form": form, "household": found, "title": _("记录新情况"), "submit": _("记录")}
    return render(request, "registry/one_form.html", context, status=422 if form.errors else 200)


@gate("registry.enter")
@require_http_methods(["GET", "POST"])
def household_resource(request: HttpRequest, pk: int) -> HttpResponse:
    """Declare what a household offers or needs."""
    actor = actor_of(request)
    found = queries.household_for(actor, pk, "registry.enter")
    form = ResourceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.declare_resource(actor=actor, household_id=pk, **form.cleaned_data)
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已登记。"))
            return redirect("registry:household", pk=pk)
    context = {"form": form, "household": found, "title": _("登记资源或需求"), "submit": _("登记")}
    return render(request, "registry/one_form.html", context, status=422 if form.errors else 200)


@gate("registry.verify")
@require_GET
def verify_queue(request: HttpRequest) -> HttpResponse:
    """Entries and corrections that wait for the second person, oldest first."""
    actor = actor_of(request)
    narrow = queries.Filter(waiting=True, village=queries.Filter.from_query(request.GET).village)
    rows = queries.filtered(queries.households_for(actor, "registry.verify"), actor, narrow)
    page = keyset_page(
        rows.select_related("place", "entered_by"), order=["id"], cursor=request.GET.get("after", "")
    )
    facts = queries.facts_on([h.pk for h in page.items], clock.today())
    lines = [
        {"household": h, "facts": facts.get(h.pk), "is_own": h.entered_by_id == actor.user_id}
        for h in page.items
    ]
    context = {"page": page, "lines": lines, "count": queries.capped_count(rows), "cap": queries.COUNTED}
    return render(request, "registry/verify_queue.html", context)


@gate("registry.verify")
@require_POST
def verify_many(request: HttpRequest) -> HttpResponse:
    """Confirm the ticked households."""
    ids = [int(t) for t in request.POST.getlist("household") if t.isascii() and t.isdigit() and len(t) < 19]
    count = actions.verify_households(actor=actor_of(request), household_ids=ids)
    messages.success(request, _("已核实 %(count)s 户。") % {"count": count})
    return redirect("registry:verify_queue")
