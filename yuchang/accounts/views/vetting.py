"""Invitations, the queue of what waits for a second person, and consents."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts import actions
from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.forms import InviteForm
from yuchang.accounts.queries import consents_for, invitations_for, role_word, waiting_to_vet
from yuchang.accounts.rules import Role
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.core.naming import names_of
from yuchang.core.paging import keyset_page


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def invitation_list(request: HttpRequest) -> HttpResponse:
    """Invitations, and the form for another; its link is shown once."""
    actor, form = actor_of(request), InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made, code = actions.invite(
                actor=actor,
                display_name=data["display_name"],
                role=Role(data["role"]),
                place_id=data["place_id"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            link = request.build_absolute_uri(reverse("accounts:join", args=[code]))
            return render(request, "accounts/invited.html", {"invitation": made, "link": link})
    page = keyset_page(invitations_for(actor), order=["-id"], cursor=request.GET.get("after", ""))
    lines = [(row, role_word(row.role)) for row in page.items]
    context = {"form": form, "page": page, "lines": lines, "now": clock.now()}
    return render(request, "accounts/invitations.html", context, status=422 if form.errors else 200)


@gate("accounts.manage")
@require_POST
def invitation_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an invitation back."""
    actions.cancel_invitation(actor=actor_of(request), invitation_id=pk, version=version_of(request))
    messages.success(request, _("邀请已撤回。"))
    return redirect("accounts:invitation_list")


@gate("accounts.vet")
@require_GET
def vetting(request: HttpRequest) -> HttpResponse:
    """What waits for the security administrator."""
    waiting = waiting_to_vet(actor_of(request))
    names = names_of("organisation", [w.row.target_id for w in waiting if w.kind == "grant"])
    lines = [
        (w, role_word(w.role) if w.role else "", names.get(getattr(w.row, "target_id", None), ""))
        for w in waiting
    ]
    return render(request, "accounts/vetting.html", {"lines": lines})


@gate("accounts.vet")
@require_POST
def vet(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Approve or refuse one proposal."""
    approve = request.POST.get("answer") == "approve"
    actions.vet(
        actor=actor_of(request),
        kind=kind,
        pk=pk,
        version=version_of(request),
        approve=approve,
        note=request.POST.get("reason", ""),
    )
    messages.success(request, _("已批准。") if approve else _("已退回，不予批准。"))
    return redirect("accounts:vetting")


@gate("accounts.manage")
@require_POST
def person_factors(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove the second factors of a person who lost the telephone."""
    actions.remove_second_factors(actor=actor_of(request), user_id=pk, version=version_of(request))
    messages.success(request, _("第二步验证已解除，本人下次登录须重新绑定。"))
    return redirect("workbench:person", pk)


@gate("consents.read")
@require_GET
def consent_list(request: HttpRequest) -> HttpResponse:
    """Consents in reach, newest first."""
    rows = consents_for(actor_of(request))
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""))
    organisations = names_of("organisation", [row.organisation_id for row in page.items])
    households = names_of("household", [row.household_id for row in page.items])
    context = {
        "page": page,
        "lines": [
            (row, households.get(row.household_id, ""), organisations.get(row.organisation_id, ""))
            for row in page.items
        ],
        "today": clock.today(),
        "may_record": actor_of(request).may("consents.record"),
    }
    return render(request, "accounts/consents.html", context)


@gate("consents.record")
@require_POST
def consent_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that a household took a consent back."""
    actions.withdraw_consent(actor=actor_of(request), consent_id=pk, version=version_of(request))
    messages.success(request, _("同意已撤回，即时生效。"))
    return redirect("accounts:consent_list")
