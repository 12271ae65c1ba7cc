"""Embedded servers for tests, apart from every other."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest

from yuchang.supervisor.account import account_for, own_folder, run_as
from yuchang.supervisor.server import EmbeddedServer

DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(autouse=True)
def _no_address_from_outside(monkeypatch):
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PORTAL_URL", "DATABASE_ADMIN_URL"):
        monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def folder():
    """A folder with a short name, as sockets need it."""
    path = Path(tempfile.mkdtemp(prefix="yc-", dir="/tmp"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def embedded():
    """A server that was never started; stopped and removed afterwards."""
    with folder() as path:
        server = EmbeddedServer(path)
        try:
            yield server
        finally:
            server.stop("immediate")


@pytest.fixture
def fresh_server():
    with embedded() as server:
        yield server


@pytest.fixture(scope="module")
def server():
    """A running server for all tests of a file."""
    with embedded() as made:
        made.start()
        yield made


@pytest.fixture
def connect(server):
    """``connect("app")`` signs in under a role."""
    with contextlib.ExitStack() as stack:

        def sign_in(role):
            return stack.enter_context(psycopg.connect(server.urls()[role], autocommit=True))

        yield sign_in


@pytest.fixture(scope="module")
def debian15():
    """An administrator's address on a private PostgreSQL 15 of Debian, the oldest we support."""
    if not DEBIAN.exists():
        pytest.skip("no PostgreSQL 15 of Debian on this machine")
    with folder() as path:
        account = account_for(path / "data")
        path.chmod(0o755)
        own_folder(path / "s", account)
        data = path / "s" / "data"
        made = run_as(
            account, [str(DEBIAN / "initdb"), "-D", str(data), "-U", "admin", "-E", "UTF8", "--auth=trust"]
        )
        assert made.returncode == 0, made.stdout
        options = f"-k {path / 's'} -p 54499 -c listen_addresses= -c fsync=off"
        command = [
            str(DEBIAN / "pg_ctl"),
            "-D",
            str(data),
            "-w",
            "-l",
            str(path / "s" / "log"),
            "-o",
            options,
            "start",
        ]
        assert run_as(account, command).returncode == 0
        yield f"postgresql://admin@/postgres?host={path / 's'}&port=54499"
        run_as(account, [str(DEBIAN / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])


def pytest_collection_modifyitems(items):
    """One worker for all servers: side by side they would take each other's ports."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("supervisor"))
