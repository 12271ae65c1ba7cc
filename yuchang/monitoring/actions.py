"""Writes of monitoring: an assessment opens alerts, a visit closes, escalates or continues one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door, require
from yuchang.accounts.rules import Actor, PlaceScope
from yuchang.core import clock
from yuchang.core.actions import Recorder, check_version, save, write
from yuchang.core.errors import Conflict, Refused, invalid
from yuchang.ledger.queries import income_by_household
from yuchang.monitoring.models import Alert, Assessment, Visit
from yuchang.monitoring.queries import awaits_those_above
from yuchang.monitoring.rules import HouseholdFacts, Limits, Signal, assess_relapse
from yuchang.places.models import Place, keys_of
from yuchang.policy.queries import Line, line_for
from yuchang.registry.models import Household
from yuchang.registry.queries import facts_on

CHUNK = 5_000
HALF_YEAR = timedelta(days=183)
WATCHED = (Household.State.LISTED, Household.State.EXITED)


def county_of(actor: Actor, permission: str) -> Place:
    """The one county in which the actor holds the permission. Raises Refused when there is none."""
    require(actor, permission)
    for scope in actor.scopes(permission):
        if isinstance(scope, PlaceScope) and scope.level == Place.Level.COUNTY:
            return Place.objects.get(pk=scope.place_id)
    raise Refused(_("这一步只能由县级人员在本县办理。"), remedy=_("请由县级专员办理。"))


def assess_county(*, actor: Actor, on: date) -> Assessment:
    """Compare every listed or exited household of the actor's county with the line of the day.

    Opens an alert for each new signal; a signal that is already open is left as it is. Set-wise in
    chunks of 5,000 households. Raises Invalid when no line is stored for the place and day.
    """
    county = county_of(actor, "monitoring.assess")
    line = line_for(county, on, "monitoring_range")
    if line is None:
        raise invalid(
            "on",
            _("%(place)s在 %(on)s 没有已登记的监测线,不能比对。") % {"place": county.name, "on": on},
            _("请先在政策台登记这一年的监测线和文号。"),
        )
    with write("monitoring.assess_county", actor) as audit:
        assessment = Assessment.objects.create(
            on=on,
            line_fen=line.fen,
            line_source=_line_words(line),
            households=0,
            opened=0,
            assessed_by_id=actor.user_id,
            created_at=clock.now(),
            place=county,
            **keys_of(county),
        )
        households, opened = _open_alerts(assessment, county, Limits(line_fen=line.fen), on)
        assessment.households, assessment.opened = households, opened
        assessment.save(update_fields=["households", "opened"])
        _record(audit, assessment)
    return assessment


def _line_words(line: Line) -> str:
    return f"{line.region_name} {line.applied_from} {line.document}".strip()[:200]


def _record(audit: Recorder, assessment: Assessment) -> None:
    audit.add(
        "assessment",
        assessment.pk,
        place_id=assessment.place_id,
        on=assessment.on,
        line_fen=assessment.line_fen,
        households=assessment.households,
        opened=assessment.opened,
    )
    audit.add_bulk(
        "alert",
        "SELECT id::text, place_id, jsonb_build_object('kind', kind, 'household', household_id)"
        " FROM monitoring_alert WHERE assessment_id = %s ORDER BY id",
        [assessment.pk],
    )


def _open_alerts(assessment: Assessment, county: Place, limits: Limits, on: date) -> tuple[int, int]:
    """Returns (households compared, alerts opened)."""
    rows = Household.objects.filter(county_id=county.pk, state__in=WATCHED).select_related("place")
    households = opened = 0
    live = set(
        Alert.objects.filter(county_id=county.pk)
        .exclude(state=Alert.State.CLOSED)
        .values_list("household_id", "kind")
    )
    for chunk in _chunks(rows.order_by("id").iterator(CHUNK), CHUNK):
        pictures = _pictures(chunk, on)
        drafts = [
            _draft(assessment, household, signal, limits, on)
            for household in chunk
            for signal in assess_relapse(pictures[household.pk], limits, on)
            if (household.pk, signal.kind.value) not in live
        ]
        Alert.objects.bulk_create(drafts, batch_size=1_000, ignore_conflicts=True)
        households += len(chunk)
    opened = Alert.objects.filter(assessment=assessment).count()
    return households, opened


def _chunks(rows: Iterator[Household], size: int) -> Iterator[list[Household]]:
    while chunk := list(islice(rows, size)):
        yield chunk


def _draft(assessment: Assessment, household: Household, signal: Signal, limits: Limits, on: date) -> Alert:
    return Alert(
        household=household,
        assessment=assessment,
        kind=signal.kind.value,
        observed_fen=signal.observed_fen,
        limit_fen=signal.limit_fen,
        note=signal.note,
        opened_on=on,
        due_on=on + timedelta(days=limits.visit_days),
        opened_by_id=assessment.assessed_by_id,
        place=household.place,
        **keys_of(household.place),
    )


def _pictures(chunk: Sequence[Household], on: date) -> dict[int, HouseholdFacts]:
    """What the rules need of each household: its latest facts and what the ledger paid it."""
    ids = [h.pk for h in chunk]
    facts = facts_on(ids, on)
    recent = income_by_household(ids, on - HALF_YEAR + timedelta(days=1), on)
    before = income_by_household(ids, on - 2 * HALF_YEAR + timedelta(days=1), on - HALF_YEAR)
    since = _income_since_observed({pk: row.observed_on for pk, row in facts.items()}, on)
    pictures = {}
    for household in chunk:
        row = facts.get(household.pk)
        pictures[household.pk] = HouseholdFacts(
            household_id=household.pk,
            size=household.size,
            observed_on=row.observed_on if row else None,
            net_income_per_head_fen=row.net_income_per_head_fen if row else None,
            unsafe_house=row.unsafe_house if row else None,
            safe_water=row.safe_water if row else None,
            medical_spending_fen=row.compliant_medical_spending_fen if row else None,
            ledger_since_observed_fen=since.get(household.pk, 0),
            ledger_last_half_year_fen=recent.get(household.pk, 0),
            ledger_half_year_before_fen=before.get(household.pk, 0),
        )
    return pictures


def _income_since_observed(observed: dict[int, date], on: date) -> dict[int, int]:
    """Ledger income after the day of each household's statement. One query per distinct day."""
    by_day: dict[date, list[int]] = defaultdict(list)
    for pk, day in observed.items():
        by_day[day].append(pk)
    found: dict[int, int] = {}
    for day, ids in by_day.items():
        found |= income_by_household(ids, day + timedelta(days=1), on)
    return found


def record_visit(
    *, actor: Actor, alert_id: int, version: int, visited_on: date, outcome: str, finding: str
) -> Visit:
    """Store a visit and what follows from it for the alert.

    Nobody closes an alert that he or she opened. A village cadre cannot close what was escalated: that
    is for the township or county. Raises Refused, Hidden, Stale, Conflict, Invalid.
    """
    if actor.user_id is None:
        raise Refused(_("走访须由到户的人本人填写。"))
    with write("monitoring.record_visit", actor) as audit:
        rows = Alert.objects.select_related("place")
        alert = open_door(rows, actor, "monitoring.visit", alert_id, lock=True)
        check_version(alert, version)
        _check_visit(actor, alert, visited_on, outcome)
        visit = Visit.objects.create(
            alert=alert,
            household_id=alert.household_id,
            visited_on=visited_on,
            recorded_at=clock.now(),
            visitor_id=actor.user_id,
            visitor_name=actor.name,
            outcome=outcome,
            finding=finding.strip(),
            place=alert.place,
            **keys_of(alert.place),
        )
        before = alert.state
        _follow(alert, outcome, visited_on)
        save(alert)
        audit.add("visit", visit.pk, place_id=alert.place_id, alert=alert.pk, outcome=outcome)
        audit.add("alert", alert.pk, place_id=alert.place_id, before=before, after=alert.state)
    return visit


def _check_visit(actor: Actor, alert: Alert, visited_on: date, outcome: str) -> None:
    if alert.state == Alert.State.CLOSED:
        raise Conflict(_("这条预警已经办结。"), remedy=_("如情况反复,请重新比对后处理新的预警。"))
    if outcome not in Visit.Outcome.values:
        raise invalid("outcome", _("请选择处理结果。"))
    if not alert.opened_on <= visited_on <= clock.today():
        raise invalid(
            "visited_on",
            _("走访日期应在发现日期(%(opened)s)与今天之间。") % {"opened": alert.opened_on},
            _("请填写实际入户的日期。"),
        )
    if outcome == Visit.Outcome.CLOSE and alert.opened_by_id == actor.user_id:
        raise Refused(_("谁发起比对,谁不能办结其中的预警。"), remedy=_("请由村干部或乡镇审核员走访办结。"))
    if awaits_those_above(actor, alert):
        raise Refused(_("已上报的预警由乡镇或县办理。"), remedy=_("请联系乡镇审核员。"))


def _follow(alert: Alert, outcome: str, visited_on: date) -> None:
    if outcome == Visit.Outcome.CLOSE:
        alert.state, alert.closed_on = Alert.State.CLOSED, visited_on
    elif outcome == Visit.Outcome.ESCALATE:
        alert.state = Alert.State.ESCALATED
