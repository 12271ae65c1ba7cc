"""A form that is sent twice is written once.

On a poor line the answer to a form gets lost although the form arrived: whoever sends it again would write
twice. A browser sends forms under a number (``static/js/drafts.js``) and sends them again under the same one.
What numbers were answered with stands in the session, the last ``KEPT`` of them; one number at a time is
worked on, so that the second of two waits for the first. The number itself is kept with what was written
(``core.sendings``): killed before it could answer, the platform still does not write twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b

from django.contrib import messages
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from yuchang.core.sendings import sent

FIELD = "sending"
KEPT = 20
_NAME = "sendings"
_NUMBER = re.compile(r"[0-9a-f]{32}")
_APART = "/accounts/"  # a detour over signing in or proving oneself is no answer to what was sent


class SentOnceMiddleware:
    """Answers a form as before when its number was answered before; only redirects after a write count."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = _number_of(request)
        if not number:
            return self.get_response(request)
        with _alone(f"{request.session.session_key}:{number}"):
            answered = _answers(request).get(number)
            if answered:
                return _arrived(request, answered)
            with sent(request.user.pk or 0, number) as sending:
                response = self.get_response(request)
            if sending.is_repeated:
                return _arrived(request, _page_of(request))
            if response.status_code == 302 and not response["Location"].startswith(_APART):
                _remember(request, number, response["Location"])
            return response


def _arrived(request: HttpRequest, location: str) -> HttpResponseRedirect:
    messages.info(request, _("这份内容刚才已经送到，没有再写一次。"))
    return HttpResponseRedirect(location)


def _page_of(request: HttpRequest) -> str:
    """Where the form stood: what was answered is not known when the answer never left."""
    page = request.headers.get("Referer", "")
    return page if url_has_allowed_host_and_scheme(page, {request.get_host()}) else "/"


def _number_of(request: HttpRequest) -> str:
    """The number under which a signed-in person's form was sent; empty when there is none."""
    if request.method != "POST" or request.path.startswith(_APART):
        return ""
    if not getattr(getattr(request, "user", None), "is_authenticated", False):
        return ""
    if not (request.content_type or "").startswith(
        ("multipart/form-data", "application/x-www-form-urlencoded")
    ):
        return ""
    number = request.POST.get(FIELD, "")
    return number if request.session.session_key and _NUMBER.fullmatch(number) else ""


def _answers(request: HttpRequest) -> dict[str, str]:
    """What was answered so far, read anew: another request may have written it a moment ago."""
    kept = type(request.session)(request.session.session_key).get(_NAME, {})
    return dict(kept) if isinstance(kept, dict) else {}


def _remember(request: HttpRequest, number: str, location: str) -> None:
    if not request.session.session_key:
        return
    known = list(_answers(request).items())[-(KEPT - 1) :]
    request.session[_NAME] = {**dict(known), number: location}
    request.session.save()


@contextmanager
def _alone(key: str) -> Iterator[None]:
    """One request at a time for a key, in all processes."""
    lock = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
