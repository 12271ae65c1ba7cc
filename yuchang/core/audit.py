"""The append-only audit log: entries are written in the action's own transaction.

An entry's ``body`` is the exact text that is hashed (RFC 6962 leaf: SHA-256 of 0x00 and the
UTF-8 text). Order, tree and signed checkpoints are made later by the sequencer
(``core.sequencer``), so that writers never wait for one hot row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connection
from django.utils import timezone


class Author(Protocol):
    """Who writes. ``accounts.rules.Actor`` is the usual one."""

    @property
    def user_id(self) -> int | None: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Draft:
    """One entry before it is stored."""

    action: str
    kind: str
    object_id: str
    place_id: int | None
    details: dict[str, Any]


def leaf_hash(body: str) -> bytes:
    """The RFC 6962 hash of one entry."""
    return hashlib.sha256(b"\x00" + body.encode()).digest()


def _body(actor: Author, draft: Draft, at: str) -> str:
    return json.dumps(
        {
            "at": at,
            "actor_id": actor.user_id,
            "actor": actor.name,
            "action": draft.action,
            "kind": draft.kind,
            "object_id": draft.object_id,
            "place_id": draft.place_id,
            "details": draft.details,
        },
        ensure_ascii=False,
        sort_keys=True,
        default=str,
    )


_INSERT = """
    INSERT INTO core_auditentry
        (at, actor_id, actor_name, action, object_kind, object_id, place_id, body, leaf_hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def insert(actor: Author, drafts: Sequence[Draft]) -> None:
    """Store the entries of one action in the current transaction."""
    at = timezone.now()
    rows = []
    for draft in drafts:
        body = _body(actor, draft, at.isoformat())
        object_ = (draft.kind, draft.object_id, draft.place_id)
        rows.append((at, actor.user_id, actor.name, draft.action, *object_, body, leaf_hash(body)))
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


def insert_set(action: str, actor: Author, kind: str, select_sql: str, params: Any = ()) -> int:
    """Store one entry per row of ``select_sql`` (object_id text, place_id bigint, details jsonb), set-wise.

    Returns the number of entries stored.
    """
    # The text is what jsonb makes of the whole (shorter keys first); what all share is written once.
    sql = f"""
        INSERT INTO core_auditentry
            (at, actor_id, actor_name, action, object_kind, object_id, place_id, body, leaf_hash)
        SELECT b.at, %s, %s, %s, %s, b.object_id, b.place_id, b.body,
               sha256('\\x00'::bytea || convert_to(b.body, 'UTF8'))
        FROM (SELECT s.object_id, s.place_id, t.at,
                     t.head || coalesce(s.details::text, 'null') || t.writer
                     || coalesce(s.place_id::text, 'null') || ', "object_id": '
                     || coalesce(to_json(s.object_id)::text, 'null') || '}}' AS body
              FROM ({select_sql}) AS s(object_id, place_id, details),
                   (SELECT n.at, rtrim(jsonb_build_object('at', n.at, 'kind', %s::text, 'actor', %s::text,
                        'action', %s::text)::text, '}}') || ', "details": ' AS head,
                        ', "actor_id": ' || coalesce(%s::bigint::text, 'null') || ', "place_id": ' AS writer
                    FROM (SELECT clock_timestamp() AS at) AS n OFFSET 0) AS t) AS b
    """  # noqa: S608 - select_sql is written by our own actions, never by a user
    head = [actor.user_id, actor.name, action, kind]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*head, *params, kind, actor.name, action, actor.user_id])
        return int(cursor.rowcount)
