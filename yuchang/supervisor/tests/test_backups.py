"""A backup brings back every row, file and key, at any moment since; wrong orders are refused."""

import contextlib
import errno
import io
import json
import tarfile
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from yuchang.supervisor import backups, keeping, processes
from yuchang.supervisor import server as server_module
from yuchang.supervisor.__main__ import as_trouble, main
from yuchang.supervisor.backups import backups_in, make_backup, mirror, segment_of, verify_copy
from yuchang.supervisor.drill import drill
from yuchang.supervisor.restoring import restore, unpack_keys
from yuchang.supervisor.sealing import seal, unseal
from yuchang.supervisor.server import EmbeddedServer
from yuchang.supervisor.tests.conftest import embedded, folder
from yuchang.supervisor.words import Trouble


@pytest.fixture(scope="module")
def platform():
    """A server with a table, an uploaded file and a key, and a folder for its backups."""
    with pytest.MonkeyPatch.context() as patch, embedded() as server, folder() as kept:
        patch.setattr(server_module, "ARCHIVE_SECONDS", 1)
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PORTAL_URL", "DATABASE_ADMIN_URL"):
            patch.delenv(name, raising=False)
        server.start()
        var = server.root.parent
        (var / "media").mkdir()
        (var / "media" / "photo.jpg").write_bytes(b"photo")
        (var / "secrets").mkdir(mode=0o700)
        (var / "secrets" / "yuchang_master_key").write_text("key")
        with psycopg.connect(server.urls()["owner"], autocommit=True) as owner:
            owner.execute("CREATE TABLE book (n int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())")
            owner.execute("INSERT INTO book VALUES (1)")
        yield server, kept


@contextlib.contextmanager
def second_place():
    with folder() as path:
        try:
            yield path / "var"
        finally:
            EmbeddedServer(path / "var").stop("immediate")


def write(server, number):
    with psycopg.connect(server.urls()["app"], autocommit=True) as app:
        (at,) = app.execute("INSERT INTO book VALUES (%s) RETURNING clock_timestamp()", [number]).fetchone()
    return at


@pytest.mark.slow
def test_a_drill_finds_every_table_and_file_equal_at_the_moment_it_chose(platform):
    server, kept = platform
    with second_place() as place:
        report = drill(server, kept, place)
    assert report.wrong == []
    assert report.is_good, report.lines()
    assert report.rpo < 60
    assert any("RTO" in line for line in report.lines())


@pytest.mark.slow
def test_a_moment_between_two_writes_is_restored_with_the_first_and_without_the_second(platform):
    server, kept = platform
    make_backup(server, kept)
    first = write(server, 100)
    time.sleep(0.05)
    write(server, 101)
    with psycopg.connect(server.urls()["admin"], autocommit=True) as admin:
        admin.execute("SELECT pg_switch_wal()")
    (server.root.parent / "media" / "later.jpg").write_bytes(b"later")
    mirror(server.root.parent, kept)
    wait_for_archive(server)
    with second_place() as place:
        restored = restore(kept, place, to=first + timedelta(milliseconds=20))
        with psycopg.connect(restored.urls()["app"]) as app:
            assert app.execute("SELECT count(*) FROM book WHERE n = 100").fetchone() == (1,)
            assert app.execute("SELECT count(*) FROM book WHERE n = 101").fetchone() == (0,)
            app.execute("INSERT INTO book VALUES (102)")
        assert (place / "media" / "later.jpg").read_bytes() == b"later"
        assert (place / "secrets" / "yuchang_master_key").read_text() == "key"
        assert restored.archive_folder() is None, "the copy must not write into the archive of the original"
        with pytest.raises(Trouble, match="There is a database in"):
            restore(kept, place)


def wait_for_archive(server):
    deadline = time.monotonic() + 30
    with psycopg.connect(server.urls()["admin"], autocommit=True) as admin:
        (wanted,) = admin.execute("SELECT pg_walfile_name(pg_current_wal_lsn() - 1)").fetchone()
        while time.monotonic() < deadline:
            (last,) = admin.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()
            if last and last[:24] >= wanted:
                return
            time.sleep(0.1)
    raise AssertionError("nothing was archived")


@pytest.mark.slow
def test_old_copies_go_and_sealed_keys_need_the_passphrase(platform):
    server, kept = platform
    made = [make_backup(server, kept, keep=1, passphrase="春天的鱼").name]
    time.sleep(1.1)
    made.append(make_backup(server, kept, keep=1, passphrase="春天的鱼").name)
    assert [b.name for b in backups_in(kept)] == made[1:]
    copy = kept / "base" / made[1]
    assert json.loads((copy / "manifest.json").read_text())["keys"] == "keys.sealed"
    assert not (copy / "keys.tar").exists()
    with second_place() as place, pytest.raises(Trouble, match="sealed"):
        restore(kept, place)
    with second_place() as place, pytest.raises(Trouble, match="passphrase is wrong"):
        restore(kept, place, passphrase="夏天的鱼")
    with second_place() as place, pytest.raises(Trouble, match="no fitting backup"):
        restore(kept, place, to=datetime(2001, 1, 1, tzinfo=UTC))
    with second_place() as place:
        late = datetime.now(UTC) + timedelta(days=1)
        with pytest.raises(Trouble, match="does not reach that moment"):
            restore(kept, place, to=late, passphrase="春天的鱼")
        assert not (place / "postgres" / "data").exists(), "the next attempt would be refused"


def test_what_is_sealed_opens_with_its_passphrase_only_and_shows_every_change():
    sealed = seal(b"secret", "a")
    assert unseal(sealed, "a") == b"secret"
    assert b"secret" not in sealed
    for wrong in ((sealed, "b"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), "a")):
        with pytest.raises(Trouble):
            unseal(*wrong)


@pytest.mark.parametrize(
    ("position", "name"),
    [
        ("0/3000028", "000000010000000000000003"),
        ("1/FF000000", "0000000100000001000000FF"),
        ("2/0", "000000010000000200000000"),
    ],
)
def test_a_position_lies_in_its_segment(position, name):
    assert segment_of(1, position) == name


@pytest.mark.slow
def test_a_copy_with_one_changed_byte_does_not_verify(platform):
    server, kept = platform
    time.sleep(1.1)
    made = make_backup(server, kept)
    data = kept / "base" / made.name / "data"
    assert verify_copy(data) == []
    victim = data / "base" / "1" / "PG_VERSION"
    victim.write_text("19\n")
    assert verify_copy(data) == ["base/1/PG_VERSION differs"]


def packed(*members):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as made:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, "/etc/passwd", 3 * (kind == tarfile.REGTYPE)
            made.addfile(member, io.BytesIO(b"key"))
    return archive.getvalue()


def test_keys_are_laid_back_readable_by_their_owner_only(tmp_path):
    unpack_keys(packed(("secrets/a", tarfile.REGTYPE), ("postgres/b", tarfile.REGTYPE)), tmp_path)

    assert (tmp_path / "secrets/a").read_text() == (tmp_path / "postgres/b").read_text() == "key"
    assert (tmp_path / "secrets/a").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../outside", tarfile.REGTYPE),
        ("/outside", tarfile.REGTYPE),
        ("secrets/..", tarfile.REGTYPE),
        ("secrets/deeper/a", tarfile.REGTYPE),
        ("elsewhere/a", tarfile.REGTYPE),
        ("secrets/a", tarfile.SYMTYPE),
        ("secrets/a", tarfile.LNKTYPE),
        ("secrets", tarfile.DIRTYPE),
    ],
)
def test_an_archive_with_anything_but_keys_lays_nothing(tmp_path, name, kind):
    with pytest.raises(Trouble, match=r"do(es)? not belong"):
        unpack_keys(packed(("secrets/first", tarfile.REGTYPE), (name, kind)), tmp_path / "var")

    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_no_half_backup_and_is_said_in_a_sentence(platform, monkeypatch, capsys):
    server, kept = platform

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device", "photo.jpg")

    before = sorted(path.name for path in (kept / "base").glob("*"))
    monkeypatch.setattr(backups, "mirror", full)
    monkeypatch.setattr(keeping, "EmbeddedServer", lambda: server)
    assert main(["backup", "--folder", str(kept)]) == 1
    assert "磁盘已满：photo.jpg" in capsys.readouterr().out
    assert sorted(path.name for path in (kept / "base").glob("*")) == before
    assert server.is_ready()


@pytest.mark.slow
def test_a_failed_backup_elsewhere_leaves_the_log_going_where_it_went(platform, monkeypatch):
    server, kept = platform
    make_backup(server, kept)
    with folder() as elsewhere:
        monkeypatch.setattr(
            backups, "mirror", lambda *_args: (_ for _ in ()).throw(OSError(errno.EIO, "torn"))
        )
        with pytest.raises(OSError, match="torn"):
            make_backup(server, elsewhere)
        assert server.archive_folder() == kept / "wal"
        server.archive_nowhere()
        with pytest.raises(OSError, match="torn"):
            make_backup(server, elsewhere)
        assert server.archive_folder() is None
        with psycopg.connect(server.urls()["admin"]) as admin:
            assert admin.execute("SHOW archive_command").fetchone() == ("true",)


@pytest.mark.slow
def test_a_backup_of_a_stopped_database_stops_it_again(fresh_server, monkeypatch):
    fresh_server.start()
    fresh_server.stop()
    monkeypatch.setattr(keeping, "EmbeddedServer", lambda: fresh_server)
    monkeypatch.setattr(processes, "VAR", fresh_server.root.parent)
    with folder() as kept:
        assert main(["backup", "--folder", str(kept)]) == 0
        assert len(backups_in(kept)) == 1
    assert fresh_server.pid() is None


@pytest.mark.parametrize("command", ["backup", "drill"])
def test_a_database_left_behind_is_not_backed_up_in_place_of_the_real_one(monkeypatch, capsys, command):
    monkeypatch.setenv("DATABASE_URL", "postgresql://yuchang_app@db.example/yuchang")
    monkeypatch.setattr(keeping, "EmbeddedServer", lambda: pytest.fail("it was touched"))
    assert main([command]) == 1
    assert "只备份内嵌数据库" in capsys.readouterr().out


def test_what_the_machine_refuses_is_a_sentence_that_names_the_place():
    said = as_trouble(PermissionError(errno.EACCES, "Permission denied", "/srv/x"))
    assert "没有 /srv/x 的权限" in said.zh
    assert "could not be done" in as_trouble(OSError(errno.EIO, "I/O error")).args[0]
