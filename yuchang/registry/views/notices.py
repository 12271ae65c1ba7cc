"""Public notices, objections, and the list of resources."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.queries import place_filter
from yuchang.core import clock
from yuchang.core.errors import Invalid
from yuchang.core.forms import problems_shown, show_problems
from yuchang.core.lists import Filter, listing
from yuchang.places.models import Place
from yuchang.registry import actions, lists, queries
from yuchang.registry.codes import CAUSE_GROUP_LABELS
from yuchang.registry.forms import (
    DecisionForm,
    NoticeForm,
    ObjectionForm,
    VillageResourceForm,
)
from yuchang.registry.models import Notice, Objection
from yuchang.registry.views.shared import version_of
from yuchang.sheets.lists import answer


@gate("registry.read")
@require_GET
def notices(request: HttpRequest) -> HttpResponseBase:
    """Notices in the actor's area, newest first."""
    rows = queries.notices_for(actor_of(request))
    state = request.GET.get("state", "")
    if state in Notice.State.values:
        rows = rows.filter(state=state)
    tabs = Filter("state", _("按状态"), state, Notice.State.choices, is_tabs=True, any_word=_("全部"))
    found = listing(request, rows, lists.NOTICES, name="registry.notices", label=_("公示"), filters=[tabs])
    return answer(request, found, "registry/notices.html")


@gate("registry.publish")
@require_http_methods(["GET", "POST"])
def notice_new(request: HttpRequest) -> HttpResponse:
    """Publish the verified households of one village, or of every village."""
    actor = actor_of(request)
    ready = queries.households_for(actor, "registry.publish").filter(state="verified")
    villages = Place.objects.filter(pk__in=ready.order_by().values("place_id")).order_by("code")
    form = NoticeForm(request.POST or None, villages=villages)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        with problems_shown(form):
            if data["village"] is None:
                count = actions.publish_notices(actor=actor, opens_on=data["opens_on"], days=data["days"])
                messages.success(request, _("已在 %(count)s 个村公示。") % {"count": count})
                return redirect("registry:notices")
            ids = list(ready.filter(place=data["village"]).values_list("pk", flat=True))
            notice_ = actions.publish_notice(
                actor=actor,
                village_id=data["village"].pk,
                household_ids=ids,
                opens_on=data["opens_on"],
                days=data["days"],
            )
            messages.success(request, _("已公示 %(count)s 户。") % {"count": len(ids)})
            return redirect("registry:notice", pk=notice_.pk)
    context = {"form": form, "count": queries.capped_count(ready), "villages": villages.count()}
    return render(request, "registry/notice_new.html", context, status=422 if form.errors else 200)


@gate("registry.read")
@require_GET
def notice(request: HttpRequest, pk: int) -> HttpResponse:
    """One notice: the masked rows as the public sees them, and the objections."""
    found = queries.notice_for(actor_of(request), pk)
    entries = list(found.entries.select_related("household").order_by("id")[:500])
    objections = list(Objection.objects.filter(entry__notice=found).select_related("entry").order_by("id"))
    lines = [
        {
            "entry": e,
            "cause": _(CAUSE_GROUP_LABELS[e.cause_group]),
            "objections": [o for o in objections if o.entry_id == e.pk],
        }
        for e in entries
    ]
    today = clock.today()
    return render(
        request,
        "registry/notice.html",
        {
            "notice": found,
            "lines": lines,
            "days_left": max((found.closes_on - today).days + 1, 0),
            "is_live": found.state == "open" and found.opens_on <= today <= found.closes_on,
            "is_over": found.state == "open" and today > found.closes_on,
            "form": ObjectionForm(),
        },
    )


@gate("registry.publish")
@require_POST
def notice_close(request: HttpRequest, pk: int) -> HttpResponse:
    """End a notice that is over."""
    actions.close_notice(actor=actor_of(request), notice_id=pk, version=version_of(request))
    messages.success(request, _("公示已结束,无异议的户已纳入。"))
    return redirect("registry:notice", pk=pk)


@gate("registry.publish")
@require_POST
def notices_close(request: HttpRequest) -> HttpResponse:
    """End every notice that is over and has no open objection."""
    count = actions.close_notices(actor=actor_of(request))
    messages.success(request, _("已结束 %(count)s 个公示。") % {"count": count})
    return redirect("registry:notices")


@gate("registry.enter")
@require_POST
def objection_new(request: HttpRequest, entry: int) -> HttpResponse:
    """Write down a villager's objection."""
    objection_ = actions.raise_objection(
        actor=actor_of(request), entry_id=entry, text=request.POST.get("text", "")
    )
    messages.success(request, _("异议已登记。"))
    return redirect("registry:objection", pk=objection_.pk)


@gate("registry.read")
@require_GET
def objections(request: HttpRequest) -> HttpResponseBase:
    """Objections in the actor's area, newest first."""
    rows = queries.objections_for(actor_of(request))
    state = request.GET.get("state", "")
    if state in Objection.State.values:
        rows = rows.filter(state=state)
    tabs = Filter("state", _("按状态"), state, Objection.State.choices, is_tabs=True, any_word=_("全部"))
    found = listing(
        request, rows, lists.OBJECTIONS, name="registry.objections", label=_("异议"), filters=[tabs]
    )
    return answer(request, found, "registry/objections.html")


@gate("registry.read")
@require_GET
def objection(request: HttpRequest, pk: int) -> HttpResponse:
    """One objection, with the form to decide it where the reader may."""
    actor = actor_of(request)
    found = queries.objection_for(actor, pk)
    may_decide = (
        actor.may("registry.decide_objection")
        and found.state == "open"
        and actor.user_id not in (found.household_entered_by_id, found.raised_by_id)
    )
    form = DecisionForm(initial={"version": found.version}) if may_decide else None
    return render(request, "registry/objection.html", {"objection": found, "form": form})


@gate("registry.decide_objection")
@require_POST
def objection_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide an objection."""
    actor = actor_of(request)
    found = queries.objection_for(actor, pk)
    form = DecisionForm(request.POST)
    if form.is_valid():
        try:
            actions.decide_objection(
                actor=actor,
                objection_id=pk,
                version=form.cleaned_data["version"],
                upheld=form.cleaned_data["upheld"],
                reason=form.cleaned_data["reason"],
            )
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("异议已处理。"))
            return redirect("registry:objection", pk=pk)
    return render(request, "registry/objection.html", {"objection": found, "form": form}, status=422)


@gate("registry.read")
@require_GET
def resource_list(request: HttpRequest) -> HttpResponseBase:
    """What the area's households and villages have and need."""
    rows = queries.resources_for(actor_of(request))
    direction, category = request.GET.get("direction", ""), request.GET.get("category", "")[:60]
    if direction in ("offer", "need"):
        rows = rows.filter(direction=direction)
    if category:
        rows = rows.filter(category=category)
    ways = [("offer", _("能提供")), ("need", _("需要"))]
    tabs = Filter("direction", _("提供或需要"), direction, ways, is_tabs=True, any_word=_("全部"))
    found = listing(
        request,
        rows,
        lists.RESOURCES,
        name="registry.resources",
        label=_("资源与需求"),
        filters=[tabs],
        prepare=lists.named_resources,
    )
    return answer(request, found, "registry/resource_list.html")


@gate("registry.enter")
@require_http_methods(["GET", "POST"])
def resource_new(request: HttpRequest) -> HttpResponse:
    """Declare what a village has or needs."""
    actor = actor_of(request)
    villages = Place.objects.filter(place_filter(actor, "registry.enter"), level=5, valid_to=None)
    form = VillageResourceForm(request.POST or None, villages=villages.order_by("code"))
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        try:
            actions.declare_resource(actor=actor, village_id=data.pop("village").pk, **data)
        except Invalid as error:
            show_problems(form, error)
        else:
            messages.success(request, _("已登记。"))
            return redirect("registry:resource_list")
    context = {"form": form, "household": None, "title": _("登记村的资源或需求"), "submit": _("登记")}
    return render(request, "registry/one_form.html", context, status=422 if form.errors else 200)


@gate("registry.enter")
@require_POST
def resource_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a resource back."""
    found = actions.withdraw_resource(actor=actor_of(request), resource_id=pk, version=version_of(request))
    messages.success(request, _("已撤下。"))
    if found.household_id:
        return redirect("registry:household", pk=found.household_id)
    return redirect("registry:resource_list")
