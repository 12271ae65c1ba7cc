"""What is overdue is reported upwards, a rung at a time, by the clock."""

from __future__ import annotations

from typing import Any

from django.db import connection

from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.procedures import queries
from yuchang.procedures.models import Case, Definition
from yuchang.procedures.rules.calendar import Calendar, rung

_KEYS = ("definition_id", "province_id", "prefecture_id", "county_id", "due_on", "escalation")


def escalate_overdue() -> int:
    """Raise every overdue case to the rung its ladder says, with a record by the system. Returns how many."""
    today = clock.today()
    overdue = Case.objects.filter(state=Case.State.OPEN, due_on__lt=today)
    groups = list(overdue.order_by().values_list(*_KEYS).distinct())
    if not groups:
        return 0
    plans = {d.pk: queries.plan_of(d) for d in Definition.objects.filter(pk__in={g[0] for g in groups})}
    calendars: dict[tuple[int | None, ...], Calendar] = {}
    raised: list[int] = []
    with write("procedures.escalate_overdue", SYSTEM) as audit:
        for group in groups:
            above = group[1:4]
            calendars.setdefault(above, queries.calendar_for(*above))
            wanted = rung(group[4], today, plans[group[0]].ladder, calendars[above])
            if wanted > group[5]:
                raised += _raise(dict(zip(_KEYS, group, strict=True)), wanted)
        audit.add_bulk(
            "case",
            "SELECT id::text, place_id, jsonb_build_object('escalation', escalation, 'due_on', due_on)"
            " FROM procedures_case WHERE id = ANY(%s)",
            [raised],
        )
    return len(raised)


def _raise(group: dict[str, object], wanted: int) -> list[int]:
    rows = (
        Case.objects.filter(state=Case.State.OPEN, **group).order_by("pk").select_for_update(skip_locked=True)
    )
    ids = list(rows.values_list("pk", flat=True))
    given: dict[str, Any] = {"ids": ids, "rung": wanted, "now": clock.now()}
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, given)
        cursor.execute(_UPDATE, given)
    return ids


_RECORD = """
INSERT INTO procedures_steprecord (case_id, number, kind, step, choice, next_step, opinion, document_number,
    evidence, by_id, by_name, due_on, at)
SELECT c.id, c.version + 1, 'escalated', c.step, %(rung)s::text, c.step, '', '', '[]', NULL, 'system',
    c.due_on, %(now)s
FROM procedures_case c WHERE c.id = ANY(%(ids)s) ORDER BY c.id
"""
_UPDATE = """
UPDATE procedures_case SET escalation = %(rung)s, version = version + 1, updated_at = %(now)s
WHERE id = ANY(%(ids)s)
"""
