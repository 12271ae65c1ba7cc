"""kill -9 of the embedded server at random moments: every acknowledged write is there afterwards."""

import contextlib
import os
import random
import signal
import threading
import time

import psutil
import psycopg
import pytest

from yuchang.supervisor.tests.conftest import embedded


def processes_of(server):
    """The postmaster first, then its children."""
    postmaster = psutil.Process(server.pid())
    return [postmaster, *postmaster.children(recursive=True)]


def kill(server, which):
    chosen = processes_of(server)
    victims = {"all": chosen, "postmaster": chosen[:1], "a child": [random.choice(chosen[1:])]}[which]
    for process in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            os.kill(process.pid, signal.SIGKILL)


class Writer(threading.Thread):
    """Commits pairs of rows in one transaction each, and remembers what was acknowledged."""

    def __init__(self, url, number, acknowledged):
        super().__init__(daemon=True)
        self.url, self.number, self.acknowledged = url, number, acknowledged
        self.stopping = threading.Event()

    def run(self):
        step = 0
        while not self.stopping.is_set():
            with contextlib.suppress(psycopg.Error), psycopg.connect(self.url, connect_timeout=5) as session:
                while not self.stopping.is_set():
                    key = f"{self.number}-{random.random()}-{step}"
                    step += 1
                    session.execute("INSERT INTO pair VALUES (%s, 1)", [key])
                    session.execute("INSERT INTO pair VALUES (%s, -1)", [key])
                    session.commit()
                    self.acknowledged.append(key)
            time.sleep(0.05)


def endure(rounds):
    """Kill, start again, compare; returns the number of acknowledged writes."""
    with embedded() as server:
        server.start()
        with psycopg.connect(server.urls()["owner"], autocommit=True) as owner:
            owner.execute("CREATE TABLE pair (key text, side int, PRIMARY KEY (key, side))")
        acknowledged = []
        writers = [Writer(server.urls()["app"], n, acknowledged) for n in range(3)]
        for writer in writers:
            writer.start()
        for turn in range(rounds):
            time.sleep(random.uniform(0.1, 0.6))
            kill(server, ("all", "postmaster", "a child")[turn % 3])
            time.sleep(random.uniform(0, 0.1))
            server.start()
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(30)
        with psycopg.connect(server.urls()["app"]) as app:
            stored = {key for (key,) in app.execute("SELECT key FROM pair")}
            halves = app.execute("SELECT key FROM pair GROUP BY key HAVING sum(side) <> 0").fetchall()
        assert halves == []
        assert set(acknowledged) <= stored
        return len(acknowledged)


@pytest.mark.slow
def test_acknowledged_writes_survive_kills_and_half_ones_do_not():
    assert endure(rounds=6) > 0


@pytest.mark.nightly
def test_acknowledged_writes_survive_many_kills():
    assert endure(rounds=60) > 0
