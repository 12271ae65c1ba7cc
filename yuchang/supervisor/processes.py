"""``run``: one process that owns the database, the web servers, the task worker and the sequencer.

It starts them in order, starts again what dies (waiting longer each time), and stops them in the
reverse order on SIGTERM or Ctrl-C. It ends only what it started.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config.environment import ROOT, VAR
from yuchang.supervisor.backups import mirror
from yuchang.supervisor.certificates import Files, fingerprint
from yuchang.supervisor.provision import CONNECTION_LIMITS
from yuchang.supervisor.server import ARCHIVE_SECONDS, EmbeddedServer
from yuchang.supervisor.words import Trouble, say

LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 60.0
STOP_SECONDS = 30.0
WEB_THREADS = 6
PUBLIC_WORKERS, PUBLIC_THREADS = 1, 8
TASKS = 4
TASK_SESSIONS, OTHER_SESSIONS = 2 * TASKS + 4, 2
# A little longer than gunicorn lets a killed run's requests finish.
PORT_SECONDS = 25.0
METRICS = VAR.absolute() / "metrics"
# Parts of the browser packages that no page asks for; some name files they do not bring.
NOT_SERVED = (
    *("libs", "types", "ext", "extension", "*.rtl.*", "redoc*"),
    *("img/flags/*", "img/payments/*", "img/social/*"),
    *("tabler-*", "tabler.css*", "tabler.[ej]*", "tabler.min.js*"),
    *("echarts.common*", "echarts.simple*", "echarts.esm*", "echarts.js*"),
    *("dexie.js*", "dexie.mjs*", "dexie.d.ts", "modern"),
    *("htmx.js", "htmx.amd*", "htmx.cjs*", "htmx.esm*"),
)


@dataclass
class Child:
    """One process that shall always run. ``connections``: how many database sessions it may hold."""

    name: str
    command: list[str]
    connections: int
    role: str = "app"
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = 1.0
    due_at: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            # What it says reaches the journal when it says it, not when it ends.
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(self.environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        self.started_at = time.monotonic()

    def tend(self) -> None:
        """Start it again if it died: after 1, 2, 4 … seconds, at most 30."""
        now = time.monotonic()
        if self.process is not None:
            if self.process.poll() is None:
                return
            if now - self.started_at > HEALTHY_AFTER:
                self.pause = 1.0
            say(
                f"{self.name} 已退出（代码 {self.process.returncode}），{self.pause:.0f} 秒后重启。",
                f"{self.name} ended (code {self.process.returncode}); it starts again in {self.pause:.0f} s.",
                "!",
            )
            self.process, self.due_at = None, now + self.pause
            self.pause = min(self.pause * 2, LONGEST_PAUSE)
        elif now >= self.due_at:
            self.start()

    def stop(self) -> None:
        """Ask it to end; after 30 seconds end it and what it started."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _end_with_parent() -> None:
    """On Linux: a child gets SIGTERM when the supervisor is killed, so that no orphan keeps a port."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@dataclass(frozen=True)
class Doors:
    """Where the web servers listen, and with which certificate. ``metrics`` 0: no metrics."""

    host: str
    port: int
    public_port: int
    metrics: int = 0
    certificate: Files | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    @property
    def ports(self) -> tuple[int, ...]:
        inside = 0 if is_outside() else self.port
        return tuple(port for port in (inside, self.public_port, self.metrics) if port)


def is_outside() -> bool:
    """Whether this machine holds the public zone alone: no workbench is served."""
    return os.environ.get("YUCHANG_ZONE") == "public"


def web_workers() -> int:
    """How many processes answer: one for each core, two at least, within the sessions the database allows.

    ``YUCHANG_WEB_WORKERS`` says otherwise. Raises Trouble where it is no such number.
    """
    most = (CONNECTION_LIMITS["app"] - TASK_SESSIONS - OTHER_SESSIONS) // WEB_THREADS
    asked = os.environ.get("YUCHANG_WEB_WORKERS", "").strip()
    if not asked:
        return max(2, min(os.cpu_count() or 2, most))
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= most):
        raise Trouble(
            f"YUCHANG_WEB_WORKERS 须为 1 到 {most} 的整数，现为“{asked}”。",
            f"YUCHANG_WEB_WORKERS is a whole number from 1 to {most}, not {asked!r}.",
        )
    return int(asked)


def children(doors: Doors) -> list[Child]:
    """What runs beside the database. Their sessions stay within each role's limit."""
    manage = [sys.executable, str(ROOT / "manage.py")]
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(METRICS)} if doors.metrics else {}
    tls, safe = [], dict(shared)
    if doors.certificate:
        tls = ["--certfile", str(doors.certificate.certificate), "--keyfile", str(doors.certificate.key)]
        safe["YUCHANG_TLS"] = "1"

    def web(at: int, workers: int, threads: int) -> list[str]:
        size = ["--workers", str(workers), "--threads", str(threads), "--worker-class", "gthread"]
        place = ["--bind", f"{doors.host}:{at}", "--timeout", "120", "--graceful-timeout", "20", *tls]
        start = [sys.executable, "-m", "gunicorn", "config.wsgi", "--config", "python:config.gunicorn"]
        return [*start, *size, *place, "--no-control-socket"]

    workers = web_workers()
    made = [
        Child("web", web(doors.port, workers, WEB_THREADS), workers * WEB_THREADS, environment=safe),
        Child(
            "public",
            web(doors.public_port, PUBLIC_WORKERS, PUBLIC_THREADS),
            PUBLIC_WORKERS * PUBLIC_THREADS,
            "portal",
            safe | {"YUCHANG_ZONE": "public"},
        ),
        Child("worker", [*manage, "procrastinate", "worker", "--concurrency", str(TASKS)], TASK_SESSIONS),
        Child("sequencer", [*manage, "sequence_audit", "--forever"], 1),
    ]
    if is_outside():
        made = outside_only(made, manage)
    if doors.metrics:
        command = [*manage, "serve_metrics", "--port", str(doors.metrics)]
        made.append(Child("metrics", command, 1, environment=shared))
    for role in ("app", "portal"):
        wanted = sum(child.connections for child in made if child.role == role)
        if wanted > CONNECTION_LIMITS[role]:
            raise ValueError(f"the processes want {wanted} sessions of {role}")
    return made


def outside_only(made: list[Child], manage: list[str]) -> list[Child]:
    """A machine that holds the public zone alone: its pages, its log, and the carrier of bundles."""
    kept = [child for child in made if child.name in ("public", "sequencer")]
    for child in kept:
        if child.role == "app":
            child.environment = {**child.environment, "YUCHANG_DB_ROLE": "app"}
    if folder := os.environ.get("YUCHANG_ZONE_FOLDER"):
        kept.append(Child("carrier", [*manage, "zone", "carry", folder, "--forever"], 1))
    return kept


class Supervisor:
    """Runs everything until told to stop. ``server`` is None when the operator brought PostgreSQL."""

    def __init__(self, server: EmbeddedServer | None, doors: Doors) -> None:
        self.server = server
        self.doors = doors
        self.children: list[Child] = []
        self.stopping = threading.Event()
        self.renewing = threading.Event()

    def run(self) -> int:
        """Returns 0 after an orderly stop. Raises Trouble when the start fails."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        signal.signal(signal.SIGUSR1, lambda *_: self.renewing.set())
        self._await_ports()
        try:
            if self.server:
                self.server.start()
            self.prepare()
            shutil.rmtree(METRICS, ignore_errors=True)
            self.children = children(self.doors)
            for child in self.children:
                child.start()
            threading.Thread(target=self._mirror, daemon=True).start()
            pid_file().write_text(str(os.getpid()))
            self._announce()
            while not self.stopping.wait(0.5):
                self._tend()
        finally:
            self._stop()
        return 0

    def _await_ports(self) -> None:
        """Whoever was killed leaves children that finish their requests: the next start waits for them.

        Raises Trouble when one stays taken, at once unless a killed run was the last.
        """
        patience = PORT_SECONDS if pid_file().exists() and running_pid() is None else 0
        end, told = time.monotonic() + patience, False
        while taken := [port for port in self.doors.ports if is_taken(self.doors.host, port)]:
            if time.monotonic() >= end or self.stopping.is_set():
                raise Trouble(
                    f"端口 {taken[0]} 已被占用：用 ss -ltnp 找出占用的程序并结束它，或换端口（run --help）。",
                    f"Port {taken[0]} is taken by another program: end it (see ss -ltnp), or choose another.",
                )
            if not told:
                told = True
                say(
                    f"等待上次的进程让出端口 {taken[0]}…",
                    f"Waiting for the last run to leave port {taken[0]}.",
                )
            self.stopping.wait(0.2)

    @staticmethod
    def prepare() -> None:
        """Bring tables, the shipped procedures and static files up to this version."""
        manage("upgrade_schema", YUCHANG_DB_ROLE="owner")
        stamp, wanted = VAR / "static" / ".stamp", static_fingerprint()
        if not stamp.exists() or stamp.read_text() != wanted:
            manage("collectstatic", *(f"--ignore={name}" for name in NOT_SERVED))
            stamp.write_text(wanted)

    def _tend(self) -> None:
        if self.renewing.is_set():
            self.renewing.clear()
            self._renew()
        if self.server and self.server.pid() is None:
            say("数据库已退出，正在恢复。", "The database went away; recovering it.", "!")
            try:
                self.server.start()
            except Trouble as trouble:
                say(trouble.zh, trouble.en, "✕")
                self.stopping.wait(2)
        for child in self.children:
            child.tend()

    def _renew(self) -> None:
        """Start every process again with the program as it now is; the database stays up."""
        say("正在以新版本重新启动各进程。", "Every process starts again with the new version.")
        for child in self.children:
            child.stop()
            child.start()

    def _mirror(self) -> None:
        """Uploads follow the archived log, in a thread of their own. A full disk is no reason to end."""
        while not self.stopping.wait(ARCHIVE_SECONDS):
            folder = self.server.archive_folder() if self.server else None
            try:
                if folder is not None:
                    mirror(VAR, folder.parent)
            except OSError as error:
                say(f"文件备份失败：{error}", f"The files could not be mirrored: {error}", "!")

    def _announce(self) -> None:
        base = f"{self.doors.scheme}://{self.doors.host}"
        public = f"公众门户 {base}:{self.doors.public_port}/"
        if is_outside():
            say(public, "The public portal is served there. Ctrl-C stops everything.", "✓")
        else:
            say(
                f"内部工作台 {base}:{self.doors.port}/  {public}",
                "The workbench and the public portal are served there. Ctrl-C stops everything.",
                "✓",
            )
        if self.doors.certificate and self.doors.certificate.authority.exists():
            say(
                f"请在各终端安装根证书：{self.doors.certificate.authority}",
                f"Install this authority on every device. SHA-256: {fingerprint(self.doors.certificate)}",
            )

    def _stop(self) -> None:
        pid_file().unlink(missing_ok=True)
        for child in self.children:
            child.stop()
        if self.server and self.server.stop():
            say("已全部停止。", "Everything is stopped.", "✓")


def pid_file() -> Path:
    """The process number of ``run``, while it runs."""
    return VAR / "run.pid"


def running_pid() -> int | None:
    """The process number of a ``run`` that serves this data folder; None when there is none."""
    try:
        number = int(pid_file().read_text())
        command = psutil.Process(number).cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return number if "yuchang.supervisor" in command else None


@contextmanager
def brought_up(server: EmbeddedServer) -> Iterator[None]:
    """The database up while a command needs it; down again if it was, unless ``run`` began meanwhile."""
    was_down = server.start()
    try:
        yield
    finally:
        if was_down and running_pid() is None:
            server.stop()


def manage(command: str, *options: str, **environment: str) -> None:
    """One of Django's commands. Raises Trouble when it fails."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), command, "--noinput", "-v", "0", *options],
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
    )
    if done.returncode != 0:
        raise Trouble(f"manage.py {command} 失败，见上文。", f"manage.py {command} failed; see above.")


def static_fingerprint() -> str:
    """Changes when a file to be served changes."""
    files = [ROOT / "package-lock.json", *ROOT.glob("static/**/*"), *ROOT.glob("yuchang/*/static/**/*")]
    digest = hashlib.sha256()
    for path in sorted(files):
        if path.is_file():
            state = path.stat()
            digest.update(f"{path.relative_to(ROOT)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def is_taken(host: str, port: int) -> bool:
    """Whether another program listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
        return False
