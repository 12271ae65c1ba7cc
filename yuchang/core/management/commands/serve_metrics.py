"""Serve ``/metrics`` for Prometheus on a port of its own: 127.0.0.1 only, or with a token."""

from __future__ import annotations

import hmac
import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from yuchang.core.readings import readings

LOCAL = ("127.0.0.1", "::1", "localhost")


class Quiet(WSGIRequestHandler):
    """A scrape every few seconds is no news."""

    def log_message(self, *args: Any) -> None:
        pass


class Readings:
    """Asks the platform about itself at every scrape. ``yuchang_up`` is 0 while the database is away."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        is_up = 1
        try:
            for reading in readings():
                names = [name for name, _value in reading.labels]
                family = families.setdefault(
                    reading.name, GaugeMetricFamily(reading.name, reading.says, labels=names)
                )
                family.add_metric([value for _name, value in reading.labels], reading.value)
        except DatabaseError:
            is_up = 0
        finally:
            connection.close()
        yield GaugeMetricFamily("yuchang_up", "1 while the database answers", value=is_up)
        yield from families.values()


def application(token: str) -> Callable[..., Any]:
    """The WSGI application; with a token it wants ``Authorization: Bearer …``."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(Readings())
    inner = make_wsgi_app(registry)

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        given = environ.get("HTTP_AUTHORIZATION", "")
        if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [b"a token is needed\n"]
        if environ.get("PATH_INFO") != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics is here\n"]
        return inner(environ, start_response)

    return guarded


class Command(BaseCommand):
    help = "Serve /metrics for Prometheus. Other machines need YUCHANG_METRICS_TOKEN."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8002)

    def handle(self, *args: Any, **options: Any) -> None:
        token = os.environ.get("YUCHANG_METRICS_TOKEN", "")
        if options["host"] not in LOCAL and not token:
            raise CommandError("Set YUCHANG_METRICS_TOKEN before serving metrics to other machines.")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        server = make_server(options["host"], options["port"], application(token), handler_class=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stop.wait()
        server.shutdown()
