"""What is overdue is reported upwards, a rung at a time, by the clock.

The first rung names those one level above whoever should have acted: the township's reviewers for a village,
the county's officers for a township, and so on; each further rung one level more. Where nobody holds that
role the next level above is told.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_noop

from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.messages import actions as messages
from yuchang.messages.models import Message
from yuchang.procedures import queries
from yuchang.procedures.actions.steps import CASE_KIND
from yuchang.procedures.models import Case, Definition
from yuchang.procedures.rules.calendar import Calendar, rung

_KEYS = ("definition_id", "province_id", "prefecture_id", "county_id", "due_on", "escalation")


def escalate_overdue() -> int:
    """Raise every overdue case to the rung its ladder says, with a record by the system. Returns how many.

    Those whom the rung names find it in their inboxes until the case has moved on.
    """
    _settle_moved()
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
        if raised:
            _tell(raised)
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


def _tell(case_ids: list[int]) -> None:
    today = clock.today()
    texts = [gettext_noop("逾期上报(第 %s 级):%s"), gettext_noop("已过期限 %s,步骤尚未办理。")]
    messages.send_set(SYSTEM, select_sql=_NAMED, params=[*texts, today, today, case_ids])


def _settle_moved() -> None:
    """Cases that were reported and have been acted on since ask nobody for anything more."""
    waiting = Message.objects.filter(
        reference_kind=CASE_KIND, due_on__isnull=False, settled_at=None, reminds=None
    )
    moved = Case.objects.filter(pk__in=waiting.values("reference_id"))
    ids = list(moved.filter(~Q(state=Case.State.OPEN) | Q(escalation=0)).values_list("pk", flat=True))
    if ids:
        messages.settle_set(SYSTEM, reference_kind=CASE_KIND, reference_ids=ids)


# Every case with the people of the nearest level at or above the one that its rung names.
_NAMED = """
    SELECT DISTINCT t.user_id, 'task', left(format(t.title, t.escalation, t.case_title), 120),
           format(t.body, t.due_on), '/procedures/cases/' || t.id || '/', t.due_on, t.escalation > 1,
           t.place_id, 'procedures.case', t.id, format('escalation:%%s:%%s', t.id, t.version),
           jsonb_build_object(
               'title', jsonb_build_object('say', t.title,
                                           'with', jsonb_build_array(t.escalation, t.case_title)),
               'body', jsonb_build_object('say', t.body, 'with', jsonb_build_array(t.due_on)))
    FROM (
        SELECT c.id, c.version, c.escalation, c.title AS case_title, c.due_on, c.place_id, h.user_id,
               %s::text AS title, %s::text AS body,
               rank() OVER (PARTITION BY c.id ORDER BY p.level DESC) AS nearness
        FROM procedures_case c
        CROSS JOIN LATERAL (
            SELECT greatest(1, coalesce((SELECT min(l) FROM unnest(c.levels) AS l), q.level) - c.escalation)
                   AS level FROM places_place q WHERE q.id = c.place_id
        ) AS wanted
        JOIN places_place p ON p.id IN (c.province_id, c.prefecture_id, c.county_id, c.township_id)
             AND p.level <= wanted.level
        JOIN accounts_hat h ON h.scope_kind = 'place' AND h.place_id = p.id AND h.state = 'live'
             AND h.valid_from <= %s AND (h.valid_to IS NULL OR h.valid_to >= %s)
             AND h.role = (ARRAY['province_officer', 'prefecture_officer', 'county_officer',
                                 'township_reviewer'])[p.level]
        JOIN accounts_user u ON u.id = h.user_id AND u.is_active
        WHERE c.id = ANY(%s)
    ) AS t
    WHERE t.nearness = 1 ORDER BY 10, 1
"""
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
