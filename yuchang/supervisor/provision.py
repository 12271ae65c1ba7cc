"""Roles, database and schema rights on a PostgreSQL server. Run by an administrator, once, and again at will.

Four kinds of sign-in keep each other in check: the administrator makes the rest; the owner owns the
tables and runs migrations; the application reads and writes rows; the portal sees what is published.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from yuchang.supervisor.words import Trouble

OWNER, APP, PORTAL = "yuchang_owner", "yuchang_app", "yuchang_portal"
ROLES = {"owner": OWNER, "app": APP, "portal": PORTAL}
OLDEST_VERSION = 15
DATABASE = "yuchang"
# How many sessions each role may hold at once; with the administrator's they stay below MAX_CONNECTIONS.
CONNECTION_LIMITS = {"owner": 10, "app": 60, "portal": 20}
MAX_CONNECTIONS = 120
_ENVIRONMENT = {"owner": "DATABASE_OWNER_URL", "app": "DATABASE_URL", "portal": "DATABASE_PORTAL_URL"}
# A forgotten open transaction would hold up the order of the audit log.
_SETTINGS = {
    "app": {"idle_in_transaction_session_timeout": "15min"},
    "portal": {"idle_in_transaction_session_timeout": "1min", "statement_timeout": "30s"},
}


def random_passwords() -> dict[str, str]:
    """A fresh password for each of the three roles."""
    return {role: secrets.token_urlsafe(24) for role in ROLES}


def fresh_passwords() -> dict[str, str]:
    """Random passwords for the three roles, except those the environment's addresses already name."""
    found = random_passwords()
    for role, name in _ENVIRONMENT.items():
        given = urlsplit(os.environ.get(name, ""))
        if unquote(given.username or "") == ROLES[role] and given.password:
            found[role] = unquote(given.password)
    return found


def provision(admin_url: str, passwords: Mapping[str, str], database: str = DATABASE) -> dict[str, str]:
    """Make or mend roles, database and rights. Returns the address of each role and of the administrator.

    Safe to repeat. Raises Trouble for a server that is too old or an administrator without the rights.
    """
    with psycopg.connect(admin_url, autocommit=True) as admin:
        check_version(admin)
        try:
            for role, name in ROLES.items():
                _make_role(admin, role, name, passwords[role])
            _make_database(admin, database)
        except psycopg.errors.InsufficientPrivilege as error:
            raise Trouble(
                f"管理员账户权限不足：{error.diag.message_primary}",
                f"The administrator's account lacks rights: {error.diag.message_primary}",
            ) from error
    urls = {role: replace_url(admin_url, database, name, passwords[role]) for role, name in ROLES.items()}
    urls["admin"] = replace_url(admin_url, database)
    with psycopg.connect(urls["admin"], autocommit=True) as inside:
        prepare_schema(inside)
    return urls


def check_version(connection: psycopg.Connection[Any]) -> None:
    """Raises Trouble for a server older than 15."""
    major = connection.info.server_version // 10_000
    if major < OLDEST_VERSION:
        raise Trouble(
            f"PostgreSQL 版本为 {major}，需要 {OLDEST_VERSION} 或更新版本。",
            f"PostgreSQL is version {major}; {OLDEST_VERSION} or newer is needed.",
        )


def _make_role(admin: psycopg.Connection[Any], role: str, name: str, password: str) -> None:
    identifier = sql.Identifier(name)
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        admin.execute(sql.SQL("CREATE ROLE {}").format(identifier))
    # The server gets the SCRAM verifier, never the password itself: it could end in a log.
    verifier = admin.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    plain = sql.SQL("ALTER ROLE {} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT {} PASSWORD {}")
    admin.execute(plain.format(identifier, sql.Literal(CONNECTION_LIMITS[role]), sql.Literal(verifier)))
    if _is_superuser(admin):
        admin.execute(sql.SQL("ALTER ROLE {} NOSUPERUSER NOREPLICATION NOBYPASSRLS").format(identifier))
    elif role == "owner":
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(identifier))
    for setting, value in _SETTINGS.get(role, {}).items():
        change = sql.SQL("ALTER ROLE {} SET {} = {}")
        admin.execute(change.format(identifier, sql.Identifier(setting), sql.Literal(value)))


def _is_superuser(admin: psycopg.Connection[Any]) -> bool:
    return admin.info.parameter_status("is_superuser") == "on"


def _make_database(admin: psycopg.Connection[Any], database: str) -> None:
    name = sql.Identifier(database)
    found = admin.execute(
        "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    if found and found[0] != "UTF8":
        raise Trouble(
            f"数据库 {database} 的编码是 {found[0]}，需要 UTF8。",
            f"The database {database} is encoded in {found[0]}; UTF8 is needed.",
        )
    if not found:
        _create_database(admin, name)
    for text in (
        "REVOKE ALL ON DATABASE {0} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {0} TO {1}, {2}",
        "GRANT CONNECT ON DATABASE {0} TO {3}",
    ):
        parts = (name, *(sql.Identifier(role) for role in (OWNER, APP, PORTAL)))
        admin.execute(sql.SQL(text).format(*parts))


def _create_database(admin: psycopg.Connection[Any], name: sql.Identifier) -> None:
    """Sorted by code point everywhere, so that two servers agree on every order."""
    locales = ["LOCALE 'C.UTF-8'", "LOCALE 'C'"]
    if admin.info.server_version >= 170_000:
        locales.insert(0, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'")
    head = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' ").format(
        name, sql.Identifier(OWNER)
    )
    for locale in locales:
        try:
            admin.execute(head + sql.SQL(locale))
            return
        except (psycopg.errors.WrongObjectType, psycopg.errors.InvalidParameterValue):
            continue
    admin.execute(head)


def prepare_schema(connection: psycopg.Connection[Any]) -> None:
    """Give the owner the schema, and the application its default rights on what the owner will create.

    Needs an administrator's connection to the application's database. Safe to repeat.
    """
    defaults = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public"
    for statement in (
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"ALTER SCHEMA public OWNER TO {OWNER}",
        f"GRANT USAGE ON SCHEMA public TO {APP}, {PORTAL}",
        f"{defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP}",
        f"{defaults} GRANT USAGE, SELECT ON SEQUENCES TO {APP}",
    ):
        connection.execute(statement)


def replace_url(url: str, database: str, user: str | None = None, password: str | None = None) -> str:
    """The same server, another database and perhaps another role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    if user is None:
        signed_in = parts.netloc.rpartition("@")[0]
    else:
        signed_in = f"{quote(user, safe='')}:{quote(password or '', safe='')}"
    query = [(k, v) for k, v in parse_qsl(parts.query) if k not in ("user", "password", "dbname")]
    netloc = f"{signed_in}@{place}" if signed_in else place
    return urlunsplit(("postgresql", netloc, f"/{quote(database)}", urlencode(query), ""))


def as_shell(urls: Mapping[str, str]) -> str:
    """The addresses as lines for an environment file."""
    names = {**_ENVIRONMENT, "admin": "DATABASE_ADMIN_URL"}
    return "\n".join(f"{names[role]}='{url}'" for role, url in urls.items())
