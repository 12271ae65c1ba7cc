"""Test databases: cloned from one migrated template, used under the application's role.

The tests' connection signs in as the administrator and at once takes the application's role, so
that grants are proven by every test, and a test may step into another role (``as_role``).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase

from config.environment import ROOT, database_url, parse_database_url

# The demo county 成县, its neighbour 文县 in the same prefecture, and 秦安县 next door.
TEST_AREAS = ("621221", "621222", "620522")
REFERENCE_TABLES = ("places_", "django_", "auth_", "exchange_category")


def _options(role: str) -> str:
    return f"-c role=yuchang_{role} -c synchronous_commit=off"


def _point_at(name: str, role: str) -> None:
    connection.close()
    connection.settings_dict.update(parse_database_url(database_url("admin")) | {"NAME": name})
    for key, value in {"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "TIME_ZONE": None}.items():
        connection.settings_dict[key] = value
    connection.settings_dict["CONN_MAX_AGE"] = 0
    connection.settings_dict["CONN_HEALTH_CHECKS"] = False
    connection.settings_dict["OPTIONS"] = {"options": _options(role)}


def _template_key() -> str:
    digest = hashlib.sha256(repr(TEST_AREAS).encode())
    paths = sorted([*ROOT.glob("yuchang/*/migrations/*.py"), *ROOT.glob("yuchang/places/load*.py")])
    paths += sorted((ROOT / "reference").rglob("*"))
    for path in paths:
        if path.is_file():
            digest.update(path.name.encode() + str(path.stat().st_size).encode())
            if path.suffix == ".py":
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _prepare_template(admin: psycopg.Connection[Any]) -> str:
    name = f"yc_tpl_{_template_key()}"
    admin.execute("SELECT pg_advisory_lock(815)")
    try:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname=%s", [name]).fetchone():
            return name
        draft = f"{name}_draft"
        admin.execute(f'DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{draft}" OWNER yuchang_owner')
        info = psycopg.conninfo.conninfo_to_dict(database_url("admin"))
        with psycopg.connect(**(info | {"dbname": draft}), autocommit=True) as inside:
            from yuchang.supervisor.provision import prepare_schema

            prepare_schema(inside)
        _point_at(draft, "owner")
        call_command("migrate", verbosity=0)
        from yuchang.places.loading import load_divisions

        load_divisions(areas=TEST_AREAS)
        connection.close()
        admin.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
        return name
    finally:
        admin.execute("SELECT pg_advisory_unlock(815)")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"yc_test_{os.environ.get('YUCHANG_TEST_DB', 'main')}_{worker}_{os.getpid()}"
    with psycopg.connect(database_url("admin"), autocommit=True) as admin, django_db_blocker.unblock():
        template = _prepare_template(admin)
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        _point_at(name, "app")
        yield
        connection.close()
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _truncate_as_owner(self: Any) -> None:
    """After a test that commits: empty every table but the places, as the owner."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'")
        tables = [t for (t,) in cursor.fetchall() if not t.startswith(REFERENCE_TABLES)]
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        cursor.execute("SET ROLE yuchang_app")


TransactionTestCase._fixture_teardown = _truncate_as_owner  # type: ignore[method-assign]


@pytest.fixture
def as_role(db: None) -> Callable[[str], Any]:
    """``with as_role("portal"):`` runs what follows under another database role."""

    @contextmanager
    def switch(role: str) -> Iterator[None]:
        assert re.fullmatch(r"owner|app|portal", role)
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE yuchang_{role}")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SET ROLE yuchang_app")

    return switch


@pytest.fixture(autouse=True)
def _plain_surroundings(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.SNAPSHOT_DIR = tmp_path / "snapshots"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
