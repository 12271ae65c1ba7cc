"""What every template may use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from yuchang.core import clock


def page(request: HttpRequest) -> dict[str, Any]:
    """The actor, the zone, and lazily whether this database is simulated and what day it is."""
    return {
        "actor": getattr(request, "actor", None),
        "zone": settings.ZONE,
        "is_simulated": clock.is_simulated,
        "today": clock.today,
    }
