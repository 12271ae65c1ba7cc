"""The window of the telephone, what it asks for, and the pages on telephones and reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from yuchang.accounts.doors import PUBLIC, actor_of, gate
from yuchang.core import clock
from yuchang.core.errors import Invalid, YuchangError, invalid
from yuchang.core.forms import problems_shown, version_of
from yuchang.core.lists import Filter, listing
from yuchang.core.paging import keyset_page
from yuchang.field import actions, lists, queries
from yuchang.field.forms import settling_form
from yuchang.field.models import Device, Report
from yuchang.field.rules import DEVICE_DAYS, MOST_PHOTOS, PIN_DIGITS, TRIES, sent_of
from yuchang.monitoring.forms import VisitForm
from yuchang.monitoring.queries import visits_of_household
from yuchang.places.models import Place
from yuchang.registry.forms import FactsForm, MemberFormSet, NewHouseholdForm
from yuchang.registry.queries import villages_of
from yuchang.sheets.lists import answer

# Everything the window needs while there is no network, in the order of loading.
ASSETS = (
    "vendor/tabler/css/tabler.min.css",
    "css/yuchang.css",
    "css/field.css",
    "vendor/dexie/dexie.min.js",
    "js/field-vault.js",
    "js/field.js",
    "img/mark.svg",
    "img/mark-light.svg",
)
MOST_BYTES = 1_000_000
Asked = Callable[..., HttpResponseBase]


# --- the window -----------------------------------------------------------------------------------


def _shell() -> str:
    """The page of the telephone in the reader's language: forms and words, nothing of any person."""
    context = {
        "visit_form": VisitForm(auto_id="visit_%s"),
        "facts_form": FactsForm(auto_id="facts_%s", initial={"observed_on": ""}),
        "entry_form": NewHouseholdForm(
            auto_id="entry_%s", villages=Place.objects.none(), initial={"observed_on": ""}
        ),
        "member_form": MemberFormSet(prefix="m").empty_form,
        "language": get_language(),
        "most_photos": MOST_PHOTOS,
        "pin_digits": PIN_DIGITS,
        "tries": TRIES,
        "is_simulated": clock.is_simulated(),
    }
    return render_to_string("field/phone.html", context)


@gate("monitoring.visit")
@require_GET
def phone(request: HttpRequest) -> HttpResponse:
    """The page that goes on working without a network."""
    return HttpResponse(_shell())


@gate(PUBLIC)
@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    """The script that keeps the page and its files on the telephone; another one with every release."""
    files = [reverse("field:phone"), *(static(name) for name in ASSETS)]
    print_ = hashlib.sha256(json.dumps([files, _shell()]).encode()).hexdigest()[:16]
    text = render_to_string("field/worker.js", {"files": json.dumps(files), "release": print_})
    return HttpResponse(text, content_type="text/javascript; charset=utf-8")


@gate(PUBLIC)
@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """What a telephone shows among its applications."""
    home = reverse("field:phone")
    content = {
        "id": home,
        "name": _("渔场下乡"),
        "short_name": _("渔场下乡"),
        "lang": get_language(),
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": "#f4f7f8",
        "theme_color": "#0b5563",
        "icons": [
            {"src": static("img/mark.svg"), "sizes": "any", "type": "image/svg+xml"},
            {"src": static("img/mark-192.png"), "sizes": "192x192", "type": "image/png"},
            {"src": static("img/mark-512.png"), "sizes": "512x512", "type": "image/png"},
        ],
    }
    return HttpResponse(json.dumps(content), content_type="application/manifest+json")


def _for_a_telephone(view: Asked) -> Asked:
    """Refusals as JSON: what is wrong, where, what to do."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except YuchangError as error:
            problems = error.problems if isinstance(error, Invalid) else []
            content = {
                "message": str(error),
                "remedy": getattr(error, "remedy", ""),
                "problems": [{"field": p.field, "message": p.message, "remedy": p.remedy} for p in problems],
            }
            return JsonResponse(content, status=error.status)

    return asked


def _given(request: HttpRequest) -> dict[str, Any]:
    """The object that a telephone sent. Raises Invalid when it sent something else."""
    try:
        found = json.loads(request.body) if len(request.body) <= MOST_BYTES else None
        text = json.dumps(found, ensure_ascii=False).encode()  # halves of signs cannot be stored
    except (ValueError, RecursionError):
        found, text = None, b""
    if not isinstance(found, dict) or b"\\u0000" in text:
        raise invalid("", _("收到的内容读不懂。"), _("请更新手机上的页面后再送一次。"))
    return found


def _uid(given: dict[str, Any]) -> UUID:
    try:
        return UUID(str(given.get("device", "")))
    except ValueError as error:
        raise invalid("device", _("没有说明是哪部手机。"), _("请重新准备这部手机。")) from error


@gate("monitoring.visit")
@require_GET
@_for_a_telephone
def standing(request: HttpRequest) -> HttpResponse:
    """Who is signed in, whether this telephone may go on, from which villages one may take along."""
    actor = actor_of(request)
    return JsonResponse(
        {
            "user": actor.user_id,
            "name": actor.name,
            "token": get_token(request),
            "now": clock.now().isoformat(),
            "device": queries.standing_of(actor, request.GET.get("device", "")),
            "villages": [
                {"id": v.pk, "name": v.name, "code": v.code} for v in villages_of(actor, "monitoring.visit")
            ],
            "has_assigned": queries.has_assigned(actor),
            "may_enter": actor.may("registry.enter"),
            "conflicts": queries.conflicts_waiting(actor),
        }
    )


@gate("monitoring.visit")
@require_POST
@_for_a_telephone
def device_open(request: HttpRequest) -> HttpResponse:
    """Make this telephone ready."""
    given = _given(request)
    name, key = str(given.get("name", "")), str(given.get("key", ""))
    row = actions.open_device(actor=actor_of(request), name=name, key=key)
    return JsonResponse({"device": str(row.uid), "user": row.user_id, "days": DEVICE_DAYS}, status=201)


@gate("monitoring.visit")
@require_POST
@_for_a_telephone
def device_key(request: HttpRequest) -> HttpResponse:
    """The telephone's key, for a new PIN."""
    _row, key = actions.hand_key(actor=actor_of(request), uid=_uid(_given(request)))
    return JsonResponse({"key": key, "days": DEVICE_DAYS})


@gate("monitoring.visit")
@require_POST
@_for_a_telephone
def take(request: HttpRequest) -> HttpResponse:
    """What is taken along."""
    given = _given(request)
    village = given.get("village")
    if village is not None and (not isinstance(village, int) or isinstance(village, bool)):
        raise invalid("village", _("请选择行政村。"))
    made = actions.take_along(actor=actor_of(request), uid=_uid(given), village_id=village)
    return JsonResponse(made.content)


@gate("monitoring.visit")
@require_POST
@_for_a_telephone
def send(request: HttpRequest) -> HttpResponse:
    """Receive one report."""
    given = _given(request)
    sent = sent_of(given)
    if sent is None:
        raise invalid("", _("收到的内容读不懂。"), _("请更新手机上的页面后再送一次。"))
    row = actions.receive(actor=actor_of(request), uid=_uid(given), sent=sent)
    return JsonResponse(
        {
            "state": row.state,
            "word": row.get_state_display(),
            "reason": row.reason,
            "url": reverse("field:report", args=[row.pk]),
        },
        status=200,
    )


@gate("monitoring.visit")
@require_POST
@_for_a_telephone
def photo(request: HttpRequest) -> HttpResponse:
    """Receive one photo of a report that has arrived."""
    upload = request.FILES.get("file")
    if upload is None:
        raise invalid("file", _("没有收到照片。"), _("请再送一次。"))
    number, own = request.POST.get("number", ""), request.POST.get("photo", "")
    actions.receive_photo(actor=actor_of(request), number=number, photo=own, upload=upload)
    return JsonResponse({"photo": own})


# --- pages ----------------------------------------------------------------------------------------


@gate("monitoring.visit")
@require_GET
def devices(request: HttpRequest) -> HttpResponse:
    """One's own telephones."""
    rows = queries.devices_of(actor_of(request))
    page = keyset_page(rows, order=["-id"], cursor=request.GET.get("after", ""))
    return render(request, "field/devices.html", {"page": page, "now": clock.now()})


@gate("monitoring.visit")
@require_POST
def device_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close one's own telephone."""
    row: Device = actions.close_device(actor=actor_of(request), device_id=pk, version=version_of(request))
    messages.success(request, _("已停用%(name)s。它里面的资料再也打不开。") % {"name": row.name})
    return redirect("field:devices")


@gate("monitoring.visit")
@require_GET
def reports(request: HttpRequest) -> HttpResponseBase:
    """What came in from telephones: conflicts first to be settled, then everything."""
    actor, state = actor_of(request), request.GET.get("state", "")
    rows = queries.reports_for(actor)
    if state in Report.State.values:
        rows = rows.filter(state=state)
    found = listing(
        request,
        rows,
        lists.REPORTS,
        name="field.reports",
        label=_("回传"),
        order=["-id"],
        prepare=lists.with_names,
        filters=[
            Filter(
                "state",
                _("状态"),
                state,
                [("", _("全部")), *((value, str(label)) for value, label in Report.State.choices)],
                is_tabs=True,
            )
        ],
    )
    return answer(request, found, "field/reports.html", {})


def _report_page(request: HttpRequest, row: Report, form: Any) -> HttpResponse:
    actor = actor_of(request)
    waits, alert = row.state == Report.State.CONFLICT, queries.alert_of(row)
    context = {
        "report": row,
        "waits": waits,
        "is_own": row.user_id == actor.user_id,
        "lines": queries.lines_of(row) if row.content_sealed else [],
        "form": form,
        "photos": queries.photos_of(actor, row),
        "alert": alert,
        "visits": visits_of_household(alert.household_id).filter(alert=alert)[:5] if alert and waits else [],
    }
    return render(request, "field/report.html", context, status=422 if form and form.errors else 200)


@gate("monitoring.visit")
@require_GET
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """One report: what the telephone sent beside what stands in the register."""
    actor = actor_of(request)
    row = queries.report_for(actor, pk)
    is_mine = row.state == Report.State.CONFLICT and row.user_id == actor.user_id
    return _report_page(request, row, settling_form(row) if is_mine else None)


@gate("monitoring.visit")
@require_POST
def report_settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a contradicting report after all."""
    actor = actor_of(request)
    row = queries.report_for(actor, pk)
    form = settling_form(row, request.POST)
    if form.is_valid():
        with problems_shown(form):
            actions.settle_report(actor=actor, report_id=pk, version=version_of(request), fields=form.said())
            messages.success(request, _("已写入。"))
            return redirect("field:report", pk=pk)
    return _report_page(request, row, form)


@gate("monitoring.visit")
@require_POST
def report_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a contradicting report aside."""
    actions.drop_report(
        actor=actor_of(request),
        report_id=pk,
        version=version_of(request),
        reason=request.POST.get("reason", ""),
    )
    messages.success(request, _("已搁置，内容仍可查看。"))
    return redirect("field:report", pk=pk)
