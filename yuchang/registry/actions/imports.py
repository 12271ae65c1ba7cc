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
SELECT r.group_number, r.content FROM sheets_stagedrow r JOIN portion g ON g.number = r.group_number
WHERE r.batch_id = %(batch)s AND r.group_number BETWEEN %(first)s AND %(last)s AND g.plan IN ('created', 'changed')
"""

# The register may have moved on between check and confirmation. The portion and its people are laid out first,
# with indexes and statistics of their own: staged rows come and go and the register was filled just now, so
# what the planner believes of either has cost minutes. Now the worst that it can do is read a table once.
_PORTION = """
CREATE TEMPORARY TABLE portion ON COMMIT DROP AS
SELECT g.id, g.number, g.key, g.plan, g.object_id, g.object_version FROM sheets_stagedgroup g
WHERE g.batch_id = %(batch)s AND g.number BETWEEN %(first)s AND %(last)s AND g.outcome = '' AND g.state <> 'rejected';
CREATE UNIQUE INDEX ON portion (id);
CREATE UNIQUE INDEX ON portion (number);
CREATE INDEX ON portion (key);
ANALYZE portion;
CREATE TEMPORARY TABLE arriving ON COMMIT DROP AS
SELECT g.id, g.number, g.object_id, r.content -> 'member' ->> 'number' AS person,
    decode(r.content -> 'member' ->> 'id_blind', 'hex') AS id_blind
FROM sheets_stagedrow r JOIN portion g ON g.number = r.group_number
WHERE r.batch_id = %(batch)s AND r.group_number BETWEEN %(first)s AND %(last)s;
CREATE INDEX ON arriving (person);
CREATE INDEX ON arriving (id_blind);
ANALYZE arriving;
CREATE TEMPORARY TABLE overtaken ON COMMIT DROP AS
SELECT g.id, g.number FROM portion g JOIN registry_household h ON h.number = g.key WHERE g.plan = 'created'
UNION
SELECT g.id, g.number FROM portion g LEFT JOIN registry_household h
    ON h.id = g.object_id AND h.version = g.object_version AND h.state NOT IN ('removed', 'noticed')
WHERE g.plan <> 'created' AND h.id IS NULL
UNION
SELECT a.id, a.number FROM arriving a JOIN registry_member m ON m.id_blind = a.id_blind
WHERE m.left_on IS NULL AND m.household_id IS DISTINCT FROM a.object_id
UNION
SELECT a.id, a.number FROM arriving a JOIN registry_member m ON m.number = a.person
WHERE m.left_on IS NULL AND m.household_id IS DISTINCT FROM a.object_id;
"""
_SKIP = """
DELETE FROM portion WHERE id = ANY (ARRAY(SELECT id FROM overtaken));
INSERT INTO sheets_finding (batch_id, group_number, "row", "column", field, level, code, arguments)
SELECT %(batch)s, o.number, coalesce((SELECT min(r."row") FROM sheets_stagedrow r
    WHERE r.batch_id = %(batch)s AND r.group_number = o.number), 0), NULL, '', 'rejected', 'changed_since_check', '{}'
FROM overtaken o;
UPDATE sheets_stagedgroup SET outcome = 'skipped' WHERE id = ANY (ARRAY(SELECT id FROM overtaken));
UPDATE sheets_stagedgroup SET outcome = 'unchanged'
WHERE id = ANY (ARRAY(SELECT id FROM portion WHERE plan = 'unchanged'));
"""

_OUTCOMES = """
UPDATE sheets_stagedgroup g SET outcome = CASE WHEN i.is_new THEN 'created' ELSE 'changed' END,
    object_id = i.id, object_version = h.version
FROM portion p JOIN incoming_household i ON i.group_number = p.number JOIN registry_household h ON h.id = i.id
WHERE g.id = p.id;
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
            run("DROP TABLE IF EXISTS pg_temp.overtaken, pg_temp.arriving, pg_temp.portion;\n", {})
            run(_PORTION + _SKIP, span)
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
