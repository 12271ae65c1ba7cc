"""Instruments for Prometheus: requests by address name, and what the database did for them.

Labels are names of addresses, methods and status classes: no place, person or text ever becomes a label.
With ``PROMETHEUS_MULTIPROC_DIR`` set (the supervisor does) all processes count together; the counts are
read by ``manage.py serve_metrics`` on a port of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest, HttpResponse

# Before the import: the library looks for the folder at once.
if _folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    Path(_folder).mkdir(parents=True, exist_ok=True, mode=0o700)

from prometheus_client import Counter, Histogram

from yuchang.core.database.base import Tally, tally

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REQUESTS = Histogram(
    "yuchang_request_seconds", "Server time of a request", ["view", "method", "status"], buckets=SECONDS
)
DATABASE = Histogram(
    "yuchang_request_database_seconds", "Time its statements took", ["view"], buckets=SECONDS
)
STATEMENTS = Histogram(
    "yuchang_request_statements", "Statements of a request", ["view"], buckets=(1, 5, 10, 15, 20, 30, 50, 100)
)
FAILURES = Counter("yuchang_request_failures", "Replies with a status of 500 or more", ["view"])


class MetricsMiddleware:
    """Times every request and counts its statements."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started, current = time.perf_counter(), Tally()
        token = tally.set(current)
        status = 500
        try:
            response = self.get_response(request)
            status = response.status_code
            return response
        finally:
            tally.reset(token)
            observe(request, status, time.perf_counter() - started, current)


def observe(request: HttpRequest, status: int, seconds: float, database: Tally) -> None:
    """Count one request under the name of its address; unknown addresses share one name."""
    match = request.resolver_match
    view = match.view_name if match and match.view_name else "-"
    method = request.method if request.method in ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE") else "-"
    REQUESTS.labels(view, method, f"{status // 100}xx").observe(seconds)
    DATABASE.labels(view).observe(database.seconds)
    STATEMENTS.labels(view).observe(database.statements)
    if status >= 500:
        FAILURES.labels(view).inc()
