"""Reads of the audit log, for auditors. The windows decide who may call them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet

from yuchang.core.models import AuditCheckpoint, AuditEntry, AuditLeaf
from yuchang.core.paging import Page, keyset_page


@dataclass(frozen=True)
class LogState:
    """How far the log is ordered and signed. ``waiting``: entries not yet ordered, up to ``WAITING_MAX``."""

    size: int
    root: str
    signed_at: datetime | None
    key_id: str
    waiting: int


WAITING_MAX = 10_000


def entries_for(
    *, action: str = "", kind: str = "", object_id: str = "", actor: str = ""
) -> QuerySet[AuditEntry]:
    """Audit entries that match every given filter, unordered.

    ``action`` and ``kind`` match exactly; an action ending in a dot (``registry.``) matches a whole
    domain. ``actor`` is a person's number or exact name.
    """
    rows = AuditEntry.objects.all()
    if action:
        # A range instead of LIKE: it can use the index in every locale.
        bounds = (
            Q(action__gte=action, action__lt=action[:-1] + "/") if action.endswith(".") else Q(action=action)
        )
        rows = rows.filter(bounds)
    if kind:
        rows = rows.filter(object_kind=kind)
    if object_id:
        rows = rows.filter(object_id=object_id)
    if actor:
        rows = rows.filter(Q(actor_id=int(actor)) if actor.isdigit() else Q(actor_name=actor))
    return rows


def entries_page(
    cursor: str = "",
    *,
    size: int = 50,
    action: str = "",
    kind: str = "",
    object_id: str = "",
    actor: str = "",
) -> Page[AuditEntry]:
    """One page of matching entries, newest first. Raises Invalid for a cursor that is not ours."""
    rows = entries_for(action=action, kind=kind, object_id=object_id, actor=actor)
    return keyset_page(rows.select_related("leaf"), order=["-id"], cursor=cursor, size=size)


def history_of(kind: str, object_id: int | str) -> QuerySet[AuditEntry]:
    """Everything the log says about one object, oldest first."""
    return AuditEntry.objects.filter(object_kind=kind, object_id=str(object_id)).order_by("id")


def log_state() -> LogState:
    """The last checkpoint, and how many entries wait for the next."""
    last = AuditCheckpoint.objects.order_by("-size").defer("leaves").first()
    if last is None:
        return LogState(0, "", None, "", waiting_count(0))
    return LogState(last.size, bytes(last.root).hex(), last.at, last.key_id, waiting_count(last.horizon))


def waiting_count(horizon: int) -> int:
    """Entries written by transactions from ``horizon`` on that no leaf orders yet."""
    sql = """
        SELECT count(*) FROM (
            SELECT 1 FROM core_auditentry e
            WHERE e.transaction_id >= %s
              AND NOT EXISTS (SELECT 1 FROM core_auditleaf l WHERE l.entry_id = e.id)
            LIMIT %s) AS waiting
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [horizon, WAITING_MAX])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def is_sequenced(entry_id: int) -> bool:
    """Whether the entry has its place in the signed log."""
    return AuditLeaf.objects.filter(entry_id=entry_id).exists()
