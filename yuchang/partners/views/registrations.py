"""Pages: an organisation registers itself, by a link or on its own; a county invites."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from yuchang.accounts.doors import PUBLIC, actor_of, gate
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.forms import VersionForm, problems_shown, require_valid, show_problems
from yuchang.core.secrets import blind_index
from yuchang.partners import actions, queries
from yuchang.partners.actions.registrations import LABEL
from yuchang.partners.forms import InvitationForm, RegistrationForm, place_by
from yuchang.partners.models import Invitation
from yuchang.partners.views.organisations import organisation_facts
from yuchang.places.models import Place

NAMES = {"place": "place_code", "host": "host_code"}


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Anybody's organisation may register with a county; nothing of it is public before it is vetted."""
    return _register(request, RegistrationForm(request.POST or None), "", None)


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, code: str) -> HttpResponse:
    """The same by a county's invitation: the county stands."""
    found = queries.invitation_by(blind_index(LABEL, code).hex())
    if found is None:
        raise Hidden(_("邀请无效、已用过或已过期。"), remedy=_("请联系邀请您的县重新发出邀请。"))
    initial = {"name": found.name, "kind": found.kind}
    form = RegistrationForm(request.POST or None, initial=initial, host=found.host)
    return _register(request, form, code, found.host)


def _register(request: HttpRequest, form: RegistrationForm, code: str, host: Place | None) -> HttpResponse:
    if request.method == "POST" and isinstance(getattr(request, "actor", None), Actor):
        raise Refused(_("已登录的人员不能在此登记机构。"), remedy=_("请退出登录，或在伙伴名录中录入。"))
    if request.method == "POST" and form.is_valid():
        try:
            chosen = form.host or place_by(form.cleaned_data["host_code"])
            row = actions.register(facts=organisation_facts(form, chosen.pk if chosen else 0), code=code)
        except Invalid as error:
            show_problems(form, error, NAMES)
        else:
            return render(request, "partners/registered.html", {"row": row})
    context = {"form": form, "host": host}
    return render(request, "partners/register.html", context, status=422 if form.errors else 200)


@gate("partners.manage")
@require_http_methods(["GET", "POST"])
def invitation_list(request: HttpRequest) -> HttpResponse:
    """Invitations of one's county, and a new one; its link and code are shown once."""
    actor = actor_of(request)
    form, made = InvitationForm(request.POST or None), dict[str, str]()
    if request.method == "POST" and form.is_valid():
        with problems_shown(form):
            row, code = actions.invite_organisation(
                actor=actor, host_id=managed_county(actor), **form.cleaned_data
            )
            made = {
                "link": request.build_absolute_uri(reverse("partners:join", args=[code])),
                "code": code,
                "public_link": _public_link(row, code),
            }
            form = InvitationForm()
    rows: list[Invitation] = list(
        queries.invitations_for(actor).select_related("organisation").order_by("-id")[:100]
    )
    context = {"form": form, "rows": rows, **made}
    return render(request, "partners/invitations.html", context, status=422 if form.errors else 200)


def _public_link(row: Invitation, code: str) -> str:
    """The public form with the invitation filled in; empty while the settings do not know its address."""
    if not settings.PUBLIC_ADDRESS:
        return ""
    query = urlencode({"county": row.host.code[:6], "invitation": code})
    return f"{settings.PUBLIC_ADDRESS}{reverse('portal:join', urlconf='config.urls_public')}?{query}"


def managed_county(actor: Actor) -> int:
    """The county for which the actor manages. Raises Conflict when there is not exactly one place."""
    places = [s for s in actor.scopes("partners.manage") if isinstance(s, PlaceScope) and s.level == 3]
    if len(places) != 1:
        raise Conflict(_("请以一个县的专员身份办理。"))
    return places[0].place_id


@gate("partners.manage")
@require_POST
def invitation_cancel(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Take an unused invitation back."""
    version = require_valid(VersionForm(request.POST))["version"]
    actions.cancel_invitation(actor=actor_of(request), invitation_id=invitation_id, version=version)
    messages.success(request, _("邀请已撤回。"))
    return redirect("partners:invitation_list")
