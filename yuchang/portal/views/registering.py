"""Public: an organisation asks to be registered; anybody finds again what was handed in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from yuchang.accounts.doors import PUBLIC, gate
from yuchang.core import clock
from yuchang.core.errors import Hidden
from yuchang.core.forms import problems_shown
from yuchang.portal import actions, queries
from yuchang.portal.forms import RegistrationForm
from yuchang.portal.queries.counties import full_name


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Firms, chambers, universities and others from outside the government's network."""
    initial = {
        "host": request.GET.get("county", "")[:12],
        "invitation": request.GET.get("invitation", "")[:64],
    }
    form = RegistrationForm(request.POST or None, initial={k: v for k, v in initial.items() if v})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        with problems_shown(form, {"place_code": "place", "host_code": "host"}):
            receipt = actions.receive_registration(
                said=actions.Registration(
                    name=said["name"],
                    kind=said["kind"],
                    credit_code=said["credit_code"],
                    place_code=said["place"],
                    contact_name=said["contact_name"],
                    phone=said["phone"],
                    capabilities=said["capabilities"],
                    introduction=said["introduction"],
                    invitation=said["invitation"],
                ),
                host_code=said["host"],
                network_address=request.META.get("REMOTE_ADDR", ""),
            )
            context = {"receipt": receipt, "name": said["name"], "host": full_name(said["host"])}
            return render(request, "portal/joined.html", context)
    return render(request, "portal/join.html", {"form": form}, status=422 if form.errors else 200)


@gate(PUBLIC)
@require_GET
def find_receipt(request: HttpRequest) -> HttpResponse:
    """From the receipt somebody noted to its page."""
    receipt = "".join(request.GET.get("receipt", "").upper().split())
    if not receipt.isalnum() or len(receipt) != 10 or not receipt.isascii():
        raise Hidden(_("回执号是十位字母和数字。"), remedy=_("请核对后从首页重新查询。"))
    if queries.receipt_state(clock.today(), receipt) is None:
        return render(request, "portal/received.html", {"receipt": receipt, "state": None, "is_asked": True})
    return redirect("portal:received", receipt)
