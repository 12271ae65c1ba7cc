"""``run``: one process that owns the database, the web servers, the task worker and the sequencer.

It starts them in order, starts again what dies (waiting longer each time), and stops them in the
reverse order on SIGTERM or Ctrl-C. It ends only what it started.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from config.environment import ROOT, VAR
from yuchang.supervisor.provision import CONNECTION_LIMITS
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.words import Trouble, say

LONGEST_PAUSE = 30.0
HEALTHY_AFTER = 60.0
STOP_SECONDS = 30.0
WEB_WORKERS, WEB_THREADS = 2, 6
PUBLIC_WORKERS, PUBLIC_THREADS = 1, 8
TASKS = 4
# Parts of the browser packages that no page asks for; some name files they do not bring.
NOT_SERVED = (
    *("libs", "types", "extension", "*.rtl.*"),
    *("echarts.common*", "echarts.simple*", "echarts.esm*", "echarts.js*"),
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
            env=os.environ | dict(self.environment),
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


def children(host: str, port: int, public_port: int) -> list[Child]:
    """What runs beside the database. Their sessions stay within each role's limit."""
    manage = [sys.executable, str(ROOT / "manage.py")]

    def web(at: int, workers: int, threads: int) -> list[str]:
        size = ["--workers", str(workers), "--threads", str(threads), "--worker-class", "gthread"]
        place = ["--bind", f"{host}:{at}", "--timeout", "120", "--graceful-timeout", "20"]
        return [sys.executable, "-m", "gunicorn", "config.wsgi", *size, *place, "--no-control-socket"]

    made = [
        Child("web", web(port, WEB_WORKERS, WEB_THREADS), WEB_WORKERS * WEB_THREADS),
        Child(
            "public",
            web(public_port, PUBLIC_WORKERS, PUBLIC_THREADS),
            PUBLIC_WORKERS * PUBLIC_THREADS,
            "portal",
            {"YUCHANG_ZONE": "public"},
        ),
        Child("worker", [*manage, "procrastinate", "worker", "--concurrency", str(TASKS)], 2 * TASKS + 4),
        Child("sequencer", [*manage, "sequence_audit", "--forever"], 1),
    ]
    for role in ("app", "portal"):
        wanted = sum(child.connections for child in made if child.role == role)
        if wanted > CONNECTION_LIMITS[role]:
            raise ValueError(f"the processes want {wanted} sessions of {role}")
    return made


class Supervisor:
    """Runs everything until told to stop. ``server`` is None when the operator brought PostgreSQL."""

    def __init__(self, server: EmbeddedServer | None, host: str, port: int, public_port: int) -> None:
        self.server = server
        self.host, self.port, self.public_port = host, port, public_port
        self.children: list[Child] = []
        self.stopping = threading.Event()

    def run(self) -> int:
        """Returns 0 after an orderly stop. Raises Trouble when the start fails."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        for port in (self.port, self.public_port):
            if is_taken(self.host, port):
                raise Trouble(f"端口 {port} 已被占用。", f"Port {port} is taken by another program.")
        try:
            if self.server:
                self.server.start()
            self.prepare()
            self.children = children(self.host, self.port, self.public_port)
            for child in self.children:
                child.start()
            self._announce()
            while not self.stopping.wait(0.5):
                self._tend()
        finally:
            self._stop()
        return 0

    def prepare(self) -> None:
        """Bring tables and static files up to this version."""
        manage("migrate", YUCHANG_DB_ROLE="owner")
        stamp, wanted = VAR / "static" / ".stamp", static_fingerprint()
        if not stamp.exists() or stamp.read_text() != wanted:
            manage("collectstatic", *(f"--ignore={name}" for name in NOT_SERVED))
            stamp.write_text(wanted)

    def _tend(self) -> None:
        if self.server and self.server.pid() is None:
            say("数据库已退出，正在恢复。", "The database went away; recovering it.", "!")
            try:
                self.server.start()
            except Trouble as trouble:
                say(trouble.zh, trouble.en, "✕")
                self.stopping.wait(2)
        for child in self.children:
            child.tend()

    def _announce(self) -> None:
        say(
            f"内部工作台 http://{self.host}:{self.port}/  公众门户 http://{self.host}:{self.public_port}/",
            "The workbench and the public portal are served there. Ctrl-C stops everything.",
            "✓",
        )

    def _stop(self) -> None:
        for child in self.children:
            child.stop()
        if self.server and self.server.stop():
            say("已全部停止。", "Everything is stopped.", "✓")


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
