"""Many cases at once: the same checks as one by one, in a constant number of statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Conflict, Invalid, Problem, Refused
from yuchang.procedures import queries
from yuchang.procedures.actions import telling
from yuchang.procedures.actions.opening import periods_json
from yuchang.procedures.models import Case, Definition
from yuchang.procedures.queries import TRACK_KIND
from yuchang.procedures.rules.machine import OPENED, Choice, Plan, Step, enter, waits_of

ACTING_KINDS = "('opened', 'advanced', 'returned', 'track')"


def advance_cases(
    actor: Actor,
    *,
    code: str,
    step: str,
    choice: str,
    case_ids: Sequence[int] | None = None,
    subject_kind: str = "",
    subject_ids: Sequence[int] | None = None,
    opinion: str = "",
    document_number: str = "",
    driver: str = "",
) -> int:
    """Leave ``step`` by ``choice`` in every case of these (or all) that the actor may advance now.

    Left out are those where the actor acted before, those transferred to others, those whose notice or
    parallel step is not over, and those not covered by a finished spot check. Returns how many advanced.
    Raises Refused for the system where two people are needed, Invalid when the opinion or document is
    missing, Conflict when the step needs evidence for each case.
    """
    with write("procedures.advance_cases", actor) as audit:
        rows = _reachable(actor, code, step)
        if case_ids is not None:
            rows = rows.filter(pk__in=list(case_ids))
        if subject_ids is not None:
            rows = rows.filter(subject_kind=subject_kind, subject_id__in=list(subject_ids))
        found = _locked(rows)
        done: list[int] = []
        for definition in Definition.objects.filter(pk__in={f.definition_id for f in found}):
            plan = queries.plan_of(definition)
            chosen = _require_possible(actor, plan, step, choice, opinion, document_number, driver)
            mine = [f for f in found if f.definition_id == definition.pk]
            mine = _ready(mine, plan, step)
            if mine:
                _move(actor, mine, plan, step, chosen, opinion, document_number)
                done += [f.pk for f in mine]
        telling.settle_many(actor, done)
        audit.add_bulk(
            "case",
            "SELECT id::text, place_id, jsonb_build_object('code', code, 'choice', %s::text, 'step', step)"
            " FROM procedures_case WHERE id = ANY(%s)",
            [choice, done],
        )
    return len(done)


@dataclass(frozen=True)
class _Found:
    pk: int
    definition_id: int
    above: tuple[int | None, int | None, int | None]
    final_on: date | None


def _reachable(actor: Actor, code: str, step: str) -> QuerySet[Case]:
    rows = Case.objects.filter(code=code, step=step, state=Case.State.OPEN)
    if actor.user_id is None:
        return rows
    mine = Q(assigned_to=None) | Q(assigned_to_id=actor.user_id)
    return rows.filter(queries.turn_filter(actor), mine).exclude(barred__contains=[actor.user_id])


def _locked(rows: QuerySet[Case]) -> list[_Found]:
    columns = ("pk", "definition_id", "province_id", "prefecture_id", "county_id", "final_on")
    locked = rows.order_by("pk").select_for_update().values_list(*columns)
    return [_Found(pk, number, (a, b, c), final_on) for pk, number, a, b, c, final_on in locked]


def _require_possible(
    actor: Actor, plan: Plan, step: str, choice: str, opinion: str, document_number: str, driver: str
) -> Choice:
    what = plan.steps[step]
    chosen = what.choice(choice)
    if plan.driver != driver:
        raise Conflict(
            _("这一程序随业务页面办理,不能在此直接办理。"), remedy=_("请打开对应的农户、公示或异议页面办理。")
        )
    if chosen is None:
        raise Invalid([Problem("choice", _("请选择办理结论。"))])
    if what.apart_from and actor.user_id is None:
        raise Refused(_("这一步须由具名人员办理。"))
    if what.evidence:
        raise Conflict(_("这一步须逐件附证明材料,不能批量办理。"), remedy=_("请逐件打开办理。"))
    if chosen.needs_opinion and len(opinion.strip()) < 2:
        raise Invalid([Problem("opinion", _("请填写意见。"))])
    if what.needs_document and not document_number.strip():
        raise Invalid([Problem("document_number", _("请填写文号。"))])
    return chosen


def _ready(found: list[_Found], plan: Plan, step: str) -> list[_Found]:
    """Those whose notices and parallel steps are over and whose spot check is done."""
    ids = [f.pk for f in found]
    what, waits = plan.steps[step], waits_of(plan).get(step, [])
    if waits:
        _settle(ids)
        running = set(_run(_RUNNING, {"ids": ids, "waits": waits}))
        running |= {pk for pk, code in queries.upheld(ids) if code in waits}
        ids = [pk for pk in ids if pk not in running]
    if what.sample_percent:
        covered = Case.objects.filter(queries.sampled(what.sample_percent, step), pk__in=ids)
        ids = list(covered.values_list("pk", flat=True))
    kept = set(ids)
    return [f for f in found if f.pk in kept]


def _settle(ids: Sequence[int]) -> None:
    """The notices among these cases whose period is over and to which no objection is open are over."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, {"ids": list(ids), "today": clock.today(), "kind": TRACK_KIND})


def _run(statement: str, params: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [pk for (pk,) in cursor.fetchall()]


def _move(
    actor: Actor, found: list[_Found], plan: Plan, step: str, chosen: Choice, opinion: str, document: str
) -> None:
    today = clock.today()
    given: dict[str, Any] = {
        "ids": [f.pk for f in found],
        "step": step,
        "choice": chosen.code,
        "next": chosen.next,
        "opinion": opinion.strip()[:1000],
        "document": document.strip()[:120],
        "actor": actor.user_id,
        "actor_name": actor.name[:150],
        "now": clock.now(),
        "today": today,
    }
    if chosen.outcome is not None:
        statements: Iterable[str] = (_RECORD, _CANCEL, _CLOSE)
        given["outcome"] = chosen.outcome
    else:
        statements = (_RECORD, _STAND, _BEGIN)
        given |= _next_terms(found, plan, plan.steps[chosen.next], today)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, given)


def _next_terms(found: list[_Found], plan: Plan, step: Step, today: date) -> dict[str, Any]:
    """The next step's days, once for each county and overall last day."""
    entries = []
    for above, final_on in {(f.above, f.final_on) for f in found}:
        calendar = queries.calendar_for(*above)
        entry = enter(plan, step, today=today, calendar=calendar, final_on=final_on)
        entries.append(
            {
                "province": above[0],
                "prefecture": above[1],
                "county": above[2],
                "final_on": final_on,
                "due_on": entry.due_on,
                "periods": json.loads(periods_json(entry)),
            }
        )
    apart = [code for code in step.apart_from if code != OPENED]
    return {
        "terms": json.dumps(entries, default=str),
        "next_step": step.code,
        "permission": step.permission,
        "levels": list(step.levels),
        "apart": apart,
        "apart_from_opening": OPENED in step.apart_from,
    }


_SETTLE = """
UPDATE procedures_track t SET state = 'done', closed_on = %(today)s
WHERE t.case_id = ANY(%(ids)s) AND t.state = 'open' AND t.kind = 'notice' AND t.ends_on < %(today)s
  AND NOT EXISTS (SELECT 1 FROM procedures_case o WHERE o.subject_kind = %(kind)s AND o.subject_id = t.id
                  AND o.state = 'open')
"""
_RUNNING = """
SELECT DISTINCT case_id FROM procedures_track
WHERE case_id = ANY(%(ids)s) AND state = 'open' AND step = ANY(%(waits)s)
"""
_RECORD = """
INSERT INTO procedures_steprecord (case_id, number, kind, step, choice, next_step, opinion, document_number,
    evidence, by_id, by_name, due_on, at)
SELECT c.id, c.version + 1, 'advanced', %(step)s, %(choice)s, %(next)s, %(opinion)s, %(document)s, '[]',
    %(actor)s, %(actor_name)s, c.due_on, %(now)s
FROM procedures_case c WHERE c.id = ANY(%(ids)s) ORDER BY c.id
"""
_CANCEL = """
UPDATE procedures_track SET state = 'cancelled', closed_on = %(today)s
WHERE case_id = ANY(%(ids)s) AND state = 'open'
"""
_CLOSE = """
UPDATE procedures_case SET state = 'done', outcome = %(outcome)s, closed_at = %(now)s, assigned_to_id = NULL,
    version = version + 1, updated_at = %(now)s
WHERE id = ANY(%(ids)s)
"""
_TERMS = """
(SELECT * FROM jsonb_to_recordset(%(terms)s::jsonb)
    AS x(province bigint, prefecture bigint, county bigint, final_on date, due_on date, periods jsonb)) t
"""
_SAME = """
t.province IS NOT DISTINCT FROM c.province_id AND t.prefecture IS NOT DISTINCT FROM c.prefecture_id
    AND t.county IS NOT DISTINCT FROM c.county_id AND t.final_on IS NOT DISTINCT FROM c.final_on
"""
_STAND = f"""
UPDATE procedures_case c SET step = %(next_step)s, permission = %(permission)s,
    levels = %(levels)s::smallint[], step_since = %(today)s, due_on = t.due_on, escalation = 0,
    assigned_to_id = NULL, version = c.version + 1,
    updated_at = %(now)s,
    barred = coalesce((
        SELECT array_agg(DISTINCT r.by_id) FROM procedures_steprecord r
        WHERE r.case_id = c.id AND r.by_id IS NOT NULL AND r.kind IN {ACTING_KINDS}
          AND (CASE WHEN r.kind = 'opened' THEN %(apart_from_opening)s
                    ELSE r.step = ANY(%(apart)s::text[]) END)
        ), '{{}}')
FROM {_TERMS} WHERE c.id = ANY(%(ids)s) AND {_SAME}
"""  # noqa: S608 - our own texts
_BEGIN = f"""
INSERT INTO procedures_track (case_id, step, kind, state, permission, levels, opened_on, ends_on, due_on,
    place_id, province_id, prefecture_id, county_id, township_id, village_id)
SELECT c.id, b.step, b.kind, 'open', b.permission, b.levels, %(today)s, b.ends_on, b.due_on,
    c.place_id, c.province_id, c.prefecture_id, c.county_id, c.township_id, c.village_id
FROM procedures_case c JOIN {_TERMS} ON {_SAME},
    jsonb_to_recordset(t.periods) AS b(step text, kind text, permission text, levels smallint[], ends_on date,
                                       due_on date)
WHERE c.id = ANY(%(ids)s) AND NOT EXISTS (
    SELECT 1 FROM procedures_track o WHERE o.case_id = c.id AND o.step = b.step AND o.state = 'open')
"""  # noqa: S608 - our own texts


def withdraw_cases(
    actor: Actor, *, code: str, subject_kind: str, subject_ids: Sequence[int], reason: str, driver: str
) -> int:
    """Take back a domain's own open cases about these subjects: what they were about is gone.

    For the domain that drives the procedure; its action has checked who may. Returns how many.
    """
    now = clock.now()
    with write("procedures.withdraw_cases", actor) as audit:
        rows = Case.objects.filter(code=code, subject_kind=subject_kind, state=Case.State.OPEN)
        rows = rows.filter(subject_id__in=list(subject_ids)).order_by("pk").select_for_update()
        found = list(rows.select_related("definition"))
        for row in found:
            if queries.plan_of(row.definition).driver != driver:
                raise Conflict(_("这一程序不能撤回。"), remedy=_("请按步骤办结。"))
        given: dict[str, Any] = {
            "ids": [r.pk for r in found],
            "reason": reason[:1000],
            "now": now,
            "today": clock.today(),
        }
        given |= {"actor": actor.user_id, "actor_name": actor.name[:150]}
        with connection.cursor() as cursor:
            for statement in (_WITHDRAWN, _CANCEL, _TAKE_BACK):
                cursor.execute(statement, given)
        telling.settle_many(actor, given["ids"])
        return audit.add_bulk(
            "case",
            "SELECT id::text, place_id, jsonb_build_object('code', code, 'withdrawn', true)"
            " FROM procedures_case WHERE id = ANY(%s)",
            [given["ids"]],
        )


_WITHDRAWN = """
INSERT INTO procedures_steprecord (case_id, number, kind, step, choice, next_step, opinion, document_number,
    evidence, by_id, by_name, due_on, at)
SELECT c.id, c.version + 1, 'withdrawn', c.step, '', '', %(reason)s, '', '[]', %(actor)s, %(actor_name)s,
    c.due_on, %(now)s
FROM procedures_case c WHERE c.id = ANY(%(ids)s) ORDER BY c.id
"""
_TAKE_BACK = """
UPDATE procedures_case SET state = 'withdrawn', closed_at = %(now)s, assigned_to_id = NULL,
    version = version + 1, updated_at = %(now)s
WHERE id = ANY(%(ids)s)
"""
