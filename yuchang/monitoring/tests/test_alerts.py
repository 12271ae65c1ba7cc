"""From the county's comparison to the visit that closes or escalates."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests import people, things
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.monitoring.actions import assess_county, record_visit
from yuchang.monitoring.models import Alert, Visit
from yuchang.monitoring.queries import alert_counts, alerts_for
from yuchang.policy.queries import Line

pytestmark = pytest.mark.django_db
ON = date(2026, 6, 30)
LINE = Line(
    "monitoring_range",
    870_000,
    "62",
    "甘肃省",
    2025,
    date(2026, 1, 1),
    None,
    "测试〔2026〕1号",
    "assumed",
    "test",
)


@pytest.fixture(autouse=True)
def a_line(monkeypatch):
    monkeypatch.setattr("yuchang.monitoring.actions.line_for", lambda place, on, name: LINE)


@pytest.fixture
def wang():
    return people.wang()


@pytest.fixture
def poor():
    row = things.household(people.villages()[0], name="李阿福")
    things.facts(row, per_head_yuan=5_000)
    return row


def the_alert(wang, row) -> Alert:
    assess_county(actor=wang.actor, on=ON)
    return Alert.objects.get(household=row)


def visit(person, alert, *, outcome="close", version=None, on=ON, finding="入户核对了收入台账,口粮充足。"):
    return record_visit(
        actor=person.actor,
        alert_id=alert.pk,
        version=version or Alert.objects.get(pk=alert.pk).version,
        visited_on=on,
        outcome=outcome,
        finding=finding,
    )


def test_a_refused_visit_stays_in_its_form_with_what_was_typed(wang, poor):
    alert = the_alert(wang, poor)
    said = "入户核对了收入台账,口粮充足。"
    sent = {"version": alert.version, "visited_on": "2031-01-01", "finding": said, "outcome": "close"}
    answer = people.li().client().post(reverse("monitoring:visit", args=[alert.pk]), sent)
    page = answer.content.decode()
    assert answer.status_code == 422 and said in page and "填写走访" in page
    assert "走访日期应在发现日期" in page and not Visit.objects.exists()


def test_a_household_below_the_line_gets_an_alert_with_its_reason_and_an_audit_entry(wang, poor):
    well = things.household(people.villages()[0], name="赵有余")
    things.facts(well, per_head_yuan=15_000)
    made = assess_county(actor=wang.actor, on=ON)
    alert = Alert.objects.get()
    assert (made.households, made.opened) == (2, 1)
    assert (alert.household, alert.kind) == (poor, "below_line")
    assert (alert.observed_fen, alert.limit_fen) == (500_000, 870_000)
    assert (alert.due_on - alert.opened_on).days == 15
    assert AuditEntry.objects.filter(object_kind="alert", object_id=str(alert.pk)).count() == 1


def test_comparing_twice_opens_nothing_twice(wang, poor):
    assert assess_county(actor=wang.actor, on=ON).opened == 1
    assert assess_county(actor=wang.actor, on=ON).opened == 0
    assert Alert.objects.count() == 1


def test_the_next_county_is_not_compared(wang):
    other = things.household(people.villages(people.WEN)[0])
    things.facts(other, per_head_yuan=100)
    assert assess_county(actor=wang.actor, on=ON).households == 0


def test_without_a_stored_line_nothing_is_compared_and_the_message_says_why(wang, poor, monkeypatch):
    monkeypatch.setattr("yuchang.monitoring.actions.line_for", lambda place, on, name: None)
    with pytest.raises(Invalid, match="监测线"):
        assess_county(actor=wang.actor, on=ON)
    assert not Alert.objects.exists()


def test_a_cadre_cannot_start_a_comparison(poor):
    with pytest.raises(Refused):
        assess_county(actor=people.li().actor, on=ON)


@pytest.mark.parametrize(
    ("outcome", "state"), [("close", "closed"), ("escalate", "escalated"), ("continue", "open")]
)
def test_a_visit_closes_escalates_or_continues(wang, poor, outcome, state):
    alert = the_alert(wang, poor)
    visit(people.li(), alert, outcome=outcome)
    alert.refresh_from_db()
    assert alert.state == state
    assert AuditEntry.objects.filter(action="monitoring.record_visit", object_kind="visit").count() == 1


def test_who_started_the_comparison_cannot_close_its_alert(wang, poor):
    alert = the_alert(wang, poor)
    with pytest.raises(Refused):
        visit(wang, alert)
    assert not Visit.objects.exists()


def test_a_cadre_cannot_close_what_was_escalated_but_the_township_can(wang, poor):
    alert = the_alert(wang, poor)
    cadre = people.li()
    visit(cadre, alert, outcome="escalate")
    with pytest.raises(Refused):
        visit(cadre, alert)
    page, form = f"/monitoring/alerts/{alert.pk}", 'name="finding"'
    read = cadre.client().get(page).content.decode()
    assert form not in read and "已上报的预警由乡镇或县办理" in read
    assert form in people.zhang().client().get(page).content.decode()
    visit(people.zhang(), alert)
    assert Alert.objects.get().state == "closed"


def test_a_closed_alert_takes_no_more_visits_and_a_new_comparison_opens_a_new_one(wang, poor):
    alert = the_alert(wang, poor)
    visit(people.li(), alert)
    with pytest.raises(Conflict):
        visit(people.zhang(), alert)
    assert assess_county(actor=wang.actor, on=date(2026, 7, 31)).opened == 1


def test_an_older_version_is_refused(wang, poor):
    alert = the_alert(wang, poor)
    visit(people.li(), alert, outcome="continue")
    with pytest.raises(Stale):
        visit(people.zhang(), alert, version=1)


def test_the_next_county_cannot_even_see_the_alert(wang, poor):
    alert = the_alert(wang, poor)
    with pytest.raises(Hidden):
        visit(people.outsider(), alert)
    assert people.outsider().client().get(reverse("monitoring:alert", args=[alert.pk])).status_code == 404


def test_a_visit_in_the_future_or_before_the_finding_is_refused(wang, poor):
    alert = the_alert(wang, poor)
    for day in (date(2026, 6, 29), date(2099, 1, 1)):
        with pytest.raises(Invalid):
            visit(people.li(), alert, on=day)


def test_the_database_itself_keeps_visits_append_only_and_one_live_alert(wang, poor):
    alert = the_alert(wang, poor)
    visit(people.li(), alert, outcome="continue")
    for sql in ("UPDATE monitoring_visit SET finding='x'", "DELETE FROM monitoring_visit"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    with pytest.raises(DatabaseError), transaction.atomic():
        Alert.objects.create(
            **{f.attname: getattr(alert, f.attname) for f in Alert._meta.concrete_fields if f.attname != "id"}
        )


def test_the_pages_carry_the_visit_through_and_a_bad_form_says_what_is_missing(wang, poor):
    alert = the_alert(wang, poor)
    client = people.li().client()
    assert client.get(reverse("monitoring:alerts")).status_code == 200
    bad = client.post(reverse("monitoring:visit", args=[alert.pk]), {"version": 1})
    assert bad.status_code == 422
    good = client.post(
        reverse("monitoring:visit", args=[alert.pk]),
        {"version": alert.version, "visited_on": "2026-06-30", "outcome": "close", "finding": "已核对。"},
    )
    assert good.status_code == 302
    assert Alert.objects.get().state == "closed"


def test_the_list_costs_the_same_for_five_and_for_sixty_alerts(wang):
    client, costs = wang.client(), []
    for number in range(60):
        things.facts(things.household(people.villages()[number % 5]), per_head_yuan=1_000)
        if number in (4, 59):
            assess_county(actor=wang.actor, on=ON)
            client.get(reverse("monitoring:alerts"))
            with CaptureQueriesContext(connection) as queries:
                client.get(reverse("monitoring:alerts"))
            costs.append(len(queries))
    assert costs[0] == costs[1] <= 12, "\n".join(q["sql"][:160] for q in queries)


def test_a_helper_sees_counts_and_documents_the_own_households_alerts_only(wang, poor):
    other = things.household(people.villages()[1], name="张阿贵")
    things.facts(other, per_head_yuan=5_000)
    mine = the_alert(wang, poor)
    theirs = Alert.objects.get(household=other)
    people.opened("assignment", 7, poor.pk)
    han, idle = people.helper(7), people.helper(8)
    assert list(alerts_for(han.actor)) == [mine] and not alerts_for(idle.actor).exists()
    assert (alert_counts(han.actor, ON).live, alert_counts(idle.actor, ON).live) == (1, 0)
    page = han.client().get(reverse("monitoring:alerts")).content.decode()
    assert "李阿福" in page and "张阿贵" not in page
    opened = han.client().get(reverse("monitoring:alert", args=[mine.pk]))
    assert 'name="token"' in opened.content.decode()
    assert han.client().get(reverse("monitoring:alert", args=[theirs.pk])).status_code == 404
    household = han.client().get(reverse("workbench:household", args=[poor.pk])).content.decode()
    assert "附件" in household and 'name="token"' in household
