# ruff: noqa: E501 - statements read better in whole lines
"""The official workbook as a kind of import: how its staged households are written and retired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.registry import layout, rules
from yuchang.registry.actions.cases import take_back_verification
from yuchang.registry.actions.store import Origin, run, store
from yuchang.registry.actions.undo import undo_import
from yuchang.registry.judging import judge
from yuchang.registry.models import Source
from yuchang.sheets.kinds import Column, Group, Report, Row
from yuchang.sheets.models import ImportBatch

HOUSEHOLD_WORKBOOK = "registry.households"

_SOURCE = """
SELECT r.group_number, r.content FROM sheets_stagedrow r
JOIN sheets_stagedgroup g ON g.batch_id = r.batch_id AND g.number = r.group_number
WHERE r.batch_id = %(batch)s AND r.group_number BETWEEN %(first)s AND %(last)s
  AND g.outcome = '' AND g.plan IN ('created', 'changed')
"""

# The register may have moved on between check and confirmation. The people of the portion are laid out first,
# with statistics of their own: correlated lookups went wrong by minutes where the register was filled just now.
_SKIP = """
CREATE TEMPORARY TABLE arriving ON COMMIT DROP AS
SELECT g.number AS group_number, g.object_id, r.content -> 'member' ->> 'number' AS person,
    decode(r.content -> 'member' ->> 'id_blind', 'hex') AS id_blind
FROM sheets_stagedgroup g JOIN sheets_stagedrow r ON r.batch_id = g.batch_id AND r.group_number = g.number
WHERE g.batch_id = %(batch)s AND g.number BETWEEN %(first)s AND %(last)s AND g.outcome = ''
  AND g.state <> 'rejected';
ANALYZE arriving;
CREATE TEMPORARY TABLE overtaken ON COMMIT DROP AS
SELECT g.id, g.number FROM sheets_stagedgroup g
WHERE g.batch_id = %(batch)s AND g.number BETWEEN %(first)s AND %(last)s AND g.outcome = ''
  AND g.state <> 'rejected' AND (
    (g.plan = 'created' AND EXISTS (SELECT 1 FROM registry_household h WHERE h.number = g.key))
    OR (g.plan <> 'created' AND NOT EXISTS (
        SELECT 1 FROM registry_household h WHERE h.id = g.object_id AND h.version = g.object_version
          AND h.state NOT IN ('removed', 'noticed')))
    OR g.number IN (
        SELECT a.group_number FROM arriving a JOIN registry_member m ON m.id_blind = a.id_blind
        WHERE m.left_on IS NULL AND m.household_id IS DISTINCT FROM a.object_id)
    OR g.number IN (
        SELECT a.group_number FROM arriving a JOIN registry_member m ON m.number = a.person
        WHERE m.left_on IS NULL AND m.household_id IS DISTINCT FROM a.object_id));
INSERT INTO sheets_finding (batch_id, group_number, "row", "column", field, level, code, arguments)
SELECT %(batch)s, o.number, coalesce((SELECT min(r."row") FROM sheets_stagedrow r
    WHERE r.batch_id = %(batch)s AND r.group_number = o.number), 0), NULL, '', 'rejected', 'changed_since_check', '{}'
FROM overtaken o;
UPDATE sheets_stagedgroup g SET outcome = 'skipped' FROM overtaken o WHERE g.id = o.id;
UPDATE sheets_stagedgroup g SET outcome = 'unchanged'
WHERE g.batch_id = %(batch)s AND g.number BETWEEN %(first)s AND %(last)s AND g.outcome = '' AND g.plan = 'unchanged'
  AND g.state <> 'rejected';
"""

_OUTCOMES = """
UPDATE sheets_stagedgroup g SET outcome = CASE WHEN i.is_new THEN 'created' ELSE 'changed' END,
    object_id = i.id, object_version = h.version
FROM incoming_household i JOIN registry_household h ON h.id = i.id
WHERE g.batch_id = %(batch)s AND g.number = i.group_number;
"""

_AUDIT = """
SELECT i.id::text, i.place_id, jsonb_build_object('number', i.number, 'import', %s::bigint,
    'as', CASE WHEN i.is_new THEN 'created' ELSE 'changed' END) FROM incoming_household i
"""


class HouseholdWorkbook:
    """The official 26-column workbook of households and members."""

    name = HOUSEHOLD_WORKBOOK
    permission = "registry.import"
    columns: Sequence[Column] = layout.COLUMNS

    @property
    def title(self) -> str:
        return _("建档立卡 26 列台账")

    def message(self, code: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """The words of a finding."""
        _level, message, remedy = layout.MESSAGES.get(code) or rules.MESSAGES[code]
        return _(message) % arguments if arguments else _(message), _(remedy) % arguments

    def check(
        self, *, actor: Actor, batch: ImportBatch, rows: Sequence[Row], report: Report
    ) -> Iterator[Group]:
        """Judge every household (``registry.judging``)."""
        mapped = frozenset(batch.mapping["columns"])
        return judge(
            actor=actor, area=batch.place, on=batch.observed_on, rows=rows, mapped=mapped, report=report
        )

    def write(self, *, actor: Actor, batch: ImportBatch, first: int, last: int) -> None:
        """Write the households of a portion that nothing has overtaken since the check."""
        span: dict[str, Any] = {"batch": batch.pk, "first": first, "last": last}
        with write("registry.import_households", actor) as audit:
            run("DROP TABLE IF EXISTS pg_temp.overtaken, pg_temp.arriving;\n" + _SKIP, span)
            now = clock.now()
            origin = Origin(actor.user_id, Source.WORKBOOK, batch.observed_on, now, batch.pk)
            store(_SOURCE, span, origin)
            run(_OUTCOMES, span)
            take_back_verification(actor)
            audit.add_bulk("household", _AUDIT, [batch.pk])

    def undo(self, *, actor: Actor, batch: ImportBatch) -> int:
        """Strike off what was created, put back what was changed (``registry.actions.undo``)."""
        return undo_import(actor=actor, batch=batch)


KIND = HouseholdWorkbook()
