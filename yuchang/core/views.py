"""Health, language, and the error pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from yuchang.core.logs import request_id

View = Callable[..., HttpResponse]
MACHINES = "/api/v1/"  # whose refusals are JSON


def public(view: View) -> View:
    """Declare that anybody may ask: ``accounts.doors.gate(PUBLIC)`` for the domain below the accounts."""
    view.permission = "public"  # type: ignore[attr-defined]
    return login_not_required(view)


@public
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@public
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """The process and its database answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "database unavailable"}, status=503)
    return JsonResponse({"status": "ready"})


def _page(request: HttpRequest, status: int) -> HttpResponse:
    context = {"status": status, "request_id": request_id.get()}
    return render(request, "errors/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """No such address: a page for people, the refusals' own form for machines."""
    if not request.path.startswith(MACHINES):
        return _page(request, 404)
    told = {"message": _("没有这个接口地址。"), "remedy": _("请按接口文档更正。"), "problems": []}
    return JsonResponse(told | {"request_id": request_id.get()}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Our mistake (500), or a database that is away for the moment (503): then trying again helps."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        # What was only being read comes back by itself; what was being sent is for the person to send again.
        context = {"status": 503, "request_id": request_id.get(), "comes_back": request.method == "GET"}
        response = render(request, "errors/500.html", context, status=503)
        response["Retry-After"] = "10"
        if context["comes_back"]:
            response["Refresh"] = "15"
        return response
    return render(request, "errors/500.html", {"request_id": request_id.get()}, status=500)
