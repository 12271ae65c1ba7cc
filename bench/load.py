"""Mixed load through the real servers: a working day's requests by many people at a steady rate.

Starts the platform as ``run`` does on a data folder of its own, fills it, then asks for a fixed number of
answers a second, whether or not they come (open loop: a slow server shows as lateness, not as fewer
questions). Prints rate, errors, percentiles and the memory of the web processes over time.

**The mix** (``MIX``) is a prefecture's busy hour, after the pages that each role works with. Who signs in:
of 20 people 10 village cadres and work teams, 5 township reviewers, 4 county officers, 1 of the province;
each sees the households of his or her own area. They look for a household (the box on top asks while one
types), open it, go through alerts, what is due and messages, and now and then write. Connectors of other
systems ask the API with a token. Villagers and buyers read the public pages on their own port, under the
portal's role. Browsers keep connections open, take gzip, and keep styles and scripts whose names carry their
hash for ever, so that only a browser new to the system asks for those: all files of a page, once a day.

``--costs 60`` asks sixty of each kind one after the other instead, and prints the processor time that each
takes of the web processes (both zones') and of PostgreSQL. Everything else on the machine must stand still.

Run: ``python -m bench.load --households 1000 --rate 50 --seconds 20``; nightly: ``--households 333334
--seconds 600``, which is 1,000,000 people; ``--keep`` leaves the filled database for the next time, and with
``--brought`` one that ``bench.population`` has made is used instead.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import queue
import random
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil

from config.environment import ROOT

DATABASE_NAMES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PORTAL_URL", "DATABASE_ADMIN_URL")
TOKEN = "l" * 32
# Of a hundred requests: what, how many, and on which port ("in" or "out").
MIX = (
    ("home", 6, "in"),
    ("money flows of the home", 2, "in"),
    ("list", 7, "in"),
    ("list by state", 3, "in"),
    ("search", 6, "in"),
    ("suggestions", 10, "in"),
    ("household", 14, "in"),
    ("alerts", 4, "in"),
    ("due", 3, "in"),
    ("inbox", 4, "in"),
    ("write", 5, "in"),
    ("API", 8, "in"),
    ("static", 6, "in"),
    ("public front", 6, "out"),
    ("public county", 8, "out"),
    ("public data", 2, "out"),
    ("public static", 5, "out"),
    ("health", 1, "in"),
)
KINDS = [kind for kind, _share, _zone in MIX]
ZONES = {kind: zone for kind, _share, zone in MIX}
SURNAMES = "王李张刘陈杨赵黄周吴"
COUNTY = "621221000000"
SEED = """
import json, os
import django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
from datetime import timedelta
from bench.population import ON, busiest_county, grow_to, live_a_while, settle
from tests.faults import seed
from tests import people
from yuchang.accounts.queries import LEVEL_COLUMNS
from yuchang.api.actions import issue_token
from yuchang.core import clock
from yuchang.core.models import Instance
from yuchang.places.loading import load_divisions
from yuchang.places.models import Place
from yuchang.portal.actions import publish_county_figures, publish_open_data
from yuchang.portal.models import PublishedCounty
from yuchang.registry.models import Household
if not Place.objects.filter(level=5).exists():
    load_divisions(areas=("621221", "621222", "620522"))
Instance.objects.update_or_create(id=1, defaults=dict(is_simulated=True))
county = busiest_county()
officer = people.wang()
if Household.objects.count() < {households} * 0.99:
    grow_to({households})
    live_a_while(officer)
    settle()
if not PublishedCounty.objects.exists():
    publish_county_figures(actor=officer.actor, county_id=county.pk, from_on=ON, as_of=clock.today())
    publish_open_data(actor=officer.actor, county_id=county.pk)
villages, towns = people.villages(), list(Place.objects.filter(county_id=county.pk, level=4, valid_to=None))
readers = [people.li(villages[n % len(villages)]) for n in range(20)]
readers += [people.zhang(towns[n % len(towns)]) for n in range(10)]
readers += [people.wang() for n in range(8)] + [people.province() for n in range(2)]
def homes(person):
    within = Household.objects.filter(**dict([next(iter(keys(person)))]))
    return list(within.order_by("id").values_list("id", flat=True)[:500])
def keys(person):
    place = person.user.role_grants.get().place
    yield LEVEL_COLUMNS[place.level], place.pk
token = issue_token(
    actor=officer.actor, name="load", permissions=["registry.read", "monitoring.read"],
    expires_on=clock.today() + timedelta(days=30))[1]
people_ = [dict(session=seed.session_for(person), households=homes(person)) for person in readers]
print(json.dumps(dict(people=people_, token=token)))
"""


@dataclass
class Found:
    """What the askers saw. Seconds from the moment a question was due."""

    times: dict[str, list[float]] = field(default_factory=dict)
    course: list[tuple[float, float]] = field(default_factory=list)
    """When each question was due, and how long until its answer."""
    errors: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, due: float, seconds: float, problem: str = "") -> None:
        with self.lock:
            self.times.setdefault(kind, []).append(seconds)
            self.course.append((due, seconds))
            if problem:
                self.errors[f"{kind}: {problem}"] += 1


class Asker(threading.Thread):
    """One browser: a connection to each of the two ports, and the next question when it is free."""

    def __init__(self, port: int, seeds: dict[str, Any], questions: queue.Queue, found: Found) -> None:
        super().__init__(daemon=True)
        self.ports = {"in": port, "out": port + 1}
        self.seeds, self.questions, self.found = seeds, questions, found
        self.lines: dict[str, http.client.HTTPConnection] = {}
        self.random = random.Random(id(self))

    def run(self) -> None:
        while (item := self.questions.get()) is not None:
            due, kind = item
            problem = self._try(kind)
            if problem == "RemoteDisconnected":  # an idle connection was closed: a browser opens another
                problem = self._try(kind)
            self.found.add(kind, due, time.monotonic() - due, problem)

    def _try(self, kind: str) -> str:
        """Ask once; what went wrong, empty when nothing did."""
        try:
            status = self._ask(kind)
        except (OSError, http.client.HTTPException) as error:
            self.lines.pop(ZONES[kind], None)
            return type(error).__name__
        return "" if status in (200, 302) else str(status)

    def _ask(self, kind: str) -> int:
        zone, person = ZONES[kind], self.random.choice(self.seeds["people"])
        line = self.lines.get(zone)
        if line is None:
            line = self.lines[zone] = http.client.HTTPConnection("127.0.0.1", self.ports[zone], timeout=30)
        method, address, body = self._question(kind, person["households"])
        headers = {"Accept-Encoding": "gzip"}
        if kind == "API":
            headers["Authorization"] = f"Bearer {self.seeds['token']}"
        elif zone == "in":
            headers["Cookie"] = f"sessionid={person['session']}; csrftoken={TOKEN}"
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        line.request(method, address, body, headers)
        reply = line.getresponse()
        reply.read()
        return reply.status

    def _question(self, kind: str, households: list[int]) -> tuple[str, str, bytes | None]:
        if kind == "write":
            page = f"load-{self.random.random()}"
            body = urlencode({"page": page, "name": "名", "query": "a=1", "csrfmiddlewaretoken": TOKEN})
            return "POST", "/saved-views", body.encode()
        surname = quote(self.random.choice(SURNAMES))
        addresses = {
            "home": "/",
            "money flows of the home": "/flows",
            "list": "/registry/",
            "list by state": "/registry/?state=listed",
            "search": f"/registry/?q={surname}",
            "suggestions": f"/suggest?q={surname}",
            "household": f"/households/{self.random.choice(households)}",
            "alerts": "/monitoring/",
            "due": "/procedures/",
            "inbox": "/messages/",
            "API": self.random.choice(("/api/v1/alerts", "/api/v1/households")),
            "static": self.random.choice(self.seeds["static"]),
            "public front": "/",
            "public county": f"/counties/{COUNTY}",
            "public data": f"/data/{COUNTY}",
            "public static": self.random.choice(self.seeds["static"]),
            "health": "/readyz",
        }
        return "GET", addresses[kind], None


def files_of(port: int) -> list[str]:
    """What the sign-in page asks a new browser to load."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    line.request("GET", "/accounts/sign-in")
    page = line.getresponse().read().decode()
    return sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)))


def ask(port: int, seeds: dict[str, Any], rate: float, seconds: float, memory: list[float]) -> Found:
    """Questions at a steady rate; a sample of the memory every ten seconds."""
    found, questions = Found(), queue.Queue()
    askers = [Asker(port, seeds, questions, found) for _ in range(64)]
    for asker in askers:
        asker.start()
    shares = [share for _kind, share, _zone in MIX]
    kinds = random.Random(1).choices(KINDS, shares, k=int(rate * seconds))
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


def prepare(
    path: Path, port: int, households: int, *, is_brought: bool
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """The platform, running and filled; with ``is_brought`` on the database that the environment names."""
    environment = {k: v for k, v in os.environ.items() if is_brought or k not in DATABASE_NAMES}
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
        [sys.executable, "-c", SEED.replace("{households}", str(households))],
        cwd=ROOT,
        env=environment | {"YUCHANG_DB_ROLE": "admin"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        running.terminate()
        raise SystemExit("the platform could not be filled; see above")
    return running, json.loads(done.stdout.splitlines()[-1]) | {"static": files_of(port)}


def windows(course: list[tuple[float, float]], parts: int = 10) -> list[tuple[int, list[float]]]:
    """The waiting times of each tenth of the run, sorted: a server that falls behind shows here."""
    first, last = min(due for due, _ in course), max(due for due, _ in course)
    width = max(1.0, (last - first) / parts)
    found: dict[int, list[float]] = {}
    for due, seconds in course:
        found.setdefault(min(parts - 1, int((due - first) / width)), []).append(seconds)
    return [(int(part * width), sorted(times)) for part, times in sorted(found.items())]


def processor(port: int) -> tuple[float, float]:
    """Seconds of processor that the web processes and PostgreSQL have taken so far."""
    web = database = 0.0
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            command, times = " ".join(process.info["cmdline"] or []), process.cpu_times()
            if command.startswith("postgres: "):
                database += times.user + times.system
            elif f":{port}" in command or f":{port + 1}" in command:
                web += times.user + times.system
    return web, database


def costs(port: int, seeds: dict[str, Any], count: int) -> int:
    """Print what one of each kind costs, and one of the mix; returns how many failed."""
    found = Found()
    asker = Asker(port, seeds, queue.Queue(), found)
    print("| what | of a hundred | web ms | PostgreSQL ms |\n|---|---|---|---|")
    of_mix, failed = [0.0, 0.0], 0
    for kind, share, _zone in MIX:
        for _ in range(16):  # until each thread has served one
            asker._try(kind)
        before = processor(port)
        failed += sum(bool(asker._try(kind)) for _ in range(count))
        each = [1000 * (b - a) / count for a, b in zip(before, processor(port), strict=True)]
        of_mix = [sum_ + share / 100 * ms for sum_, ms in zip(of_mix, each, strict=True)]
        print(f"| {kind} | {share} | {each[0]:.1f} | {each[1]:.1f} |")
    print(f"| one of the mix | 100 | {of_mix[0]:.1f} | {of_mix[1]:.1f} |")
    return failed


def report(found: Found, rate: float, seconds: float, memory: list[float]) -> int:
    """Print the table; 1 when there were errors."""
    print("| what | asked | p50 ms | p95 ms | p99 ms | worst ms |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        times = sorted(found.times.get(kind, [0.0]))
        at = [1000 * times[min(len(times) - 1, int(len(times) * q))] for q in (0.5, 0.95, 0.99, 1)]
        print(f"| {kind} | {len(times)} | " + " | ".join(f"{x:.0f}" for x in at) + " |")
    every = [t for times in found.times.values() for t in times]
    errors = sum(found.errors.values())
    print(f"\n{len(every):,} questions at {rate:g}/s for {seconds:g} s; errors {errors} {dict(found.errors)}")
    print("| due in second | p50 ms | p95 ms |\n|---|---|---|")
    for second, times in windows(found.course):
        at = [1000 * times[int(len(times) * q)] for q in (0.5, 0.95)]
        print(f"| {second} | {at[0]:.0f} | {at[1]:.0f} |")
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
    parser.add_argument("--keep", action="store_true", help="leave the database for the next time")
    parser.add_argument("--costs", type=int, default=0, help="ask so many of each kind, one by one")
    parser.add_argument("--brought", action="store_true", help="use the database that the environment names")
    options = parser.parse_args()
    running, seeds = prepare(
        options.var.absolute(), options.port, options.households, is_brought=options.brought
    )
    memory: list[float] = []
    try:
        ask(options.port, seeds, min(20.0, options.rate), 5, [])
        if options.costs:
            return int(costs(options.port, seeds, options.costs) > 0)
        found = ask(options.port, seeds, options.rate, options.seconds, memory)
    finally:
        running.terminate()
        running.wait(120)
        if not options.keep:
            shutil.rmtree(options.var, ignore_errors=True)
    return report(found, options.rate, options.seconds, memory)


if __name__ == "__main__":
    sys.exit(main())
