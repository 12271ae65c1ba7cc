"""The part of the loop that looks: policy, monitoring, visits, publication, the signed log."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from datetime import date, timedelta
from uuid import NAMESPACE_OID, uuid5

from django.db import transaction

from demo import cast, register
from demo.progress import Line
from demo.scene import YEAR, Scene
from yuchang.core import clock, sequencer
from yuchang.core.errors import Conflict, Invalid
from yuchang.core.models import AuditEntry
from yuchang.field import actions as field
from yuchang.field.rules import Sent
from yuchang.monitoring import actions as monitoring
from yuchang.monitoring.models import Alert, Visit
from yuchang.policy.actions import run_policy
from yuchang.policy.models import Run
from yuchang.portal import actions as portal
from yuchang.registry import actions as registry
from yuchang.registry.models import Source
from yuchang.registry.queries import villages_of

VISITS = 120
"""How many alerts are visited in the demonstration; the others wait for the reader."""


def decide(scene: Scene, line: Line) -> str:
    """The rules over a frozen snapshot of the county: verdict, class and reasons of every household."""
    on = scene.set_clock(2, 20)
    run = Run.objects.filter(county_id=scene.county_place.pk, on=on).first()
    if run is None:
        run = run_policy(actor=scene.officer, county=scene.county_place, on=on)
    return f"{run.households:,} 户:{_counted(run.counts)}"


def _counted(counts: dict[str, object]) -> str:
    return ",".join(f"{name} {number}" for name, number in counts.items())


def see_the_year(scene: Scene, line: Line) -> str:
    """The autumn visit: what the year's illnesses, droughts and lost jobs made of incomes, before help."""
    on = scene.set_clock(11, 2)
    ids = scene.household_ids
    struck = set(scene.county.events.household.tolist())
    rows = [
        row for i, row in zip(sorted(ids), register.survey_rows(scene, ids, 1), strict=True) if i in struck
    ]
    count = registry.record_facts_set(
        actor=scene.officer,
        observed_on=on,
        source=Source.COMPARISON,
        columns=register.SURVEY_COLUMNS,
        rows=rows,
    )
    return f"{on} 复查 {count:,} 户受灾、患病、失业户"


def assess(scene: Scene, line: Line) -> str:
    """Compare facts and the book's income with the line; open alerts with reasons."""
    on = scene.set_clock(11, 5)
    assessment = monitoring.assess_county(actor=scene.officer, on=on)
    return f"比对 {assessment.households:,} 户,开出 {assessment.opened:,} 条预警"


BACKDATED = 6
"""Visits that somebody tries to date before the clue they answer."""


def _backdate(scene: Scene, alerts: list[Alert], on: date) -> int:
    """A cadre claims to have been there before anybody knew; returns how often that was refused."""
    refused = 0
    for alert in alerts[:BACKDATED]:
        try:
            _record(scene, alert, on - timedelta(days=30), "continue")
        except Invalid:
            refused += 1
    return refused


def visit(scene: Scene, line: Line) -> str:
    """Some alerts are visited: most are real and stay in hand, some turn out to be a mistake of the paper."""
    on = scene.set_clock(11, 12)
    rng = scene.rng("visits")
    alerts = list(
        Alert.objects.filter(county_id=scene.county_place.pk, state=Alert.State.OPEN).order_by("id")
    )
    wanted = max(10, int(VISITS * scene.options.scale))
    refused = _backdate(scene, alerts, on)
    by_outcome: dict[str, int] = {}
    for number, alert in enumerate(alerts[:wanted]):
        outcome = str(rng.choice(["close", "continue", "escalate"], p=[0.3, 0.5, 0.2]))
        _record(scene, alert, on, outcome)
        by_outcome[outcome] = by_outcome.get(outcome, 0) + 1
        line.step(number + 1, wanted)
    return f"走访 {Visit.objects.count()} 户:{_counted(dict(by_outcome))};倒填日期 {refused} 次,均被拒绝"


def _record(scene: Scene, alert: Alert, on: date, outcome: str) -> None:
    words = {
        "close": "入户核查:本季已有收入到账,全年可稳定超过监测线。",
        "continue": "入户核查:情况属实,已商定继续帮扶措施。",
        "escalate": "入户核查:需县级部门共同研究医疗救助。",
    }
    monitoring.record_visit(
        actor=scene.second,
        alert_id=alert.pk,
        version=alert.version,
        visited_on=on,
        outcome=outcome,
        finding=words[outcome],
    )


def report_from_the_field(scene: Scene, line: Line) -> str:
    """The cadre takes the village along on a telephone; of two visits filled in, one meets another's."""
    on = scene.set_clock(11, 13)
    cadre = cast.actor("cadre")
    village = villages_of(cadre, "monitoring.visit")[0]
    key = b64encode(bytes(scene.rng("telephone").integers(0, 256, 32, dtype="uint8"))).decode()
    device = field.open_device(actor=cadre, name="村里的手机(模拟)", key=key)
    taken = field.take_along(actor=cadre, uid=device.uid, village_id=village.pk)
    waiting = Alert.objects.filter(village_id=village.pk, state=Alert.State.OPEN).order_by("due_on", "id")
    states = []
    for alert, is_met in zip(waiting[:2], (True, False), strict=False):
        sent = _filled_in(scene, alert, on)
        if is_met:
            _record(scene, alert, on, "continue")
        states.append(field.receive(actor=cadre, uid=device.uid, sent=sent).state)
    return f"带上 {taken.households} 户;回传 {len(states)} 份,{states.count('conflict')} 份有冲突待核对"


def _filled_in(scene: Scene, alert: Alert, on: date) -> Sent:
    """A visit as the telephone keeps it until there is a network."""
    words = "入户查看:住房安全,老人有药;收入比上年少,与预警一致。"
    fields = (("visited_on", f"{on}"), ("finding", words), ("outcome", "escalate"))
    number = uuid5(NAMESPACE_OID, f"{scene.options.seed}/{alert.pk}").hex
    return Sent(number, "visit", alert.pk, alert.version, clock.now(), fields)


def publish(scene: Scene, line: Line) -> str:
    """What anyone may see: totals, notices, rounds, open data, who gives what to whom.

    After the log was signed, so that the page names the log as it stood.
    """
    on, county = scene.set_clock(11, 20), scene.county_place.pk
    shown, _removed = portal.publish_notices(actor=scene.second, county_id=county)
    row = portal.publish_county_figures(
        actor=scene.second, county_id=county, from_on=date(YEAR, 1, 1), as_of=on
    )
    rounds = portal.publish_rounds(actor=scene.second, county_id=county)
    tables = 0
    for step in (portal.publish_open_data, portal.publish_deals):
        with contextlib.suppress(Conflict), transaction.atomic():  # too few households to say anything
            step(actor=scene.second, county_id=county)
            tables += 1
    sold, paid = (f"{fen / 100:,.2f} 元" if fen else "不足十户不公开" for fen in (row.sold_fen, row.paid_fen))
    return f"公开累计:售出 {sold},到户 {paid};公示 {shown} 条,预售 {rounds} 次,开放数据 {tables} 种"


def sign_log(scene: Scene, line: Line) -> str:
    """Order the audit log and sign its tree."""
    scene.set_clock(11, 18)
    total = AuditEntry.objects.count()
    ordered = 0
    while step := sequencer.sequence():
        ordered += step
        line.step(ordered, total)
    return f"{total:,} 条日志已排序签名"
