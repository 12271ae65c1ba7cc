"""A public page that many ask for at once is made once a second: all of them get the same bytes.

Only pages without anything personal are kept, and only in the public zone, where nobody is signed in. What
differs from visitor to visitor, the token of the language form, is put in anew for each.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.translation import get_language

from yuchang.core import clock

MOST = 256
"""Pages kept at once, the latest asked for."""
_TOKEN = re.compile(rb'(name="csrfmiddlewaretoken" value=")[^"]*')
Key = tuple[Any, ...]


class Kept:
    """Pages by what they depend on, each for ``seconds``."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Key, tuple[float, bytes]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> bytes | None:
        """The page, unless it is too old."""
        with self._lock:
            until, page = self._pages.get(key, (0.0, b""))
            if until <= time.monotonic():
                return None
            self._pages.move_to_end(key)
            return page

    def put(self, key: Key, page: bytes, seconds: float) -> None:
        """Keep a page, and let go of the one that was asked for longest ago."""
        with self._lock:
            self._pages[key] = (time.monotonic() + seconds, page)
            self._pages.move_to_end(key)
            while len(self._pages) > MOST:
                self._pages.popitem(last=False)


kept = Kept()


def kept_a_moment(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer from what was made within ``PUBLIC_PAGE_SECONDS``; 0 keeps nothing, and 404 is never kept.

    Not for a page with what somebody typed.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        seconds = settings.PUBLIC_PAGE_SECONDS
        if settings.ZONE != "public" or not seconds or request.method != "GET":
            return view(request, *args, **kwargs)
        key = (request.get_full_path(), get_language(), clock.today(), clock.is_simulated())
        page = kept.get(key)
        if page is None:
            made = view(request, *args, **kwargs)
            if made.status_code == 200:
                kept.put(key, made.content, seconds)
            return made
        token = get_token(request).encode()
        return HttpResponse(_TOKEN.sub(lambda found: found[1] + token, page))

    return answer
