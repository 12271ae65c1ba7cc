"""kill -9 of anything that runs, while people write: what was acknowledged is there, and the log verifies.

Victims are the web master and its workers, the task worker, the audit sequencer, PostgreSQL and its
processes. A write counts as acknowledged when the browser got its redirect.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg
import pytest

from config.environment import ROOT
from tests.faults.test_supervisor_run import DATABASE_NAMES, answers, free_port, running, wait_for
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.tests.conftest import folder

TOKEN = "k" * 32
VICTIMS = ("web worker", "postgres", "sequencer", "web worker", "worker", "backend", "web")
BLOW_UPON_BLOW = 0.2
"""The share of kills that do not wait until the platform has come back from the one before."""


def surroundings(path: Path, role: str = "app") -> dict[str, str]:
    found = {k: v for k, v in os.environ.items() if k not in DATABASE_NAMES}
    return found | {
        "YUCHANG_VAR": str(path),
        "YUCHANG_DEBUG": "",
        "YUCHANG_DB_ROLE": role,
        "PYTHONPATH": str(ROOT),
    }


def python(path: Path, *arguments: str, role: str = "app") -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=surroundings(path, role), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    return done.stdout


class Writer(threading.Thread):
    """One officer's browser that saves lists without end and remembers which were acknowledged."""

    def __init__(self, port: int, session: str, number: int) -> None:
        super().__init__(daemon=True)
        self.port, self.number = port, number
        self.cookie = f"sessionid={session}; csrftoken={TOKEN}"
        self.acknowledged: list[str] = []
        self.tried = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(0.02):
            self.tried += 1
            page = f"kills-{self.number}-{self.tried}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self._write(page):
                    self.acknowledged.append(page)

    def _write(self, page: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = urlencode({"page": page, "name": "名", "query": "a=1", "csrfmiddlewaretoken": TOKEN})
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request("POST", "/saved-views", body.encode(), headers)
            reply = connection.getresponse()
            reply.read()
            return reply.status == 302 and "accounts" not in (reply.headers.get("Location") or "")
        finally:
            connection.close()


def wait_for_writes(writers: list[Writer], seconds: float = 240) -> None:
    """Until something more is acknowledged: the platform is up again and at work when the next blow falls."""
    before = sum(len(writer.acknowledged) for writer in writers)
    wait_for(lambda: sum(len(writer.acknowledged) for writer in writers) > before, seconds)


def victim(
    which: str, supervisor: psutil.Process, server: EmbeddedServer, port: int
) -> psutil.Process | None:
    """The process to kill; None when there is none at the moment."""
    words = {
        "sequencer": "sequence_audit",
        "worker": "procrastinate",
        "web": f":{port}",
        "web worker": f":{port}",
    }
    with contextlib.suppress(psutil.Error, StopIteration):
        if which in ("postgres", "backend"):
            number = server.pid()
            master = psutil.Process(number) if number else None
            if master is None or which == "postgres":
                return master
            return random.choice(master.children())
        found = next(c for c in supervisor.children() if words[which] in " ".join(c.cmdline()))
        return random.choice(found.children() or [found]) if which == "web worker" else found
    return None


def endure(kills: int, seed: int) -> dict[str, Any]:
    """Kill that many times under load; the figures. Fails when an acknowledged write is missing."""
    chance, port = random.Random(seed), free_port()
    with folder() as path:
        server = EmbeddedServer(path)
        try:
            with running(path, (port, free_port())) as supervisor:
                wait_for(lambda: answers(port), 900, process=supervisor)  # every migration, on a busy machine
                seeds = json.loads(
                    python(path, "-m", "tests.faults.seed", "3", role="owner").splitlines()[-1]
                )
                writers = [Writer(port, session, n) for n, session in enumerate(seeds["sessions"])]
                for writer in writers:
                    writer.start()
                done: dict[str, int] = {}
                while sum(done.values()) < kills:
                    if chance.random() > BLOW_UPON_BLOW:
                        wait_for_writes(writers)
                    time.sleep(chance.uniform(0.05, 1.5))
                    which = VICTIMS[sum(done.values()) % len(VICTIMS)]
                    process = victim(which, supervisor, server, port)
                    if process is not None:
                        with contextlib.suppress(psutil.Error):
                            os.kill(process.pid, signal.SIGKILL)
                        done[which] = done.get(which, 0) + 1
                wait_for(lambda: answers(port), process=supervisor)
                time.sleep(1)
                for writer in writers:
                    writer.stopping.set()
                for writer in writers:
                    writer.join(30)
                return {"kills": done, **check(path, server, writers)}
        finally:
            server.stop("immediate")


def check(path: Path, server: EmbeddedServer, writers: list[Writer]) -> dict[str, int]:
    """Every acknowledged write and its entry in the log are there, and the log verifies offline."""
    acknowledged = {page for writer in writers for page in writer.acknowledged}
    with psycopg.connect(server.urls()["app"]) as app:
        stored = {page for (page,) in app.execute("SELECT page FROM workbench_savedview")}
        logged = {
            page
            for (page,) in app.execute(
                "SELECT body::jsonb -> 'details' ->> 'page' FROM core_auditentry WHERE action = 'workbench.save_view'"
            )
        }
    lost = acknowledged - stored
    assert lost == set(), f"{len(lost)} acknowledged writes are gone"
    assert stored == logged, "a write without its entry, or an entry without its write"
    python(path, "manage.py", "export_audit", str(path / "log"))
    python(path, "tools/verify_audit.py", str(path / "log"))
    tried = sum(writer.tried for writer in writers)
    return {"acknowledged": len(acknowledged), "tried": tried, "stored": len(stored), "lost": len(lost)}


@pytest.mark.nightly
@pytest.mark.xdist_group("supervisor")
def test_kills_of_each_kind_lose_no_acknowledged_write() -> None:
    found = endure(len(VICTIMS), seed=1)
    print(found)
    assert found["acknowledged"] > 0


@pytest.mark.nightly
@pytest.mark.xdist_group("supervisor")
def test_a_hundred_kills_lose_no_acknowledged_write() -> None:
    found = endure(100, seed=2026)
    print(found)
    assert found["acknowledged"] > 1000
