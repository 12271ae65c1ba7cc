"""The one supervisor process: restarts what dies, recovers the database, stops all in order, leaves nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from config.environment import ROOT
from yuchang.supervisor.processes import Child, Doors, children
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.tests.conftest import folder

DATABASE_NAMES = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PORTAL_URL", "DATABASE_ADMIN_URL")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port, path="/readyz"):
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply,
    ):
        return reply.status == 200
    return False


def wait_for(condition, seconds=240, process=None):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        if process is not None and process.status() == psutil.STATUS_ZOMBIE:
            raise AssertionError("the supervisor ended")
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


def is_alive(process):
    """A process that ended may stay in the table until somebody collects it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def running(path, ports):
    environment = {k: v for k, v in os.environ.items() if k not in DATABASE_NAMES}
    environment |= {"YUCHANG_VAR": str(path), "YUCHANG_DEBUG": "", "YUCHANG_LOG_LEVEL": "INFO"}
    command = [sys.executable, "-m", "yuchang.supervisor", "run", "--port", str(ports[0])]
    command += ["--public-port", str(ports[1]), "--metrics-port", str(free_port())]
    with (path / "run.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield psutil.Process(process.pid)
    except BaseException:
        print((path / "run.log").read_text()[-3000:])
        raise
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(180)


def child(supervisor, word):
    return next(c for c in supervisor.children() if word in " ".join(c.cmdline()))


@pytest.fixture(scope="module")
def home():
    """A data folder for the tests of this file: only the first one waits for all migrations."""
    with folder() as path:
        yield path
        EmbeddedServer(path).stop("immediate")


@pytest.mark.nightly
@pytest.mark.xdist_group("supervisor")
def test_it_serves_restarts_recovers_and_stops_everything(home):
    path, ports = home, (free_port(), free_port())
    server = EmbeddedServer(path)
    with running(path, ports) as supervisor:
        wait_for(lambda: answers(ports[0]) and answers(ports[1]), process=supervisor)

        old = child(supervisor, f"127.0.0.1:{ports[0]}")
        os.kill(old.pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(old))
        wait_for(lambda: answers(ports[0]))

        os.kill(server.pid(), signal.SIGKILL)
        wait_for(lambda: server.pid() and server.is_ready())
        wait_for(lambda: answers(ports[0]) and answers(ports[1]))

        everyone = supervisor.children(recursive=True)
        assert len(everyone) >= 5
        supervisor.terminate()
        supervisor.wait(180)
    assert [process for process in everyone if is_alive(process)] == []
    assert server.pid() is None
    assert "Everything is stopped" in (path / "run.log").read_text()


@pytest.mark.nightly
@pytest.mark.xdist_group("supervisor")
def test_after_a_kill_of_the_supervisor_itself_the_next_one_takes_over(home):
    path, ports = home, (free_port(), free_port())
    with running(path, ports) as supervisor:
        wait_for(lambda: answers(ports[0]), process=supervisor)
        everyone = supervisor.children(recursive=True)
        supervisor.kill()
        # The children are told by the kernel; the database stays and is taken over.
        wait_for(lambda: not any(is_alive(process) for process in everyone))
    with running(path, ports) as supervisor:
        wait_for(lambda: answers(ports[0]), process=supervisor)
    assert EmbeddedServer(path).pid() is None


@pytest.mark.slow
def test_a_taken_port_is_said_in_a_sentence():
    with folder() as path, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(path, (port, free_port())) as supervisor:
            supervisor.wait(60)
        assert f"Port {port} is taken" in (path / "run.log").read_text()


def test_a_child_that_dies_is_started_again_ever_more_slowly():
    made = Child("short", [sys.executable, "-c", "raise SystemExit(3)"], 0, pause=0.05)
    made.start()
    pids, pauses = set(), []
    deadline = time.monotonic() + 20
    while len(pauses) < 3 and time.monotonic() < deadline:
        if made.process:
            pids.add(made.process.pid)
        before = made.pause
        made.tend()
        if made.pause != before:
            pauses.append(made.pause)
        time.sleep(0.01)
    made.stop()
    assert pauses == [0.1, 0.2, 0.4]
    assert len(pids) == 3


def test_a_child_that_ignores_the_signal_is_ended_with_all_it_started(monkeypatch):
    monkeypatch.setattr("yuchang.supervisor.processes.STOP_SECONDS", 1.0)
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    made = Child("stubborn", [sys.executable, "-c", script], 0)
    made.start()
    process = psutil.Process(made.process.pid)
    wait_for(lambda: process.children(), 10)
    grandchildren = process.children()
    made.stop()
    _, alive = psutil.wait_procs(grandchildren, 5)
    assert [process for process in alive if is_alive(process)] == []
    assert made.process.returncode == -signal.SIGKILL


def test_the_sessions_of_all_processes_stay_within_the_budget(monkeypatch):
    children(Doors("127.0.0.1", 1, 2, 3))
    monkeypatch.setattr("yuchang.supervisor.processes.web_workers", lambda: 20)
    with pytest.raises(ValueError, match="sessions of app"):
        children(Doors("127.0.0.1", 1, 2, 3))
