"""Open cases: one, or a county's at once, under the definition that holds in each place today."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.copying import copy_rows
from yuchang.core.errors import Conflict, Refused
from yuchang.places.models import Place
from yuchang.procedures import queries
from yuchang.procedures.actions.definitions import sync_definitions
from yuchang.procedures.models import Case, Definition
from yuchang.procedures.rules.calendar import Calendar
from yuchang.procedures.rules.machine import OPENED, Entry, enter


@dataclass(frozen=True)
class Subject:
    """What a case is about; ``ends_on`` is the last day of a notice that has its own days."""

    id: int
    place_id: int
    title: str
    reference: str = ""
    ends_on: date | None = None


def open_case(
    actor: Actor,
    *,
    code: str,
    subject_kind: str,
    subject_id: int,
    place: Place,
    title: str,
    reference: str = "",
    ends_on: date | None = None,
) -> Case:
    """Open a case about a subject in ``place``; who opens it needs the procedure's permission there.

    Raises Refused outside the area, Conflict when one is open already or no definition holds there.
    """
    subject = Subject(subject_id, place.pk, title, reference, ends_on)
    if not open_cases(actor, code=code, subject_kind=subject_kind, subjects=[subject]):
        raise Conflict(_("同一事项已有在办的程序。"), remedy=_("请在“待办”中继续办理。"))
    return Case.objects.get(code=code, subject_kind=subject_kind, subject_id=subject_id, state="open")


def open_cases(actor: Actor, *, code: str, subject_kind: str, subjects: Iterable[Subject]) -> int:
    """Open a case for each subject that has none open. Returns how many were opened."""
    given = [(s.id, s.place_id, s.title[:200], s.reference[:120], s.ends_on) for s in subjects]
    select = (
        "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::date[])"
        " AS s(subject_id, place_id, title, reference, ends_on)"
    )
    columns = [list(column) for column in zip(*given, strict=True)] or [[] for _n in range(5)]
    return open_from(actor, code=code, subject_kind=subject_kind, select_sql=select, params=columns)


def open_from(
    actor: Actor, *, code: str, subject_kind: str, select_sql: str, params: Sequence[Any] | dict[str, Any]
) -> int:
    """Open a case for each row (subject_id, place_id, title, reference, ends_on) of a statement of ours.

    Subjects with an open case of this code are left out. Returns how many were opened.
    """
    today = clock.today()
    with write("procedures.open_cases", actor) as audit:
        found = _gather(select_sql, params, code, subject_kind)
        place_ids = sorted({place_id for place_id, _ends_on in found})
        terms = _terms(code, found, today)
        _require_reach(actor, {queries.plan_of(t.definition).open_permission for t in terms}, place_ids)
        _lay_out(terms)
        given: dict[str, Any] = {"code": code, "kind": subject_kind, "today": today, "now": clock.now()}
        given |= {"actor": actor.user_id, "actor_name": actor.name[:150]}
        with connection.cursor() as cursor:
            for statement in (_CASES, _RECORDS, _TRACKS):
                cursor.execute(statement, given)
        return audit.add_bulk("case", _AUDIT, [])


def _gather(
    select_sql: str, params: Sequence[Any] | dict[str, Any], code: str, kind: str
) -> list[tuple[int, date | None]]:
    """Lay out what is to be opened. Returns the distinct places and last days of notices."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.opening, pg_temp.opening_terms")
        cursor.execute(_GATHER.format(select=select_sql), params)
        cursor.execute(
            "DELETE FROM opening o USING procedures_case c WHERE c.subject_kind = %s AND c.code = %s"
            " AND c.subject_id = o.subject_id AND c.state = 'open'",
            [kind, code],
        )
        cursor.execute("ANALYZE opening")
        cursor.execute("SELECT DISTINCT place_id, ends_on FROM opening")
        return list(cursor.fetchall())


_GATHER = """
CREATE TEMPORARY TABLE opening ON COMMIT DROP AS
SELECT nextval('procedures_case_id_seq') AS id, s.subject_id, s.place_id, s.title, s.reference, s.ends_on
FROM ({select}) AS s(subject_id, place_id, title, reference, ends_on)
"""


@dataclass(frozen=True)
class _Terms:
    """What a new case of one place begins with."""

    place_id: int
    ends_on: date | None
    definition: Definition
    entry: Entry
    final_on: date | None


def _terms(code: str, found: Sequence[tuple[int, date | None]], today: date) -> list[_Terms]:
    sync_definitions(code=code)
    in_force = queries.in_force(code, today)
    places = Place.objects.in_bulk([place_id for place_id, _ends_on in found])
    calendars: dict[tuple[int | None, ...], Calendar] = {}
    terms = []
    for place_id, ends_on in found:
        place = places[place_id]
        definition = queries.nearest(in_force, queries.ancestors_of(place))
        if definition is None:
            raise _no_definition(code, place, today)
        above = queries.ancestors_of(place)[:3]
        if above not in calendars:
            calendars[above] = queries.calendar_for(*above)
        plan, calendar = queries.plan_of(definition), calendars[above]
        final_on = calendar.due(today, plan.limit) if plan.limit else None
        entry = enter(plan, plan.first, today=today, calendar=calendar, final_on=final_on, ends_on=ends_on)
        terms.append(_Terms(place_id, ends_on, definition, entry, final_on))
    return terms


def _no_definition(code: str, place: Place, today: date) -> Conflict:
    return Conflict(
        _("%(place)s 在 %(day)s 没有可用的程序“%(code)s”。")
        % {"place": place.name, "day": today, "code": code},
        remedy=_("请先录入程序定义,或核对日期。"),
    )


def _require_reach(actor: Actor, permissions: set[str], place_ids: Sequence[int]) -> None:
    """Whoever opens must hold the procedure's permission in every place; the system may open anywhere."""
    if actor.user_id is None:
        return
    for permission in permissions:
        mine = Place.objects.filter(place_filter(actor, permission), pk__in=place_ids).count()
        if mine < len(place_ids):
            raise Refused(
                _("您不能在该地发起这一程序(需要“%(permission)s”权限)。") % {"permission": permission},
                remedy=_("请联系当地有权限的同事发起。"),
            )


def _lay_out(terms: Sequence[_Terms]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TERMS)
    copy_rows("opening_terms", _TERM_COLUMNS, map(_term_line, terms))


def _term_line(t: _Terms) -> tuple[Any, ...]:
    step = t.entry.step
    place = (t.place_id, t.ends_on, t.definition.pk, step.code, step.permission, list(step.levels))
    return (*place, OPENED in step.apart_from, t.entry.due_on, t.final_on, periods_json(t.entry))


def periods_json(entry: Entry) -> str:
    """The tracks of an entry as the JSON rows that ``TRACKS`` unpacks."""
    return json.dumps(
        [
            {
                "step": p.step.code,
                "kind": p.step.kind.value,
                "permission": p.step.permission,
                "levels": list(p.step.levels),
                "ends_on": p.ends_on,
                "due_on": p.due_on,
            }
            for p in entry.periods
        ],
        default=str,
    )


_TERMS = """
CREATE TEMPORARY TABLE opening_terms (place_id bigint, ends_on date, definition_id bigint, step text,
    permission text, levels smallint[], is_barred boolean, due_on date, final_on date, periods jsonb)
    ON COMMIT DROP
"""
_TERM_COLUMNS = (
    *("place_id", "ends_on", "definition_id", "step", "permission", "levels"),
    *("is_barred", "due_on", "final_on", "periods"),
)
_CASES = """
INSERT INTO procedures_case (id, version, created_at, updated_at, definition_id, code, subject_kind,
    subject_id, title, reference, state, outcome, step, permission, levels, barred, opened_by_id, opened_at,
    step_since,
    due_on, final_on, escalation, place_id, province_id, prefecture_id, county_id, township_id, village_id)
SELECT o.id, 1, %(now)s, %(now)s, t.definition_id, %(code)s, %(kind)s, o.subject_id, o.title, o.reference,
    'open', '', t.step, t.permission, t.levels,
    CASE WHEN t.is_barred AND %(actor)s::bigint IS NOT NULL THEN ARRAY[%(actor)s::bigint] ELSE '{}' END,
    %(actor)s, %(now)s, %(today)s, t.due_on, t.final_on, 0,
    p.id, p.province_id, p.prefecture_id, p.county_id, p.township_id, p.village_id
FROM opening o
JOIN opening_terms t ON t.place_id = o.place_id AND t.ends_on IS NOT DISTINCT FROM o.ends_on
JOIN places_place p ON p.id = o.place_id
ORDER BY o.id
"""
_RECORDS = """
INSERT INTO procedures_steprecord (case_id, number, kind, step, choice, next_step, opinion, document_number,
    evidence, by_id, by_name, due_on, at)
SELECT o.id, 1, 'opened', t.step, '', t.step, '', '', '[]', %(actor)s, %(actor_name)s, t.due_on, %(now)s
FROM opening o
JOIN opening_terms t ON t.place_id = o.place_id AND t.ends_on IS NOT DISTINCT FROM o.ends_on
ORDER BY o.id
"""
_TRACKS = """
INSERT INTO procedures_track (case_id, step, kind, state, permission, levels, opened_on, ends_on, due_on,
    place_id, province_id, prefecture_id, county_id, township_id, village_id)
SELECT c.id, b.step, b.kind, 'open', b.permission, b.levels, %(today)s, b.ends_on, b.due_on,
    c.place_id, c.province_id, c.prefecture_id, c.county_id, c.township_id, c.village_id
FROM opening o
JOIN opening_terms t ON t.place_id = o.place_id AND t.ends_on IS NOT DISTINCT FROM o.ends_on
JOIN procedures_case c ON c.id = o.id,
    jsonb_to_recordset(t.periods) AS b(step text, kind text, permission text, levels smallint[], ends_on date,
                                       due_on date)
"""
_AUDIT = """
SELECT c.id::text, c.place_id, jsonb_build_object('code', c.code,
    'subject', c.subject_kind || ' ' || c.subject_id, 'definition', c.definition_id, 'due_on', c.due_on)
FROM opening o JOIN procedures_case c ON c.id = o.id
"""
