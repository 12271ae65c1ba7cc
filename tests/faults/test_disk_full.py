"""A full disk is said in a sentence, loses nothing that was acknowledged, and mends with space."""

import contextlib
import os
import subprocess

import psycopg
import pytest

from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.tests.conftest import folder
from yuchang.supervisor.words import Trouble

# About 32 kB that do not compress.
FILL = "INSERT INTO filler SELECT %s, string_agg(md5(random()::text || n), '') FROM generate_series(1, 1000) AS n"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@contextlib.contextmanager
def small_disk(megabytes):
    with folder() as path:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(path)]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("this machine does not let us mount a small disk")
        try:
            yield path
        finally:
            EmbeddedServer(path).stop("immediate")
            subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_start_on_a_full_disk_says_so():
    with small_disk(12) as path, pytest.raises(Trouble, match="The disk is full"):
        EmbeddedServer(path).start()


@pytest.mark.slow
def test_a_disk_that_fills_up_refuses_cleanly_and_opens_again_with_space():
    with small_disk(160) as path:
        server = EmbeddedServer(path)
        server.start()
        ballast = path / "ballast"
        ballast.write_bytes(b"x" * (30 * 2**20))
        with psycopg.connect(server.urls()["owner"], autocommit=True) as owner:
            owner.execute("CREATE TABLE filler (n bigint PRIMARY KEY, word text)")
        acknowledged = 0
        with pytest.raises(psycopg.Error), psycopg.connect(server.urls()["app"], autocommit=True) as app:
            for number in range(100_000):
                app.execute(FILL, [number])
                acknowledged = number + 1
        assert acknowledged > 0
        ballast.unlink()
        server.start()
        with psycopg.connect(server.urls()["app"]) as app:
            count, top = app.execute("SELECT count(*), max(n) + 1 FROM filler").fetchone()
        assert count == top
        assert count >= acknowledged
