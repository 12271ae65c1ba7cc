"""What gunicorn does beside serving: workers start warm, metrics of one that ended no longer count."""

from __future__ import annotations

import gc
import os
from threading import Thread
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

keepalive = 30
"""Seconds that a browser's connection stays open for its next page; no thread waits meanwhile."""

logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "yuchang.core.logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["console"], "propagate": False}},
}
"""What the server says of itself has the form of all other lines."""

forwarded_allow_ips = os.environ.get("YUCHANG_PROXIES", "127.0.0.1,::1")
"""Proxies that are believed when they say that a visitor came over TLS; others' headers mean nothing."""


def child_exit(server: Any, worker: Any) -> None:
    """Called in the master after a worker ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def post_worker_init(worker: Any) -> None:
    """Called in a worker before its first request: the first to ask "why" does not wait for the library.

    The public pages ask neither why nor for postings.
    """
    from django.conf import settings  # noqa: PLC0415 - Django is set up by now

    if settings.ZONE == "public":
        return
    from yuchang.core.errors import Conflict  # noqa: PLC0415 - Django is set up by now
    from yuchang.policy.queries import library, pack_of  # noqa: PLC0415

    try:
        pack_of(library())
    except Conflict:  # said on the pages that need it
        worker.log.warning("the policy library has a mistake")
    Thread(target=_read_postings, args=[worker], daemon=True).start()


def _read_postings(worker: Any) -> None:
    """Words and index of the search, beside the first requests: a nation's postings take some seconds."""
    from django.db import Error, connection  # noqa: PLC0415 - Django is set up by now

    from yuchang.exchange.live_index import live_index  # noqa: PLC0415
    from yuchang.exchange.searching import lexicon  # noqa: PLC0415

    lexicon()
    try:
        with live_index():
            pass
    except Error:  # no database yet: the first search reads it
        worker.log.warning("the first search will read the postings")
    finally:
        connection.close()
        gc.collect()
        gc.freeze()  # what was read to start with stays: no need to look through it again and again
