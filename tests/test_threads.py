"""A serving process keeps what belongs to a request by thread, and Django still finds all of it."""

from __future__ import annotations

import os
import subprocess
import sys

from config.environment import ROOT

TRIED = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from config.wsgi import application
from django.db import connection, connections
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation

together = Barrier(2)


def be(language, zone, prefix):
    assert translation.get_language() == "zh-hans" and get_urlconf() is None
    translation.activate(language)
    timezone.activate(zone)
    set_script_prefix(prefix)
    set_urlconf("config.urls_public")
    mine = connections["default"]
    together.wait(10)
    assert translation.get_language() == language
    assert timezone.get_current_timezone_name() == zone
    assert get_script_prefix() == prefix and get_urlconf() == "config.urls_public"
    assert connections["default"] is mine and connection.alias == "default"
    assert connections.all(initialized_only=True) == [mine]
    with translation.override("zh-hans"):
        assert translation.get_language() == "zh-hans"
    translation.deactivate()
    set_urlconf(None)
    assert get_urlconf() is None
    return mine


with ThreadPoolExecutor(2) as threads:
    first = threads.submit(be, "en", "Asia/Shanghai", "/a/")
    second = threads.submit(be, "zh-hans", "UTC", "/b/")
    assert first.result() is not second.result()
from django.utils.translation import trans_real

print(type(trans_real._active).__module__)
"""


def test_two_threads_keep_language_time_zone_addresses_and_connection_apart() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRIED],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "_thread"
