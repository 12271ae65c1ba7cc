"""The database is cut off: pages say 503 within five seconds, and work again within ten of its return."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection

from config.environment import ROOT, database_url
from tests.faults.test_supervisor_run import free_port, wait_for

PROMISED_503, PROMISED_RETURN = 5.0, 10.0
CALM = {"zh-hans": "系统会自动重新连接", "en": "tries again by itself every fifteen seconds"}


class Wire(threading.Thread):
    """A TCP proxy in front of the database that can be ``cut`` (connections end) and made ``silent``."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self.target, self.state = target, "whole"
        self.pairs: list[socket.socket] = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]

    def run(self) -> None:
        while True:
            near, _address = self.door.accept()
            if self.state == "cut":
                near.close()
                continue
            self.pairs.append(near)
            if self.state == "silent":
                continue
            far = socket.socket(socket.AF_UNIX if self.target[0].startswith("/") else socket.AF_INET)
            host, port = self.target
            far.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
            self.pairs.append(far)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def become(self, state: str) -> None:
        self.state = state
        for pair in self.pairs:
            with contextlib.suppress(OSError):
                pair.shutdown(socket.SHUT_RDWR)
            pair.close()
        self.pairs.clear()


@pytest.fixture
def wire() -> Wire:
    info = psycopg.conninfo.conninfo_to_dict(database_url("app"))
    made = Wire((str(info["host"]), int(info.get("port") or 5432)))
    made.start()
    return made


@pytest.fixture
def port(wire: Wire, django_db_setup: None) -> Iterator[int]:
    """The workbench, served by gunicorn, with its database behind the wire."""
    info = psycopg.conninfo.conninfo_to_dict(database_url("app"))
    with served(f"{info['user']}:{info['password']}@127.0.0.1:{wire.port}") as at:
        yield at


@contextlib.contextmanager
def served(database: str) -> Iterator[int]:
    """The port of a workbench that reaches its database as ``user:password@host:port``."""
    url = f"postgresql://{database}/{connection.settings_dict['NAME']}"
    environment = os.environ | {"DATABASE_URL": url, "YUCHANG_DEBUG": "", "YUCHANG_PLAIN_STATIC": "1"}
    at = free_port()
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{at}", "--threads", "2"]
    process = subprocess.Popen([*command, "--no-control-socket"], cwd=ROOT, env=environment)
    try:
        wait_for(lambda: ask(at, "/readyz")[0] == 200, 120)
        yield at
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int, path: str) -> tuple[int, float]:
    """Status (0: no answer) and seconds of one request by a browser with a session."""
    status, seconds, _page = read(port, path)
    return status, seconds


def read(port: int, path: str, language: str = "zh-hans") -> tuple[int, float, str]:
    """The same with the page."""
    started = time.monotonic()
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        cookies = f"sessionid={'s' * 32}; django_language={language}"
        asked.request("GET", path, headers={"Cookie": cookies, "Accept-Language": language})
        reply = asked.getresponse()
        again = f" again in {reply.headers['Refresh']}" if reply.headers["Refresh"] else ""
        return reply.status, time.monotonic() - started, reply.read().decode() + again
    except OSError:
        return 0, time.monotonic() - started, ""
    finally:
        asked.close()


@pytest.mark.slow
@pytest.mark.parametrize("state", ["cut", "silent"])
@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.nightly)])
def test_pages_say_503_in_time_and_come_back(wire: Wire, port: int, state: str, seconds: int) -> None:
    assert ask(port, "/registry/")[0] == 302
    wire.become(state)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in ("/registry/", "/readyz"):
            status, took = ask(port, path)
            assert status == 503
            assert took <= PROMISED_503
    for language, words in CALM.items():
        status, _took, page = read(port, "/registry/", language)
        assert status == 503 and words in page and page.endswith("again in 15")
        assert "Traceback" not in page
    wire.become("whole")
    began = time.monotonic()
    wait_for(lambda: ask(port, "/readyz")[0] == 200 and ask(port, "/registry/")[0] == 302, 30)
    assert time.monotonic() - began <= PROMISED_RETURN


@pytest.fixture
def narrow_role(django_db_setup: None) -> Iterator[tuple[str, Callable[[int], None]]]:
    """A role like the program's, and how to say for how many sessions the database has room for it."""
    name = f"yc_narrow_{os.getpid()}"
    with psycopg.connect(database_url("admin"), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'narrow' IN ROLE yuchang_app")

        def allow(sessions: int) -> None:
            admin.execute(f"ALTER ROLE {name} CONNECTION LIMIT {sessions}")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name])

        try:
            yield name, allow
        finally:
            allow(0)
            admin.execute(f"DROP ROLE {name}")


@pytest.mark.slow
def test_where_the_database_has_no_session_left_pages_say_so_and_come_back(
    wire: Wire, narrow_role: tuple[str, Callable[[int], None]]
) -> None:
    role, allow = narrow_role
    with served(f"{role}:narrow@127.0.0.1:{wire.port}") as port:
        assert ask(port, "/registry/")[0] == 302
        allow(0)
        for path in ("/registry/", "/readyz"):
            status, took, page = read(port, path)
            assert (status, "Traceback" in page) == (503, False) and took <= PROMISED_503
        allow(-1)
        wait_for(lambda: ask(port, "/readyz")[0] == 200 and ask(port, "/registry/")[0] == 302, 30)
