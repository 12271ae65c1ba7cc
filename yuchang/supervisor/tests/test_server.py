"""The embedded server is private, keeps its passwords, and starts whatever state it was left in."""

import concurrent.futures
import os
import socket
import stat
import subprocess
import sys
import time

import psycopg
import pytest

from config.environment import ROOT
from yuchang.supervisor.server import FIRST_PORT, SOCKET_PATH_BYTES, EmbeddedServer, _is_free
from yuchang.supervisor.tests.conftest import folder


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_its_files_are_private(server):
    assert mode(server.connection_file) == 0o600
    assert mode(server.password_file) == 0o600
    assert mode(server.data) == 0o700
    assert mode(server.socket_folder()) == 0o700
    assert mode(server.log) == 0o700


def test_it_does_not_run_as_root(server):
    assert os.stat(f"/proc/{server.pid()}").st_uid != 0


def test_it_speaks_utf8_and_sorts_by_code_point(connect):
    row = connect("app").execute(
        "SELECT pg_encoding_to_char(encoding), (SELECT string_agg(x, '' ORDER BY x) FROM"
        " unnest(array['b', 'A', 'a', '乙', '甲']) AS x) FROM pg_database WHERE datname = current_database()"
    )
    assert row.fetchone() == ("UTF8", "Aab乙甲")


@pytest.mark.parametrize("place", ["socket", "loopback"])
@pytest.mark.parametrize("password", ["", "wrong"])
@pytest.mark.parametrize("user", ["postgres", "yuchang_app"])
def test_nobody_signs_in_without_the_password(server, place, password, user):
    host = str(server.socket_folder()) if place == "socket" else "127.0.0.1"
    with pytest.raises(psycopg.OperationalError, match=r"password|no password supplied"):
        psycopg.connect(host=host, port=server.port(), user=user, password=password, dbname="yuchang")


def test_the_loopback_answers_too(server):
    info = psycopg.conninfo.conninfo_to_dict(server.urls()["app"]) | {"host": "127.0.0.1"}
    with psycopg.connect(**info) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_three_roles_keep_each_other_in_check(connect):
    owner, app, portal = connect("owner"), connect("app"), connect("portal")
    owner.execute("CREATE TABLE thing (id bigint GENERATED ALWAYS AS IDENTITY, word text)")
    app.execute("INSERT INTO thing (word) VALUES ('一')")
    assert app.execute("SELECT word FROM thing").fetchall() == [("一",)]
    app.execute("CREATE TEMP TABLE scratch (n int)")
    for session, statement in (
        (app, "SET ROLE yuchang_owner"),
        (app, "CREATE TABLE mine (n int)"),
        (app, "DROP TABLE thing"),
        (app, "TRUNCATE thing"),
        (app, "ALTER TABLE thing DISABLE TRIGGER ALL"),
        (app, "COPY thing TO PROGRAM 'cat'"),
        (portal, "SELECT * FROM thing"),
        (portal, "SET ROLE yuchang_app"),
        (portal, "CREATE TEMP TABLE scratch (n int)"),
        (owner, "CREATE ROLE another"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement)
    owner.execute("DROP TABLE thing")


def test_no_password_stands_in_the_log(server):
    logs = "".join(path.read_text(errors="replace") for path in server.log.iterdir())
    for password in server._passwords().values():
        assert password not in logs


def test_a_second_start_finds_it_running_and_changes_nothing(server):
    pid, urls = server.pid(), server.urls()
    assert server.start() is False
    assert (server.pid(), server.urls()) == (pid, urls)


def test_after_a_stop_it_starts_with_the_same_data_and_addresses(server, connect):
    connect("owner").execute("CREATE TABLE kept AS SELECT 7 AS n")
    urls, port = server.urls(), server.port()
    assert server.stop() is True
    assert server.stop() is False
    assert not server.is_ready()
    assert server.start() is True
    if server.urls() != urls:  # a server of another test took the port in between
        assert {
            name: url.replace(str(server.port()), str(port)) for name, url in server.urls().items()
        } == urls
        assert not _is_free(port)
    with psycopg.connect(server.urls()["owner"], autocommit=True) as again:
        assert again.execute("SELECT n FROM kept").fetchone() == (7,)
        again.execute("DROP TABLE kept")


def test_a_leftover_pid_file_of_a_stranger_does_not_stop_it(server):
    server.stop()
    lines = [str(os.getpid()), str(server.data), "1", str(server.port()), "", "", "", "ready"]
    (server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    (server.socket_folder() / f".s.PGSQL.{server.port()}.lock").write_text(f"{os.getpid()}\n")
    assert server.pid() is None
    assert server.start() is True


def test_when_its_port_is_taken_it_takes_another(server):
    server.stop()
    taken = server.port()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", taken))
        stranger.listen()
        assert server.start() is True
        assert server.port() != taken
        with psycopg.connect(server.urls()["app"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_two_processes_that_start_it_at_once_get_one_server(fresh_server):
    command = [sys.executable, "-m", "yuchang.supervisor", "up"]
    environment = os.environ | {"YUCHANG_VAR": str(fresh_server.root.parent)}

    def up():
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: up(), range(2)))
    assert [d.returncode for d in done] == [0, 0], done
    assert fresh_server.is_ready()


def test_an_initialisation_that_was_killed_is_begun_anew(fresh_server):
    half = fresh_server.root / "data.new" / "base"
    half.mkdir(parents=True)
    assert fresh_server.start() is True
    assert not half.parent.exists()


def test_a_long_path_gets_a_short_socket():
    with folder() as path:
        server = EmbeddedServer(path / ("deep" * 30))
        try:
            server.start()
            place = server.socket_folder() / f".s.PGSQL.{server.port()}"
            assert len(os.fsencode(place)) <= SOCKET_PATH_BYTES
            assert place.is_socket()
            assert mode(server.socket_folder()) == 0o700
        finally:
            server.stop("immediate")
            if server.socket_folder().parent.name == "tmp":
                server.socket_folder().rmdir()


def test_data_of_another_version_are_refused_in_a_sentence(fresh_server):
    from yuchang.supervisor.words import Trouble

    fresh_server.start()
    fresh_server.stop()
    (fresh_server.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(Trouble, match="another major version"):
        fresh_server.start()
    (fresh_server.data / "PG_VERSION").write_text("18\n")


def test_every_server_of_this_machine_gets_its_own_port(server, fresh_server):
    fresh_server.start()
    assert fresh_server.port() != server.port()
    assert fresh_server.port() >= FIRST_PORT


def test_two_processes_and_duckdb_work_at_once(server, connect, tmp_path):
    """The web, a task and an analysis share one server."""
    connect("owner").execute("CREATE TABLE many AS SELECT n FROM generate_series(1, 50000) AS n")
    script = (
        "import sys, duckdb, duckdb_extensions\n"
        "db = duckdb.connect()\n"
        "duckdb_extensions.import_extension('postgres_scanner', con=db)\n"
        "db.execute('LOAD postgres_scanner')\n"
        "db.execute(f\"ATTACH '{sys.argv[1]}' AS pg (TYPE postgres, READ_ONLY)\")\n"
        "print(db.execute('SELECT sum(n) FROM pg.public.many').fetchone()[0])\n"
    )
    url = server.urls()["app"]
    command = [sys.executable, "-c", script, url]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    app = connect("app")
    for _ in range(200):
        app.execute("INSERT INTO many VALUES (0)")
    for reader in readers:
        said, wrong = reader.communicate(timeout=60)
        assert said.split()[-1] == b"1250025000", wrong
    connect("owner").execute("DROP TABLE many")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_plain_user_runs_it_as_itself():
    import pwd

    nobody = pwd.getpwnam("nobody")
    interpreter = _interpreter_for(nobody.pw_uid)
    with folder() as path:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
        environment = {"PATH": os.environ["PATH"], "YUCHANG_VAR": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if "site-packages" in p)
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": ROOT}

        def call(command):
            return subprocess.run(
                [interpreter, "-m", "yuchang.supervisor", command],
                env=environment,
                capture_output=True,
                text=True,
                **options,
            )

        first = call("up")
        assert first.returncode == 0, first.stdout + first.stderr
        server = EmbeddedServer(path)
        try:
            assert os.stat(f"/proc/{server.pid()}").st_uid == nobody.pw_uid
            assert server.data.stat().st_uid == nobody.pw_uid
            assert call("status").returncode == 0
            # Root finds the same data later and keeps their owner.
            assert server.start() is False
        finally:
            assert call("down").returncode == 0
        assert call("status").returncode == 3


def _interpreter_for(uid):
    """Our interpreter, or the system's of the same version where ours lies in a private folder."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        command = [candidate, "-c", "import sys; print(sys.version_info[:2])"]
        try:
            done = subprocess.run(command, user=uid, cwd="/", capture_output=True, text=True)
        except OSError:
            continue
        if done.stdout.strip() == str(tuple(sys.version_info[:2])):
            return candidate
    return pytest.skip("no interpreter that other users can reach")


def test_a_server_killed_an_instant_ago_gets_a_moment_to_go(tmp_path, monkeypatch):
    fresh, seen = EmbeddedServer(tmp_path), iter([7, 7, None])
    monkeypatch.setattr(fresh, "pid", lambda: next(seen))
    monkeypatch.setattr(fresh, "_refusal", lambda: "connection refused")
    fresh._wait_while_busy()
    assert list(seen) == []


def test_a_server_that_hangs_is_not_waited_for_as_one_that_recovers(tmp_path, monkeypatch):
    fresh = EmbeddedServer(tmp_path)
    monkeypatch.setattr("yuchang.supervisor.server.SILENT_SECONDS", 0.3)
    monkeypatch.setattr(fresh, "pid", lambda: 7)
    monkeypatch.setattr(fresh, "_refusal", lambda: "connection timeout expired")
    begun = time.monotonic()
    fresh._wait_while_busy()
    assert time.monotonic() - begun < 5
