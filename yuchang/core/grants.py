"""Migration operations for what the application's database roles may do.

Migrations run as the owner. The application role gets SELECT, INSERT, UPDATE and DELETE on every
table by default privileges; the operations here take away or give.
"""

from __future__ import annotations

from django.db.migrations.operations import RunSQL

OWNER = "yuchang_owner"
APP = "yuchang_app"
PORTAL = "yuchang_portal"


def append_only(table: str) -> RunSQL:
    """The application may read and insert, never change or remove."""
    return RunSQL(
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP}",
        f"GRANT UPDATE, DELETE ON {table} TO {APP}",
    )


def portal_reads(table: str) -> RunSQL:
    """The public zone may read this published table."""
    return RunSQL(f"GRANT SELECT ON {table} TO {PORTAL}", f"REVOKE SELECT ON {table} FROM {PORTAL}")  # noqa: S608


def portal_inserts(table: str, sequence: str | None = None) -> RunSQL:
    """The public zone may add to this intake table, and read nothing of it."""
    sequence = sequence or f"{table}_id_seq"
    return RunSQL(
        f"GRANT INSERT ON {table} TO {PORTAL}; GRANT USAGE ON SEQUENCE {sequence} TO {PORTAL}",
        f"REVOKE INSERT ON {table} FROM {PORTAL}; REVOKE USAGE ON SEQUENCE {sequence} FROM {PORTAL}",
    )
