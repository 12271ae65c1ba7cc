"""Request ids, the visitor's address behind a proxy, and errors as pages that help."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from django.conf import settings
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from yuchang.core.errors import Invalid, YuchangError, invalid
from yuchang.core.logs import request_id
from yuchang.core.once import remembering

_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
logger = logging.getLogger("yuchang.request")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Gives every request an id that stands in its log lines, its error page and its reply."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        token = request_id.set(given if _GIVEN.fullmatch(given) else uuid.uuid4().hex)
        try:
            with remembering():
                response = self.get_response(request)
            response["X-Request-Id"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class VisitorAddressMiddleware:
    """Puts the visitor's address where one of our own proxies stands, so that limits count visitors.

    Only what the proxy itself added, the last part of ``X-Forwarded-For``, is believed, and only from an
    address of ``settings.PROXIES``: everybody else may write into that header what he likes.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("REMOTE_ADDR") in settings.PROXIES:
            named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
            with suppress(ValueError):
                request.META["REMOTE_ADDR"] = str(ip_address(named))
        return self.get_response(request)


class ErrorPagesMiddleware:
    """Shows every ``YuchangError`` as a page with its status: what is wrong and what to do."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        exception = unstorable(exception) or exception
        if not isinstance(exception, YuchangError):
            return None
        logger.info("refused %s %s: %s", request.method, request.path, type(exception).__name__)
        return error_page(request, exception)


_NOT_STORED = ("NUL", "unsupported Unicode escape sequence")  # in a text, and in what is kept as JSON


def unstorable(exception: Exception) -> Invalid | None:
    """What PostgreSQL says of a text with the sign U+0000, which no keyboard makes, as a refusal."""
    if isinstance(exception, DataError) and any(sign in str(exception) for sign in _NOT_STORED):
        return invalid("", _("文字里有不能保存的控制字符。"), _("请删去看不见的字符后重试。"))
    return None


def error_page(request: HttpRequest, error: YuchangError) -> HttpResponse:
    """The page for one error."""
    context = {"error": error, "status": error.status, "request_id": request_id.get()}
    return render(request, "errors/error.html", context, status=error.status)
