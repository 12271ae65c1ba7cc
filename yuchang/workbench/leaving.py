"""The page on which an account is closed: what the person still holds, and who takes it over."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from yuchang.accounts import actions as account_actions
from yuchang.accounts.doors import actor_of, gate, open_door
from yuchang.accounts.queries import households_helped, people_for, role_word, still_held
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.procedures.queries import cases_given_to
from yuchang.workbench.actions import see_off
from yuchang.workbench.forms import LeaveForm

HELD_WORDS = {
    "grant": gettext_lazy("直接授予"),
    "post": gettext_lazy("任职"),
    "deputy": gettext_lazy("代理"),
    "team": gettext_lazy("队组"),
    "assignment": gettext_lazy("结对帮扶"),
}


@gate("accounts.manage")
@require_http_methods(["GET", "POST"])
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Close an account: for good, with everything that it held, or for a time."""
    actor, today = actor_of(request), clock.today()
    person = open_door(people_for(actor), actor, "accounts.manage", pk, within=Q())
    form = LeaveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = {"user_id": pk, "version": version_of(request), "reason": form.cleaned_data["reason"]}
        try:
            if form.cleaned_data["way"] == LeaveForm.PAUSE:
                account_actions.deactivate_user(actor=actor, **given)
                messages.success(request, _("账号已暂停，岗位保留。"))
            else:
                see_off(actor, successor_id=form.cleaned_data["user_id"], **given)
                messages.success(request, _("账号已停用，岗位、队组和结对已同时结束或移交。"))
        except Invalid as error:
            show_problems(form, error, {"successor": "username"})
        else:
            return redirect("workbench:person", pk)
    held = [(str(HELD_WORDS[h.kind]), role_word(h.role) if h.role else "", h) for h in still_held(pk, today)]
    context = {
        "person": person,
        "held": held,
        "helped": households_helped(pk, today),
        "cases": cases_given_to(pk).count(),
        "form": form,
        "today": today,
    }
    return render(request, "workbench/leave.html", context, status=422 if form.errors else 200)
