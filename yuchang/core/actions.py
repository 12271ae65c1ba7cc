"""Every write: one named action = permission + validation + write + audit, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from yuchang.core import audit, sendings
from yuchang.core.errors import Stale
from yuchang.core.once import forget


class Recorder:
    """Collects the audit entries of one action."""

    def __init__(self, action: str, actor: audit.Author) -> None:
        self.action = action
        self.actor = actor
        self.entries: list[audit.Draft] = []
        self.is_bulk_recorded = False

    def add(self, kind: str, object_id: int | str, *, place_id: int | None = None, **details: Any) -> None:
        """Note that ``kind`` number ``object_id`` was written. ``details`` hold no secret in the clear."""
        self.entries.append(audit.Draft(self.action, kind, str(object_id), place_id, details))

    def add_bulk(self, kind: str, select_sql: str, params: Any = ()) -> int:
        """Per-object entries for a set-wise write.

        ``select_sql`` yields (object_id text, place_id bigint, details jsonb). Returns the number of entries.
        """
        self.is_bulk_recorded = True
        return audit.insert_set(self.action, self.actor, kind, select_sql, params)


@contextmanager
def write(action: str, actor: audit.Author) -> Iterator[Recorder]:
    """The transaction of one named action.

    On leaving, the collected entries are inserted into the audit log; an action that wrote none
    is a mistake of ours and is rolled back (RuntimeError). A form that was written before under its
    number is refused (Conflict, see ``core.sendings``).
    """
    try:
        with transaction.atomic(), sendings.noted():
            recorder = Recorder(action, actor)
            yield recorder
            if not recorder.entries and not recorder.is_bulk_recorded:
                raise RuntimeError(f"action {action} left no audit entry")
            if recorder.entries:
                audit.insert(actor, recorder.entries)
    finally:
        forget()


def check_version(row: Any, version: int | None) -> None:
    """Refuse a write that read an older version. Raises Stale (409)."""
    if version is None:
        raise Stale(_("没有说明所依据的版本。"), remedy=_("请刷新页面后重试。"))
    if int(version) != row.version:
        raise Stale(
            _("这条记录在您打开之后已被他人修改（您读到第 %(read)s 版，现为第 %(now)s 版）。")
            % {"read": version, "now": row.version},
            remedy=_("请刷新页面，核对新内容后再提交。"),
        )


def save(row: Any) -> None:
    """Store a changed row under its next version. The caller has locked it and checked the version."""
    row.version += 1
    row.save()
