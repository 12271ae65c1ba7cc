"""Inside: the pages from which the public zone is filled, and where bundles come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import actor_of, gate
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden
from yuchang.core.paging import keyset_page
from yuchang.places.models import Place
from yuchang.portal import actions, keys, queries
from yuchang.portal.forms import BundleForm, PublishForm
from yuchang.portal.models import Bundle, ObjectionIntake, PublishedTable, RegistrationIntake, Stream
from yuchang.portal.queries.figures import CAUSES_BY_TOWNSHIP
from yuchang.portal.queries.trades import DEALS


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
            queries.live_rounds(today, place.code).count(),
            queries.live_tables(today, place.code, CAUSES_BY_TOWNSHIP).first(),
            queries.live_tables(today, place.code, DEALS).first(),
            PublishForm(initial={"from_on": today.replace(month=1, day=1)}, auto_id=f"id_{place.pk}_%s"),
        )
        for place in counties[:20]
    ]
    context = {
        "lines": lines,
        "waiting": ObjectionIntake.objects.filter(collected_at__isnull=True).count(),
        "registrations": RegistrationIntake.objects.filter(collected_at__isnull=True).count(),
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
    """Take in the objections and the organisations that the public page received."""
    actor = actor_of(request)
    words = {
        "taken": actions.collect_objections(actor=actor),
        "registrations": actions.collect_registrations(actor=actor),
    }
    messages.success(request, _("已收取 %(taken)d 份异议、%(registrations)d 份机构登记。") % words)
    return redirect("publication:home")


@gate(actions.PUBLISH)
@require_POST
def publish_rounds(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring the public pages of a county's rounds up to date."""
    shown = actions.publish_rounds(actor=actor_of(request), county_id=pk)
    messages.success(request, _("公开页显示 %(shown)d 次预售。") % {"shown": shown})
    return redirect("publication:home")


@gate(actions.PUBLISH)
@require_POST
def publish_open_data(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish the county's open table with its files."""
    return _published(request, actions.publish_open_data, pk, _("%(county)s的开放数据已公开。"))


@gate(actions.PUBLISH)
@require_POST
def publish_deals(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish what the county gave to whom."""
    return _published(request, actions.publish_deals, pk, _("%(county)s的供需去向已公开。"))


def _published(
    request: HttpRequest, action: Callable[..., PublishedTable], county_id: int, words: str
) -> HttpResponse:
    """Let the action publish a table of a county; what may not be said yet is told as a message."""
    try:
        row = action(actor=actor_of(request), county_id=county_id)
    except Conflict as conflict:
        messages.error(request, f"{conflict.message}{conflict.remedy}")
    else:
        messages.success(request, words % {"county": row.county_name})
    return redirect("publication:home")


@gate(actions.CARRY)
@require_GET
def bundles(request: HttpRequest) -> HttpResponse:
    """Bundles that went out and came in, what waits, and whether the two zones know each other."""
    other = queries.peer()
    context: dict[str, Any] = {
        "page": keyset_page(queries.bundles(), order=["-id"], cursor=request.GET.get("after", "")),
        "waiting": queries.waiting_for_bundle(),
        "peer": other,
        "peer_fingerprint": keys.fingerprint(other.sign_key, other.seal_key) if other else "",
        "own_fingerprint": keys.fingerprint(keys.signer().public_raw.hex(), keys.seal_key()),
        "form": BundleForm(),
    }
    return render(request, "portal/bundles.html", context)


@gate(actions.CARRY)
@require_POST
def bundle_make(request: HttpRequest) -> HttpResponse:
    """Make the next bundle, or one that holds everything."""
    actions.publish_receipts(actor=SYSTEM)  # what was decided a moment ago goes along
    row = actions.make_bundle(actor=actor_of(request), is_complete=request.POST.get("complete") == "1")
    if row is None:
        messages.info(request, _("没有新的内容需要带出。"))
    else:
        words = {"number": row.number, "lines": row.lines}
        messages.success(request, _("第 %(number)d 包已制作，共 %(lines)d 行，请下载后带到外侧。") % words)
    return redirect("publication:bundles")


@gate(actions.CARRY)
@require_GET
def bundle_file(request: HttpRequest, number: int) -> HttpResponse:
    """The file of a bundle that the other side has not confirmed yet."""
    row = Bundle.objects.filter(
        stream=Stream.PUBLICATIONS, is_sent=True, number=number, content__isnull=False
    ).first()
    if row is None:
        raise Hidden(_("这个数据包已被外侧确认收到，不再保存。"), remedy=_("需要时请制作完整包。"))
    response = HttpResponse(bytes(row.content or b""), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{row.file_name}"'
    return response


@gate(actions.CARRY)
@require_POST
def bundle_take(request: HttpRequest) -> HttpResponse:
    """Take in a bundle that came from the outside, once."""
    form = BundleForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, _("请选择外侧导出的数据包文件。"))
        return redirect("publication:bundles")
    try:
        done = actions.apply_bundle(actor=actor_of(request), content=form.cleaned_data["file"].read())
    except Conflict as conflict:
        messages.error(request, f"{conflict.message}{conflict.remedy}")
        return redirect("publication:bundles")
    words = {"number": done.number, "lines": done.lines}
    text = (
        _("第 %(number)d 包已收入，共 %(lines)d 份。")
        if done.is_new
        else _("第 %(number)d 包以前已收入，没有变化。")
    )
    messages.success(request, text % words)
    return redirect("publication:bundles")
