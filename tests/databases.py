"""Databases for tests and benches: clones of one migrated template, used under the application's role."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection, transaction

from config.environment import PLANNING, ROOT, database_url, parse_database_url
from yuchang.core.secrets import forget_keys
from yuchang.places.loading import load_divisions
from yuchang.supervisor.provision import prepare_schema

# The demo county 成县, its neighbour 文县 in the same prefecture, and 秦安县 next door.
TEST_AREAS = ("621221", "621222", "620522")
REFERENCE_TABLES = ("places_", "django_", "auth_", "exchange_category")


def _options(role: str) -> str:
    return f"-c role=yuchang_{role} -c synchronous_commit=off {PLANNING}"


def point_at(name: str, role: str) -> None:
    """Turn Django's connection to another database, as another role."""
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
            prepare_schema(inside)
        point_at(draft, "owner")
        call_command("migrate", verbosity=0)
        load_divisions(areas=TEST_AREAS)
        connection.close()
        admin.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
        return name
    finally:
        admin.execute("SELECT pg_advisory_unlock(815)")


@contextmanager
def cloned(name: str) -> Iterator[None]:
    """Django's connection stands on a fresh clone of the template while inside; the clone is dropped after."""
    with psycopg.connect(database_url("admin"), autocommit=True) as admin:
        template = _prepare_template(admin)
        with _copy(admin, template, name):
            point_at(name, "app")
            try:
                yield
            finally:
                connection.close()


@contextmanager
def kept(name: str) -> Iterator[None]:
    """Django's connection stands on a database that stays: a clone made once, brought up to date after."""
    with psycopg.connect(database_url("admin"), autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{_prepare_template(admin)}"')
    point_at(name, "owner")
    call_command("migrate", verbosity=0)
    point_at(name, "app")
    try:
        yield
    finally:
        connection.close()


@contextmanager
def second_database(name: str) -> Iterator[str]:
    """Another fresh clone beside the tests' own, to which nothing is turned; dropped after."""
    admin = psycopg.connect(database_url("admin"), autocommit=True)
    with admin, _copy(admin, f"yc_tpl_{_template_key()}", name):
        yield name


@contextmanager
def _copy(admin: psycopg.Connection[Any], template: str, name: str) -> Iterator[None]:
    admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield
    finally:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def own_name(prefix: str) -> str:
    """A database name that no other process uses."""
    return f"{prefix}_{os.environ.get('YUCHANG_TEST_DB', 'main')}_{os.getpid()}"


# Deleting a few rows is far cheaper than new files for a table and its indexes; many rows leave too much dead.
_FEW_BYTES = 512 * 1024
_USED_TABLES = """
SELECT c.relname, pg_relation_size(c.oid) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0
"""
_RESTART_COUNTS = """
SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL AND NOT sequencename ~ %s
"""


def empty_tables() -> None:
    """After tests that commit: empty every table but the places, and count from one again."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute(_USED_TABLES)
        used = [(t, size) for t, size in cursor.fetchall() if not t.startswith(REFERENCE_TABLES)]
        if big := [table for table, size in used if size >= _FEW_BYTES]:
            cursor.execute(f"TRUNCATE {', '.join(big)} RESTART IDENTITY CASCADE")
        with transaction.atomic():
            cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers, no order of tables
            for table, size in used:
                if size < _FEW_BYTES:
                    cursor.execute(f"DELETE FROM {table}")
        cursor.execute(_RESTART_COUNTS, ["^(" + "|".join(REFERENCE_TABLES) + ")"])
        cursor.execute("SET ROLE yuchang_app")
    forget_keys()
