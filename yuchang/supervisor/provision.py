"""Roles, database and schema rights on a PostgreSQL server. Run by an administrator, once, and again at will."""

from __future__ import annotations

from typing import Any

import psycopg

OWNER, APP, PORTAL = "yuchang_owner", "yuchang_app", "yuchang_portal"


def prepare_schema(connection: psycopg.Connection[Any]) -> None:
    """Give the owner the schema, and the application its default rights on what the owner will create.

    Needs an administrator's connection to the application's database. Safe to repeat.
    """
    for statement in (
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"ALTER SCHEMA public OWNER TO {OWNER}",
        f"GRANT USAGE ON SCHEMA public TO {APP}, {PORTAL}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public "
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP}",
    ):
        connection.execute(statement)  # type: ignore[call-overload]
