"""Pilots in rounds: places, days, a goal; then a result; then another person widens, tries again or stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import check_version, save, write
from yuchang.core.errors import Conflict, Hidden, Invalid, Problem, Refused, invalid
from yuchang.partners.models import Organisation, Pilot, PilotRound
from yuchang.partners.rules import AMOUNT_MAX
from yuchang.places.models import Place, keys_of

MANAGE = "partners.manage"
PLACES_MAX = 500


@dataclass(frozen=True)
class RoundFacts:
    """One round: where, when, what is measured and the whole number to be reached."""

    place_ids: Sequence[int]
    starts_on: date
    ends_on: date
    measure: str
    goal: int


def open_pilot(
    *,
    actor: Actor,
    place_id: int,
    title: str,
    question: str,
    first: RoundFacts,
    organisation_id: int | None = None,
) -> Pilot:
    """Begin a pilot with its first round. Needs ``partners.manage`` in ``place_id``."""
    if not title.strip() or not question.strip():
        raise invalid("title", _("请写明试点名称和要回答的问题。"))
    with write("partners.open_pilot", actor) as audit:
        place = open_door(Place.objects.filter(valid_to=None), actor, MANAGE, place_id)
        if organisation_id and not Organisation.objects.filter(pk=organisation_id, state="vetted").exists():
            raise invalid("organisation", _("参与的机构须已核验。"))
        row = Pilot.objects.create(
            place=place,
            **keys_of(place),
            title=title.strip()[:120],
            question=question.strip()[:300],
            organisation_id=organisation_id,
            opened_by_id=actor.user_id,
        )
        _add_round(actor, row, first, 1)
        audit.add("pilot", row.pk, place_id=place.pk, title=row.title)
    return row


def next_round(*, actor: Actor, pilot_id: int, version: int, facts: RoundFacts) -> PilotRound:
    """A further round, once the last was decided (again, or wider)."""
    with write("partners.next_round", actor) as audit:
        pilot = open_door(Pilot.objects.all(), actor, MANAGE, pilot_id, lock=True)
        check_version(pilot, version)
        last = pilot.rounds.order_by("-number").first()
        if pilot.state == Pilot.State.STOPPED or last is None or not last.decision:
            raise Conflict(_("上一轮决定扩大或再试之后，才能开始下一轮。"))
        row = _add_round(actor, pilot, facts, last.number + 1)
        pilot.state = Pilot.State.RUNNING
        save(pilot)
        audit.add("pilot_round", row.pk, place_id=pilot.place_id, number=row.number)
    return row


def _add_round(actor: Actor, pilot: Pilot, facts: RoundFacts, number: int) -> PilotRound:
    problems = []
    wanted = set(facts.place_ids)
    if not wanted or len(wanted) > PLACES_MAX:
        problems.append(Problem("places", _("请选择 1 至 500 个试点地。")))
    if facts.ends_on < facts.starts_on:
        problems.append(Problem("ends_on", _("结束日期早于开始日期。"), _("请核对起止日期。")))
    if not facts.measure.strip() or not 0 < facts.goal <= AMOUNT_MAX:
        problems.append(Problem("goal", _("请写明衡量指标和正整数的目标。")))
    if problems:
        raise Invalid(problems)
    rows = Place.objects.filter(place_filter(actor, MANAGE), pk__in=wanted, valid_to=None)
    if rows.count() < len(wanted):
        raise Hidden(_("有试点地没有找到，或不在您的管辖范围内。"))
    row = PilotRound.objects.create(
        pilot=pilot,
        number=number,
        starts_on=facts.starts_on,
        ends_on=facts.ends_on,
        measure=facts.measure.strip()[:120],
        goal=facts.goal,
    )
    row.places.add(*wanted)
    return row


def report_round(*, actor: Actor, round_id: int, version: int, result: int, note: str) -> PilotRound:
    """What the round brought, once it has begun; said once."""
    if not 0 <= result <= AMOUNT_MAX or not note.strip():
        raise invalid("result", _("请填写结果（整数）和说明。"))
    with write("partners.report_round", actor) as audit:
        row = _open_round(actor, round_id, version)
        if row.result is not None:
            raise Conflict(_("这一轮已报告结果。"))
        if clock.today() < row.starts_on:
            raise Conflict(_("这一轮还没有开始。"))
        row.result, row.result_note = result, note.strip()[:300]
        row.reported_by_id, row.reported_at = actor.user_id, clock.now()
        save(row)
        audit.add("pilot_round", row.pk, place_id=row.pilot.place_id, result=result, goal=row.goal)
    return row


def decide_round(*, actor: Actor, round_id: int, version: int, decision: str, reason: str) -> PilotRound:
    """Widen, try again or stop, with the reason; never by who reported the result."""
    if decision not in PilotRound.Decision.values or not reason.strip():
        raise invalid("decision", _("请选择决定并说明理由。"))
    with write("partners.decide_round", actor) as audit:
        row = _open_round(actor, round_id, version)
        if row.result is None or row.decision:
            raise Conflict(_("报告结果之后才能决定，且只决定一次。"))
        if row.reported_by_id == actor.user_id:
            raise Refused(_("报告结果的人不能作决定。"), remedy=_("请由另一位专员决定。"))
        row.decision, row.decision_reason = decision, reason.strip()[:300]
        row.decided_by_id, row.decided_at = actor.user_id, clock.now()
        save(row)
        states = {"stop": Pilot.State.STOPPED, "widen": Pilot.State.WIDENED, "again": Pilot.State.RUNNING}
        row.pilot.state = states[decision]
        save(row.pilot)
        audit.add("pilot_round", row.pk, place_id=row.pilot.place_id, decision=decision, reason=reason)
    return row


def _open_round(actor: Actor, round_id: int, version: int) -> PilotRound:
    rows = PilotRound.objects.select_related("pilot")
    row = open_door(rows, actor, MANAGE, round_id, within=place_filter(actor, MANAGE, "pilot__"), lock=True)
    check_version(row, version)
    row.pilot = Pilot.objects.select_for_update().get(pk=row.pilot_id)
    return row
