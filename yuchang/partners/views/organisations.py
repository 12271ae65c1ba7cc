"""Pages of organisations: list, one with its profile and record, propose, check, vet, contact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate, open_door
from yuchang.accounts.entry import proven_at, proving
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import problems_shown, require_valid, show_problems
from yuchang.core.lists import Filter, listing
from yuchang.partners import actions, lists, queries
from yuchang.partners.forms import (
    ContactPersonForm,
    EditContactForm,
    LineForm,
    NoteForm,
    OrganisationForm,
    SearchForm,
    place_by,
)
from yuchang.partners.models import Organisation, ProfileLine
from yuchang.places.models import Place
from yuchang.sheets.lists import answer

NAMES = {"place": "place_code"}


@gate("partners.read")
@require_GET
def organisation_list(request: HttpRequest) -> HttpResponseBase:
    """The directory, by name."""
    actor = actor_of(request)
    form = SearchForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = queries.find_organisations(
        actor, text=wanted.get("text", ""), kind=wanted.get("kind", ""), state=wanted.get("state", "")
    )
    found = listing(
        request,
        rows,
        lists.ORGANISATIONS,
        name="partners.organisations",
        label=_("伙伴名录"),
        prepare=lists.with_records,
        order=["name", "id"],
        filters=[
            Filter("text", _("名称或能力"), wanted.get("text", ""), is_wide=True),
            Filter("kind", _("类型"), wanted.get("kind", ""), Organisation.Kind.choices),
            Filter("state", _("状态"), wanted.get("state", ""), Organisation.State.choices),
        ],
    )
    return answer(request, found, "partners/organisation_list.html")


@gate("partners.read")
@require_GET
def organisation_page(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """One organisation, and what the reader may do with it."""
    return _page(request, queries.organisation_for(actor_of(request), organisation_id))


def _page(request: HttpRequest, row: Organisation, **extra: Any) -> HttpResponse:
    actor = actor_of(request)
    is_managed = Organisation.objects.filter(queries.managed_by(actor), pk=row.pk).exists()
    is_own = row.pk in actor.organisation_ids("partners.own")
    needs_check = row.origin != Organisation.Origin.STAFF and row.checked_by_id is None
    is_first = actor.user_id in (row.proposed_by_id, row.checked_by_id)
    mine = queries.commitments_for(actor).filter(organisation=row).order_by("-id")[:20]
    today = clock.today()
    context = {
        "row": row,
        "is_managed": is_managed,
        "is_own": is_own,
        "needs_check": is_managed and needs_check and row.state == "proposed",
        "may_vet": is_managed and row.state in ("proposed", "suspended") and not needs_check and not is_first,
        "lines": profile_sections(row),
        "contacts": queries.contacts_of(row),
        "record": queries.records_of([row.pk], today).get(row.pk),
        "commitments": mine,
        "verdicts": queries.verdicts_of([one.pk for one in mine], today),
        "pairings": queries.pairings_for(actor).filter(organisation=row).order_by("-id")[:20],
        **extra,
    }
    if is_own or is_managed:
        context.setdefault("line_form", LineForm())
        context.setdefault("contact_form", ContactPersonForm())
    return render(request, "partners/organisation_page.html", context)


def profile_sections(row: Organisation) -> list[tuple[str, list[ProfileLine]]]:
    """The live lines of a profile under their headings."""
    found = queries.profile_of(row)
    return [(str(word), found[kind]) for kind, word in ProfileLine.Kind.choices]


@gate("partners.propose")
@require_http_methods(["GET", "POST"])
def organisation_new(request: HttpRequest) -> HttpResponse:
    """Propose an organisation; the actor's county introduces it."""
    actor = actor_of(request)
    form = OrganisationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            facts = organisation_facts(form, _home_county(actor))
            row = actions.propose_organisation(actor=actor, facts=facts)
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            messages.success(request, _("已录入，等待另一位专员核验。"))
            return redirect("partners:organisation_page", row.pk)
    status = 422 if form.errors else 200
    return render(request, "partners/organisation_new.html", {"form": form}, status=status)


def organisation_facts(form: OrganisationForm, host_id: int) -> actions.OrganisationFacts:
    """What the form says of an organisation that a county hosts."""
    data = form.cleaned_data
    seat = place_by(data["place_code"])
    return actions.OrganisationFacts(
        name=data["name"],
        kind=data["kind"],
        place_id=seat.pk if seat else 0,
        host_id=host_id,
        credit_code=data["credit_code"],
        contact_name=data["contact_name"],
        phone=data["phone"],
        capabilities=data["capabilities"],
        introduction=data["introduction"],
    )


def _home_county(actor: Actor) -> int:
    """The county in which the actor proposes: that of the first place scope."""
    for scope in actor.scopes("partners.propose"):
        if isinstance(scope, PlaceScope) and scope.level >= 3:
            found = Place.objects.filter(pk=scope.place_id).values_list("county_id", flat=True).first()
            return found or 0
    return 0


def _judged(
    request: HttpRequest,
    organisation_id: int,
    action: Callable[..., Organisation],
    words: str,
    *,
    said_as: str,
    needs_note: bool = False,
) -> HttpResponse:
    """Take one step on an organisation; the action knows the officer's note as ``said_as``."""
    data = require_valid(NoteForm(request.POST, needs_note=needs_note))
    said = {"version": data["version"], said_as: data["note"]}
    action(actor=actor_of(request), organisation_id=organisation_id, **said)
    messages.success(request, words)
    return redirect("partners:organisation_page", organisation_id)


@gate("partners.manage")
@require_POST
def vet(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """Confirm an organisation."""
    return _judged(request, organisation_id, actions.vet_organisation, _("已核验。"), said_as="note")


@gate("partners.manage")
@require_POST
def suspend(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """Suspend an organisation, with the reason."""
    return _judged(request, organisation_id, actions.suspend_organisation, _("已暂停。"), said_as="reason")


@gate("partners.manage")
@require_POST
def check(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """The papers of an organisation that registered itself are in order."""
    words, action = _("资料已审核，等待另一位专员核验。"), actions.check_organisation
    return _judged(request, organisation_id, action, words, said_as="opinion", needs_note=True)


@gate("partners.manage")
@require_POST
def refuse(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """Do not admit an organisation, with the reason."""
    words, action = _("已登记不予入库。"), actions.refuse_organisation
    return _judged(request, organisation_id, action, words, said_as="reason", needs_note=True)


@gate("partners.read")
@require_http_methods(["GET", "POST"])
def edit_contact(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """The organisation's own people, or its host county, keep the contact fresh."""
    actor = actor_of(request)
    row = _editable(actor, organisation_id)
    initial = {
        "contact_name": row.contact_name,
        "capabilities": "、".join(row.capabilities),
        "introduction": row.introduction,
        "version": row.version,
    }
    form = EditContactForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with problems_shown(form):
            actions.edit_contact(actor=actor, organisation_id=row.pk, **form.cleaned_data)
            messages.success(request, _("联系信息已更新。"))
            return redirect("partners:organisation_page", row.pk)
    context = {"form": form, "row": row, "back": reverse("partners:organisation_page", args=[row.pk])}
    return render(request, "partners/edit_contact.html", context, status=422 if form.errors else 200)


def _editable(actor: Actor, organisation_id: int) -> Organisation:
    _permission, within = queries.kept_by(actor)
    rows = Organisation.objects.select_related("host", "place")
    return open_door(rows, actor, "partners.read", organisation_id, within=within)


@gate("partners.read")
@require_POST
@proving(lambda organisation_id: reverse("partners:organisation_page", args=[organisation_id]))
def reveal_phone(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """Show the phone number once; the reading is recorded."""
    actor = actor_of(request)
    phone = actions.reveal_phone(actor=actor, organisation_id=organisation_id, proven_at=proven_at(request))
    return _page(request, queries.organisation_for(actor, organisation_id), phone=phone or _("未登记"))
