"""Steps on a profile: its lines, its contact persons."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.entry import proven_at, proving
from yuchang.core.forms import VersionForm, require_valid
from yuchang.partners import actions
from yuchang.partners.forms import ContactPersonForm, LineForm, place_by
from yuchang.partners.models import ContactPerson


@gate("partners.read")
@require_POST
def line_add(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """Add a capability, market, goal or need."""
    data = require_valid(LineForm(request.POST))
    place = place_by(data.pop("place_code"))
    facts = actions.LineFacts(**data, place_id=place.pk if place else None)
    actions.add_line(actor=actor_of(request), organisation_id=organisation_id, facts=facts)
    messages.success(request, _("已添加。"))
    return redirect("partners:organisation_page", organisation_id)


@gate("partners.read")
@require_POST
def line_end(request: HttpRequest, line_id: int) -> HttpResponse:
    """A line no longer holds."""
    version = require_valid(VersionForm(request.POST))["version"]
    line = actions.end_line(actor=actor_of(request), line_id=line_id, version=version)
    return redirect("partners:organisation_page", line.organisation_id)


@gate("partners.read")
@require_POST
def contact_add(request: HttpRequest, organisation_id: int) -> HttpResponse:
    """Name somebody to talk to."""
    data = require_valid(ContactPersonForm(request.POST))
    actions.add_contact(
        actor=actor_of(request),
        organisation_id=organisation_id,
        name=data["contact"],
        duty=data["duty"],
        phone=data["telephone"],
    )
    messages.success(request, _("已添加。"))
    return redirect("partners:organisation_page", organisation_id)


@gate("partners.read")
@require_POST
def contact_end(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Somebody is no longer the one to talk to."""
    version = require_valid(VersionForm(request.POST))["version"]
    contact = actions.end_contact(actor=actor_of(request), contact_id=contact_id, version=version)
    return redirect("partners:organisation_page", contact.organisation_id)


def _page_with(contact_id: int) -> str:
    contact = ContactPerson.objects.get(pk=contact_id)
    return reverse("partners:organisation_page", args=[contact.organisation_id])


@gate("partners.read")
@require_POST
@proving(_page_with)
def contact_phone(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Show a contact person's telephone once; the reading is recorded."""
    contact, phone = actions.reveal_contact(
        actor=actor_of(request), contact_id=contact_id, proven_at=proven_at(request)
    )
    context = {"contact": contact, "phone": phone or _("未登记")}
    return render(request, "partners/contact_phone.html", context)
