"""Mixed load through the real servers: pages read and lists saved by many people at a steady rate.

Starts the platform as ``run`` does on a data folder of its own, fills it, then asks for a fixed number of
pages a second, whether or not the answers come (open loop: a slow server shows as lateness, not as fewer
questions). Prints rate, errors, percentiles and the memory of the web processes over time.

Run: ``python -m bench.load --households 1000 --rate 50 --seconds 20``; nightly: ``--households 333000
--seconds 600``, which is 1,000,000 people.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import queue
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import psutil

from config.environment import ROOT

DATABASE_NAMES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PORTAL_URL", "DATABASE_ADMIN_URL")
TOKEN = "l" * 32
# Shares of what people do, in per cent; a write is a saved list with its audit entry.
MIX = (
    ("list", 30),
    ("list by state", 10),
    ("search", 15),
    ("household", 25),
    ("alerts", 5),
    ("home", 5),
    ("health", 5),
    ("write", 5),
)
SEED = """
import json, os
import django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
from bench.population import busiest_county, grow_to
from tests.faults import seed
from tests.people import wang
from yuchang.core.models import Instance
from yuchang.places.loading import load_divisions
from yuchang.registry.models import Household
load_divisions(areas=("621221", "621222", "620522"))
Instance.objects.update_or_create(id=1, defaults=dict(is_simulated=True))
grow_to({households})
place = busiest_county()
found = Household.objects.filter(county_id=place.pk).order_by("id").values_list("id", flat=True)[:5000]
print(json.dumps(dict(sessions=[seed.session_for(wang(place)) for _ in range(40)], households=list(found))))
"""


@dataclass
class Found:
    """What the askers saw. Seconds from the moment a question was due."""

    times: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, seconds: float, problem: str = "") -> None:
        with self.lock:
            self.times.setdefault(kind, []).append(seconds)
            if problem:
                self.errors[f"{kind}: {problem}"] += 1


class Asker(threading.Thread):
    """One connection that takes the next question when it is free."""

    def __init__(self, port: int, seeds: dict[str, list], questions: queue.Queue, found: Found) -> None:
        super().__init__(daemon=True)
        self.port, self.seeds, self.questions, self.found = port, seeds, questions, found
        self.connection: http.client.HTTPConnection | None = None
        self.random = random.Random(id(self))

    def run(self) -> None:
        while (item := self.questions.get()) is not None:
            due, kind = item
            problem = ""
            try:
                status = self._ask(kind)
                problem = "" if status in (200, 302) else str(status)
            except (OSError, http.client.HTTPException) as error:
                problem = type(error).__name__
                self.connection = None
            self.found.add(kind, time.monotonic() - due, problem)

    def _ask(self, kind: str) -> int:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        cookie = f"sessionid={self.random.choice(self.seeds['sessions'])}; csrftoken={TOKEN}"
        method, address, body = self._question(kind)
        headers = {"Cookie": cookie}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, address, body, headers)
        reply = self.connection.getresponse()
        reply.read()
        return reply.status

    def _question(self, kind: str) -> tuple[str, str, bytes | None]:
        if kind == "write":
            page = f"load-{self.random.random()}"
            body = urlencode({"page": page, "name": "名", "query": "a=1", "csrfmiddlewaretoken": TOKEN})
            return "POST", "/saved-views", body.encode()
        addresses = {
            "list": "/registry/",
            "list by state": "/registry/?state=listed",
            "search": f"/registry/?q={quote('王小满')}",
            "household": f"/households/{self.random.choice(self.seeds['households'])}",
            "alerts": "/monitoring/",
            "home": "/",
            "health": "/readyz",
        }
        return "GET", addresses[kind], None


def ask(port: int, seeds: dict[str, list], rate: float, seconds: float, memory: list[float]) -> Found:
    """Questions at a steady rate; a sample of the memory every ten seconds."""
    found, questions = Found(), queue.Queue()
    askers = [Asker(port, seeds, questions, found) for _ in range(64)]
    for asker in askers:
        asker.start()
    kinds = random.Random(1).choices([k for k, _ in MIX], [w for _, w in MIX], k=int(rate * seconds))
    started, sampled = time.monotonic(), 0.0
    for number, kind in enumerate(kinds):
        due = started + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        questions.put((due, kind))
        if due - started >= sampled:
            memory.append(web_memory(port))
            sampled += 10
    for _ in askers:
        questions.put(None)
    for asker in askers:
        asker.join(60)
    memory.append(web_memory(port))
    return found


def web_memory(port: int) -> float:
    """Unique memory (MB) of the web server and its workers."""
    total = 0
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            if f":{port}" in " ".join(process.info["cmdline"] or []):
                total += process.memory_full_info().uss
    return total / 2**20


def prepare(path: Path, port: int, households: int) -> tuple[subprocess.Popen[bytes], dict[str, list]]:
    """The platform, running and filled."""
    environment = {k: v for k, v in os.environ.items() if k not in DATABASE_NAMES}
    environment |= {"YUCHANG_VAR": str(path), "YUCHANG_DEBUG": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "yuchang.supervisor", "run", "--port", str(port)]
    command += ["--public-port", str(port + 1), "--metrics-port", str(port + 2)]
    path.mkdir(parents=True, exist_ok=True)
    running = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=(path / "run.log").open("w"), stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        probe = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError):
            probe.request("GET", "/readyz")
            if probe.getresponse().status == 200:
                break
        time.sleep(0.5)
    done = subprocess.run(
        [sys.executable, "-c", SEED.format(households=households)],
        cwd=ROOT,
        env=environment | {"YUCHANG_DB_ROLE": "admin"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        running.terminate()
        raise SystemExit("the platform could not be filled; see above")
    return running, json.loads(done.stdout.splitlines()[-1])


def report(found: Found, rate: float, seconds: float, memory: list[float]) -> int:
    """Print the table; 1 when there were errors."""
    print("| what | asked | p50 ms | p95 ms | p99 ms | worst ms |\n|---|---|---|---|---|---|")
    for kind, _share in MIX:
        times = sorted(found.times.get(kind, [0.0]))
        at = [1000 * times[min(len(times) - 1, int(len(times) * q))] for q in (0.5, 0.95, 0.99, 1)]
        print(f"| {kind} | {len(times)} | " + " | ".join(f"{x:.0f}" for x in at) + " |")
    every = [t for times in found.times.values() for t in times]
    errors = sum(found.errors.values())
    print(f"\n{len(every):,} questions at {rate:g}/s for {seconds:g} s; errors {errors} {dict(found.errors)}")
    print(f"p95 of all {1000 * statistics.quantiles(every, n=20)[-1]:.0f} ms")
    growth = memory[-1] / max(1.0, memory[min(2, len(memory) - 1)])
    print("web memory MB: " + " ".join(f"{m:.0f}" for m in memory) + f"; end / after warming up {growth:.2f}")
    return int(errors > 0)


def main() -> int:
    """Returns 1 when any question failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--port", type=int, default=18100)
    parser.add_argument("--var", type=Path, default=ROOT / "var" / "bench-load")
    options = parser.parse_args()
    running, seeds = prepare(options.var.absolute(), options.port, options.households)
    memory: list[float] = []
    try:
        ask(options.port, seeds, min(20.0, options.rate), 5, [])
        found = ask(options.port, seeds, options.rate, options.seconds, memory)
    finally:
        running.terminate()
        running.wait(120)
    return report(found, options.rate, options.seconds, memory)


if __name__ == "__main__":
    sys.exit(main())
