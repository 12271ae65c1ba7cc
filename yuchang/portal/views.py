"""The public pages (published rows only), and inside the pages from which they are published."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from yuchang.accounts.doors import PUBLIC, actor_of, gate
from yuchang.accounts.queries import place_filter
from yuchang.core import clock
from yuchang.core.errors import Hidden
from yuchang.core.paging import keyset_page
from yuchang.places.models import Place
from yuchang.portal import actions, queries
from yuchang.portal.forms import ObjectionForm, PublishForm
from yuchang.portal.models import ObjectionIntake, PublishedNoticeEntry
from yuchang.registry.codes import CAUSE_GROUP_LABELS


@gate(PUBLIC)
@require_GET
def front(request: HttpRequest) -> HttpResponse:
    """The counties that publish."""
    return render(request, "portal/front.html", {"counties": queries.latest_counties()})


@gate(PUBLIC)
@require_GET
def county(request: HttpRequest, code: str) -> HttpResponse:
    """What was found, given and earned in a county; its live notices."""
    rows = list(queries.publications(code)[:6])
    today = clock.today()
    notices = queries.live_notices(today, code)
    if not rows and not notices.exists():
        raise Hidden(_("这个县还没有公开的内容。"), remedy=_("请从首页选择。"))
    page = keyset_page(notices, order=["expires_on", "id"], cursor=request.GET.get("after", ""))
    newest = rows[0] if rows else None
    causes = sorted(newest.causes.items(), key=lambda pair: -pair[1]) if newest else []
    context = {
        "county": newest,
        "causes": [(CAUSE_GROUP_LABELS.get(group, group), n) for group, n in causes],
        "older": rows[1:],
        "page": page,
        "total": notices.count(),
    }
    return render(request, "portal/county.html", context)


@gate(PUBLIC)
@require_GET
def notice(request: HttpRequest, code: str) -> HttpResponse:
    """One live notice, masked, with the days that are left."""
    found = queries.live_notices(clock.today()).filter(code=code).first()
    if found is None:
        raise Hidden(_("这份公示已经结束，或编号有误。"), remedy=_("公示到期后不再显示，以保护农户隐私。"))
    entries = PublishedNoticeEntry.objects.filter(notice=found)
    context = {
        "notice": found,
        "page": keyset_page(entries, order=["id"], cursor=request.GET.get("after", "")),
        "days_left": (found.expires_on - clock.today()).days + 1,
        "labels": CAUSE_GROUP_LABELS,
    }
    return render(request, "portal/notice.html", context)


@gate(PUBLIC)
@require_http_methods(["GET", "POST"])
def objection(request: HttpRequest, code: str) -> HttpResponse:
    """Object to one household of a live notice."""
    entry = queries.live_entry(clock.today(), code)
    if entry is None:
        raise Hidden(_("这份公示已经结束，或编号有误。"), remedy=_("请直接向乡镇或县乡村振兴部门反映。"))
    form = ObjectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        receipt = actions.receive_objection(
            entry_code=entry.code,
            text=form.cleaned_data["text"],
            network_address=request.META.get("REMOTE_ADDR", ""),
        )
        return redirect("portal:received", receipt)
    status = 422 if form.errors else 200
    return render(request, "portal/objection.html", {"entry": entry, "form": form}, status=status)


@gate(PUBLIC)
@require_GET
def received(request: HttpRequest, receipt: str) -> HttpResponse:
    """The receipt of an objection."""
    return render(request, "portal/received.html", {"receipt": receipt})


@gate(PUBLIC)
@require_GET
def about(request: HttpRequest) -> HttpResponse:
    """What this is, what never appears here, how to verify."""
    return render(request, "portal/about.html")


@gate(actions.PUBLISH)
@require_GET
def publication(request: HttpRequest) -> HttpResponse:
    """What the public sees of the officer's counties, and the steps to publish."""
    actor, today = actor_of(request), clock.today()
    reach = place_filter(actor, actions.PUBLISH)
    counties = Place.objects.filter(reach, level=Place.Level.COUNTY, valid_to__isnull=True).order_by("code")
    lines = [
        (
            place,
            queries.publications(place.code).first(),
            queries.live_notices(today, place.code).count(),
            PublishForm(initial={"from_on": today.replace(month=1, day=1)}, auto_id=f"id_{place.pk}_%s"),
        )
        for place in counties[:20]
    ]
    context = {
        "lines": lines,
        "waiting": ObjectionIntake.objects.filter(collected_at__isnull=True).count(),
    }
    return render(request, "portal/publication.html", context)


@gate(actions.PUBLISH)
@require_POST
def publish_figures(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish the totals of one county."""
    form = PublishForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("请填写正确的起始日期。"))
        return redirect("publication:home")
    row = actions.publish_county_figures(
        actor=actor_of(request), county_id=pk, from_on=form.cleaned_data["from_on"]
    )
    messages.success(request, _("%(county)s的汇总数已公开。") % {"county": row.county_name})
    return redirect("publication:home")


@gate(actions.PUBLISH)
@require_POST
def publish_notices(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring the public notices of one county up to date."""
    shown, removed = actions.publish_notices(actor=actor_of(request), county_id=pk)
    words = {"shown": shown, "removed": removed}
    messages.success(request, _("公示页已更新：显示 %(shown)d 户，撤下 %(removed)d 条到期内容。") % words)
    return redirect("publication:home")


@gate(actions.PUBLISH)
@require_POST
def collect(request: HttpRequest) -> HttpResponse:
    """Take in the objections that the public page received."""
    taken = actions.collect_objections(actor=actor_of(request))
    messages.success(request, _("已收取 %(taken)d 份异议。") % {"taken": taken})
    return redirect("publication:home")
