# ruff: noqa: E501, S608 - statements read better in whole lines; the names in them are our own
"""Undo of an import: rows are retired or put back under a new version; nothing is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict
from yuchang.registry.actions.cases import drop_verification
from yuchang.registry.actions.store import HOUSEHOLD_COLUMNS, MEMBER_COLUMNS, run
from yuchang.registry.models import Source
from yuchang.sheets.models import ImportBatch


def undo_import(*, actor: Actor, batch: ImportBatch) -> int:
    """Retire what a batch wrote, in the open transaction. Raises Conflict when something was built on it."""
    _refuse_if_built_on(batch)
    parameters: dict[str, Any] = {
        "batch": batch.pk,
        "actor": actor.user_id,
        "on": batch.observed_on,
        "now": clock.now(),
        "today": clock.today(),
        "source": Source.UNDO.value,
        "reason": f"import {batch.pk} undone",
    }
    with write("registry.undo_import", actor) as audit:
        for statement in _STATEMENTS:
            run(statement, parameters)
        touched = batch.groups.filter(outcome__in=["created", "changed"])
        ids = [pk for pk in touched.values_list("object_id", flat=True) if pk is not None]
        drop_verification(actor, ids, parameters["reason"])
        return audit.add_bulk("household", _AUDIT, [batch.pk])


_BUILT_ON = """
SELECT h.number FROM sheets_stagedgroup g JOIN registry_household h ON h.id = g.object_id
WHERE g.batch_id = %(batch)s AND g.outcome IN ('created', 'changed')
  AND (h.version <> g.object_version OR h.batch_id IS DISTINCT FROM g.batch_id
       OR EXISTS (SELECT 1 FROM registry_householdfacts f WHERE f.household_id = h.id
                  AND f.batch_id IS DISTINCT FROM g.batch_id AND f.recorded_at > h.entered_at)
       OR EXISTS (SELECT 1 FROM registry_resource r WHERE r.household_id = h.id AND r.declared_at > h.entered_at))
ORDER BY g.number LIMIT 1
"""
_REFERENCES = """
SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.confrelid = 'registry_household'::regclass AND c.contype = 'f'
  AND c.conrelid::regclass::text NOT LIKE 'registry\\_%'
ORDER BY 1
"""


def _refuse_if_built_on(batch: ImportBatch) -> None:
    """Refuse when a household was touched since, or a table of any other domain points at a created one."""
    with connection.cursor() as cursor:
        cursor.execute(_BUILT_ON, {"batch": batch.pk})
        found = cursor.fetchone()
        if found is None:
            cursor.execute(_REFERENCES)
            for table, column in cursor.fetchall():
                cursor.execute(
                    f"SELECT h.number FROM {table} t JOIN registry_household h ON h.id = t.{column}"
                    " JOIN sheets_stagedgroup g ON g.object_id = h.id"
                    " WHERE g.batch_id = %s AND g.outcome = 'created' LIMIT 1",
                    [batch.pk],
                )
                found = found or cursor.fetchone()
    if found:
        raise Conflict(
            _("户 %(number)s 在导入之后已有核实、修改或业务记录,不能撤销整批导入。") % {"number": found[0]},
            remedy=_("请逐户更正或注销。"),
        )


_CREATED = "(SELECT object_id FROM sheets_stagedgroup WHERE batch_id = %(batch)s AND outcome = 'created')"
_CHANGED = "(SELECT object_id FROM sheets_stagedgroup WHERE batch_id = %(batch)s AND outcome = 'changed')"
_MEMBER_STATE = (
    *("number", "name", "sex", "birth_on", "relation", "ethnicity", "left_on"),
    *("id_sealed", "id_blind", "id_tail_blind", "phone_sealed", "phone_blind"),
)
_HOUSEHOLD_STATE = (
    *("hamlet", "state", "attribute", "exit_attribute", "exit_year", "size", "head_name", "main_cause"),
    *("search_keys", "content_hash", "entered_by_id", "entered_at", "verified_by_id", "verified_at"),
)


def _restore(table: str, columns: Sequence[str]) -> str:
    """The row as it stood before the batch, under a new version."""
    sets = ", ".join(f"{c} = o.{c}" for c in columns)
    return f"""
UPDATE {table} t SET version = t.version + 1, updated_at = %(now)s, batch_id = NULL, {sets}
FROM (SELECT DISTINCT ON (v.row_id) v.row_id, v.content FROM registry_rowversion v
      WHERE v.table_name = '{table}' AND v.batch_id = %(batch)s ORDER BY v.row_id, v.version) v,
     LATERAL jsonb_populate_record(NULL::{table}, v.content) o
WHERE t.id = v.row_id AND t.batch_id = %(batch)s"""


def _observe_again(table: str, owner: str, columns: Sequence[str], parents: str) -> str:
    """A new observation that says what was known before the batch."""
    names = ", ".join(columns)
    old = ", ".join(f"b.{c}" for c in columns)
    return f"""
INSERT INTO {table} ({owner}, observed_on, recorded_at, recorded_by_id, source, batch_id, {names})
SELECT i.id, %(on)s, %(now)s, %(actor)s, %(source)s, %(batch)s, {old}
FROM (SELECT DISTINCT {owner} AS id FROM {table} WHERE batch_id = %(batch)s AND {owner} IN ({parents})) i,
LATERAL (SELECT f.* FROM {table} f WHERE f.{owner} = i.id AND f.batch_id IS DISTINCT FROM %(batch)s
         AND f.observed_on <= %(on)s ORDER BY f.observed_on DESC, f.id DESC LIMIT 1) b"""


_MEMBERS_OF_CHANGED = f"SELECT id FROM registry_member WHERE household_id IN {_CHANGED}"
_STATEMENTS = (
    # Who came with the batch leaves; the number of the batch goes too, so that nothing below puts them back.
    """UPDATE registry_member m SET left_on = %(today)s, batch_id = NULL, version = m.version + 1, updated_at = %(now)s
WHERE m.batch_id = %(batch)s AND m.left_on IS NULL AND NOT EXISTS (
    SELECT 1 FROM registry_rowversion v
    WHERE v.table_name = 'registry_member' AND v.row_id = m.id AND v.batch_id = %(batch)s)""",
    # The new head steps down before the old one stands up again.
    f"""UPDATE registry_member m SET relation = 'other', version = m.version + 1
WHERE m.relation = 'head' AND m.left_on IS NULL AND m.batch_id = %(batch)s AND m.household_id IN {_CHANGED}""",
    _restore("registry_member", _MEMBER_STATE),
    _restore("registry_household", _HOUSEHOLD_STATE),
    f"""UPDATE registry_cause c SET until_on = %(on)s FROM registry_household h
WHERE h.id IN {_CHANGED} AND c.household_id = h.id AND c.until_on IS NULL
  AND ((c.is_main AND c.code <> h.main_cause) OR (NOT c.is_main AND c.code = h.main_cause))""",
    f"""INSERT INTO registry_cause (household_id, code, is_main, since_on)
SELECT h.id, h.main_cause, true, %(on)s FROM registry_household h WHERE h.id IN {_CHANGED}
  AND NOT EXISTS (SELECT 1 FROM registry_cause c
                  WHERE c.household_id = h.id AND c.until_on IS NULL AND c.is_main)""",
    f"""UPDATE registry_household h SET state = 'removed', version = h.version + 1, updated_at = %(now)s,
    content_hash = NULL, removed_reason = %(reason)s WHERE h.id IN {_CREATED}""",
    _observe_again("registry_householdfacts", "household_id", HOUSEHOLD_COLUMNS, _CHANGED[1:-1]),
    _observe_again("registry_memberfacts", "member_id", MEMBER_COLUMNS, _MEMBERS_OF_CHANGED),
    _observe_again(
        "registry_memberhealth",
        "member_id",
        ["health", "disability_kind", "disability_level"],
        _MEMBERS_OF_CHANGED,
    ),
)
_AUDIT = """
SELECT h.id::text, h.place_id, jsonb_build_object('number', h.number, 'import', g.batch_id, 'was', g.outcome)
FROM sheets_stagedgroup g JOIN registry_household h ON h.id = g.object_id
WHERE g.batch_id = %s AND g.outcome IN ('created', 'changed')
"""
