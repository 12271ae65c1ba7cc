"""A database of the release before is brought to this one: nothing is lost, nobody waits long.

``release_0_1_0.sql.gz`` is that release's schema with one of each thing in two counties, all simulated.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from config.environment import ROOT, database_url
from tests.databases import own_name
from yuchang.supervisor.doctor import check_rights
from yuchang.supervisor.moving import clear_defaults
from yuchang.supervisor.provision import prepare_schema, replace_url

RELEASES = sorted(Path(__file__).parent.glob("release_*.sql.gz"))
LONGEST_WAIT = 5.0
# Tables that may change: Django's own lists grow; derived ones are counted anew.
DERIVED = {"django_migrations", "django_content_type", "auth_permission", "core_tally"}
# Lists that a release may lengthen and word anew.
LISTS = ("exchange_category",)
# Tables of an older release that are gone, and where a migration brought their rows.
MOVED: dict[str, str] = {}


@pytest.fixture(params=RELEASES, ids=lambda path: path.name.split(".")[0])
def old(request: pytest.FixtureRequest) -> Iterator[str]:
    """An administrator's address of a database as the older release left it."""
    name = own_name("yc_upgrade")
    with psycopg.connect(database_url("admin"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER yuchang_owner").format(sql.Identifier(name)))
        url = replace_url(database_url("admin"), name)
        try:
            with psycopg.connect(url, autocommit=True) as inside:
                prepare_schema(inside)
                clear_defaults(url)
                inside.execute("SET ROLE yuchang_owner")
                inside.execute(gzip.decompress(request.param.read_bytes()))  # type: ignore[arg-type]
                inside.execute("RESET ROLE")
                prepare_schema(inside)
            yield url
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def columns(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    rows = connection.execute(
        "SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns"
        " JOIN pg_tables t ON t.schemaname = table_schema AND t.tablename = table_name"
        " WHERE table_schema = 'public' GROUP BY 1"
    )
    return {name: found for name, found in rows if name not in DERIVED}


def content(connection: psycopg.Connection[Any], table: str, names: list[str]) -> tuple[int, str]:
    """Rows and hash over these columns; without what the set-up itself notes in the log."""
    question = sql.SQL(
        "SELECT count(*), coalesce(sum(hashtextextended(row({})::text, 0)::numeric), 0)::text FROM {}"
    )
    end = sql.SQL(" WHERE action <> 'procedures.sync_definitions'" if table == "core_auditentry" else "")
    fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names)
    rows, total = connection.execute(question.format(fields, sql.Identifier(table)) + end).fetchone() or (
        0,
        "",
    )
    return int(rows), str(total)


class Reader(threading.Thread):
    """Reads and writes what everybody needs while the migration runs; remembers the longest wait."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.longest, self.done = url, 0.0, threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as session:
            while not self.done.wait(0.01):
                started = time.monotonic()
                session.execute("SELECT id FROM registry_household ORDER BY id LIMIT 1")
                session.execute("SELECT id FROM accounts_user ORDER BY id LIMIT 1")
                session.execute("SELECT id FROM core_auditentry ORDER BY id LIMIT 1")
                self.longest = max(self.longest, time.monotonic() - started)


def migrate(url: str) -> str:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    environment = os.environ | {"YUCHANG_DB_ROLE": "owner", "PYTHONPATH": str(ROOT)}
    environment["DATABASE_OWNER_URL"] = replace_url(database_url("owner"), str(name))
    command = [sys.executable, str(ROOT / "manage.py"), "upgrade_schema", "--skip-checks", "-v", "1"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.nightly
def test_every_row_of_the_release_before_is_still_there_and_readers_wait_no_longer_than_promised(
    old: str,
) -> None:
    with psycopg.connect(old, autocommit=True) as admin:
        before = columns(admin)
        kept = {table: content(admin, table, names) for table, names in before.items()}
    assert sum(rows for rows, _hash in kept.values()) > 500
    reader = Reader(old)
    reader.start()
    try:
        migrate(old)
    finally:
        reader.done.set()
        reader.join()
    print(f"longest wait of a reader while migrating: {reader.longest:.2f} s")
    assert reader.longest <= LONGEST_WAIT
    with psycopg.connect(old, autocommit=True) as admin:
        now = columns(admin)
        gone = {t for t in before.keys() - now.keys() if kept[t][0]} - MOVED.keys()
        assert gone == set()
        changed = {
            table: (kept[table][0], content(admin, table, names)[0], sorted(set(names) - set(now[table])))
            for table, names in before.items()
            if table in now and table not in LISTS
            if set(names) - set(now[table]) or content(admin, table, names) != kept[table]
        }
    assert changed == {}
    with psycopg.connect(old, autocommit=True) as admin:
        assert all(content(admin, table, before[table])[0] >= kept[table][0] for table in LISTS)
    check_roles(old)


def check_roles(url: str) -> None:
    """After the upgrade the application has its rights and no more."""
    name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    for role in ("app", "portal"):
        with psycopg.connect(replace_url(database_url(role), name), autocommit=True) as session:
            findings = list(check_rights(session, role))
            assert [finding.en for finding in findings if finding.level == "bad"] == []
