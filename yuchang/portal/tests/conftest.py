"""The public zone before a stranger's browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

INSIDE_ONLY = ("session", "Authentication", "accounts", "LoginRequired", "messages", "axes", "htmx")


@pytest.fixture
def public(settings: Any, as_role: Callable[[str], Any]) -> Callable[[], Any]:
    """``with public() as client``: a stranger's browser before the public process."""

    @contextmanager
    def zone() -> Iterator[Client]:
        settings.ZONE, settings.ROOT_URLCONF = "public", "config.urls_public"
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if not any(w in m for w in INSIDE_ONLY)]
        with as_role("portal"):
            yield Client()

    return zone
