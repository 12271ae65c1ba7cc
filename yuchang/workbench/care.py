"""Who helps a household, and what the household consented to."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from yuchang.accounts import actions as account_actions
from yuchang.accounts.doors import actor_of, gate, open_door
from yuchang.accounts.queries import helper_of, posts_for
from yuchang.core import clock
from yuchang.core.errors import Conflict, Invalid
from yuchang.core.forms import show_problems, version_of
from yuchang.registry.models import Household
from yuchang.workbench.actions import record_consent
from yuchang.workbench.forms import ConsentForm, HelperForm
from yuchang.workbench.queries.care import consent_lines, partners_near


def _household(request: HttpRequest, pk: int, permission: str) -> Household:
    return open_door(Household.objects.select_related("place"), actor_of(request), permission, pk)


@gate("teams.assign")
@require_http_methods(["GET", "POST"])
def helper(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a household to a helper, by name or by post; the one before gives it up in the same step."""
    actor, found = actor_of(request), _household(request, pk, "teams.assign")
    posts = posts_for(actor, "teams.assign").filter(closed_on=None, township_id=found.township_id)
    form = HelperForm(request.POST or None, posts=posts)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            account_actions.assign_helper(
                actor=actor,
                place=found.place,
                household_ids=[found.pk],
                user_id=data["user_id"],
                post_id=data["post"].pk if data["post"] else 0,
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("帮扶责任人已确定，今天起生效。"))
            return redirect("workbench:household", pk)
    context = {"household": found, "form": form, "helper": helper_of(pk)}
    return render(request, "workbench/helper.html", context, status=422 if form.errors else 200)


@gate("teams.assign")
@require_POST
def helper_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the assignment of a household's helper back, with everything that it opened."""
    found = _household(request, pk, "teams.assign")
    row = helper_of(found.pk)
    if row is None:
        raise Conflict(_("这一户现在没有帮扶责任人。"), remedy=_("请刷新页面。"))
    account_actions.end_assignment(actor=actor_of(request), assignment_id=row.pk, version=version_of(request))
    messages.success(request, _("结对已结束。"))
    return redirect("workbench:household", pk)


@gate("consents.record")
@require_http_methods(["GET", "POST"])
def consents(request: HttpRequest, pk: int) -> HttpResponse:
    """What a household consented to, and the form to note another consent."""
    actor, found = actor_of(request), _household(request, pk, "consents.record")
    form = ConsentForm(request.POST or None, request.FILES or None, organisations=partners_near(found.place))
    if request.method == "POST" and form.is_valid():
        try:
            record_consent(actor, household=found, upload=form.cleaned_data["evidence"], **form.agreed)
        except Invalid as error:
            show_problems(form, error, {"file": "evidence", "fields": "information"})
        else:
            messages.success(request, _("授权同意已登记。"))
            return redirect("workbench:consents", pk)
    context = {"household": found, "form": form, "lines": consent_lines(pk), "today": clock.today()}
    return render(request, "workbench/consents.html", context, status=422 if form.errors else 200)
