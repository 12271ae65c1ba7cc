"""What a telephone reports is written once; what contradicts the register is kept for a person."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from tests import people, things
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused, Stale
from yuchang.core.models import AuditEntry
from yuchang.field.actions import drop_report, open_device, receive, receive_photo, settle_report
from yuchang.field.models import Photo, Report
from yuchang.field.queries import conflicts_waiting, content_of, lines_of
from yuchang.field.rules import MOST_PHOTOS, Sent
from yuchang.files.models import StoredFile
from yuchang.files.tests import hostile
from yuchang.monitoring.actions import record_visit
from yuchang.monitoring.models import Alert, Assessment, Visit
from yuchang.places.models import keys_of
from yuchang.registry.actions import record_facts
from yuchang.registry.models import Household, HouseholdFacts, Member, Source

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
ON = date(2026, 11, 20)
MADE = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
VISIT = (("visited_on", "2026-11-20"), ("finding", "入户看了，口粮充足。"), ("outcome", "continue"))


@pytest.fixture
def alert(db):
    village = people.villages()[0]
    home = things.household(village, name="李阿福")
    things.facts(home, per_head_yuan=5_000)
    assessment = Assessment.objects.create(
        on=ON, line_fen=870_000, line_source="测试", households=1, opened=1, created_at=MADE,
        place=village, **keys_of(village),
    )  # fmt: skip
    return Alert.objects.create(
        household=home, assessment=assessment, kind="below_line", observed_fen=500_000,
        limit_fen=870_000, opened_on=date(2026, 11, 10), due_on=date(2026, 12, 1), place=village,
        **keys_of(village),
    )  # fmt: skip


@pytest.fixture
def li(alert):
    return people.li()


@pytest.fixture
def phone(li):
    return open_device(actor=li.actor, name="红米", key=KEY)


def visit_of(alert, **changes) -> Sent:
    made = Sent(uuid.uuid4().hex, "visit", alert.pk, alert.version, MADE, VISIT)
    return replace(made, **changes)


def facts_of(home, read, **values) -> Sent:
    fields = (("observed_on", "2026-11-20"), ("source", "visit"), *values.items())
    return Sent(uuid.uuid4().hex, "facts", home.pk, read, MADE, fields)


def send(person, phone, sent) -> Report:
    return receive(actor=person.actor, uid=phone.uid, sent=sent)


def test_a_visit_sent_five_times_in_any_order_is_one_visit_with_one_answer(li, phone, alert):
    first, sent = visit_of(alert), None
    answers = {send(li, phone, first).pk for _turn in range(3)}
    alert.refresh_from_db()
    sent = visit_of(alert, read=alert.version)
    later = {send(li, phone, one).pk for one in (sent, first, sent)}
    assert len(answers) == 1 and answers < later and len(later) == 2
    assert Visit.objects.count() == 2
    assert set(Report.objects.values_list("state", flat=True)) == {"written"}


def test_the_same_number_with_another_content_is_refused_and_changes_nothing(li, phone, alert):
    sent = visit_of(alert)
    send(li, phone, sent)
    other = replace(sent, fields=(*VISIT[:1], ("finding", "另一番话。"), *VISIT[2:]))
    with pytest.raises(Conflict, match="另一份内容"):
        send(li, phone, other)
    assert Visit.objects.get().finding == "入户看了，口粮充足。"


def test_of_two_visits_filled_offline_both_are_kept_and_the_second_waits_for_a_person(li, phone, alert):
    feng = people.team_member()
    other = open_device(actor=feng.actor, name="华为", key=KEY)
    assert send(feng, other, visit_of(alert, fields=(*VISIT[:2], ("outcome", "escalate")))).state == "written"
    late = send(li, phone, visit_of(alert))
    assert late.state == "conflict" and "版" in late.reason
    assert Visit.objects.count() == 1
    assert content_of(late).fields == VISIT
    assert conflicts_waiting(li.actor) == 1 and conflicts_waiting(people.outsider().actor) == 0


def test_a_contradicting_visit_is_written_by_whoever_made_it_after_looking(li, phone, alert):
    zhang = people.zhang()
    record_visit(
        actor=zhang.actor, alert_id=alert.pk, version=1, visited_on=ON, outcome="continue", finding="先来过。"
    )
    row = send(li, phone, visit_of(alert))
    said = {"finding": "核对后仍需帮扶。", "outcome": "continue"}
    with pytest.raises(Refused, match="谁到的户"):
        settle_report(actor=zhang.actor, report_id=row.pk, version=1, fields=said)
    with pytest.raises(Stale):
        settle_report(actor=li.actor, report_id=row.pk, version=7, fields=said)
    settle_report(actor=li.actor, report_id=row.pk, version=1, fields=said)
    row.refresh_from_db()
    assert (row.state, row.settled_by_id) == ("settled", li.user.pk)
    assert Visit.objects.order_by("-id")[0].visitor_id == li.user.pk
    assert Visit.objects.order_by("-id")[0].finding == "核对后仍需帮扶。"
    with pytest.raises(Conflict, match="已经处理"):
        drop_report(actor=li.actor, report_id=row.pk, version=2, reason="重复")


def test_a_visit_to_a_closed_alert_can_only_be_set_aside_and_stays_readable(li, phone, alert):
    record_visit(
        actor=people.zhang().actor,
        alert_id=alert.pk,
        version=1,
        visited_on=ON,
        outcome="close",
        finding="好了。",
    )
    row = send(li, phone, visit_of(alert))
    with pytest.raises(Conflict, match="已经办结"):
        settle_report(actor=li.actor, report_id=row.pk, version=1, fields={})
    row.refresh_from_db()
    assert row.state == "conflict"
    with pytest.raises(Invalid, match="原因"):
        drop_report(actor=li.actor, report_id=row.pk, version=1, reason=" ")
    drop_report(actor=li.actor, report_id=row.pk, version=1, reason="已由乡镇办结")
    row.refresh_from_db()
    assert row.state == "dropped" and ("走访情况", "", "入户看了，口粮充足。") in lines_of(row)


def test_facts_that_somebody_else_changed_to_something_else_contradict_and_others_do_not(li, phone, alert):
    home = alert.household
    read = HouseholdFacts.objects.get(household=home).pk
    record_facts(
        actor=people.team_member().actor, household_id=home.pk, observed_on=ON, source=Source.VISIT,
        facts={"safe_water": False},
    )  # fmt: skip
    assert send(li, phone, facts_of(home, read, unsafe_house="c")).state == "written"
    assert send(li, phone, facts_of(home, read, safe_water="0")).state == "written"
    row = send(li, phone, facts_of(home, read, safe_water="1", wage_income_fen="3200"))
    assert row.state == "conflict"
    newest = HouseholdFacts.objects.filter(household=home).order_by("-observed_on", "-id")[0]
    assert (newest.safe_water, newest.unsafe_house, newest.wage_income_fen) == (False, "c", None)
    settle_report(actor=li.actor, report_id=row.pk, version=1, fields={"safe_water": ""})
    newest = HouseholdFacts.objects.filter(household=home).order_by("-observed_on", "-id")[0]
    assert (newest.safe_water, newest.unsafe_house, newest.wage_income_fen) == (False, "c", 320_000)


def entry_fields(village, name="王小山", **more):
    counts = {"TOTAL_FORMS": "1", "INITIAL_FORMS": "0", "MIN_NUM_FORMS": "0", "MAX_NUM_FORMS": "30"}
    return (
        ("village", str(village.pk)), ("observed_on", "2026-11-20"), ("attribute", "ordinary"),
        ("main_cause", "illness"), ("exit_attribute", "not_exited"),
        ("m-0-name", name), ("m-0-relation", "head"), *more.items(),
        *((f"m-{key}", value) for key, value in counts.items()),
    )  # fmt: skip


def test_a_new_household_is_entered_once_and_waits_for_the_second_person(li, phone):
    sent = Sent(uuid.uuid4().hex, "entry", 0, 0, MADE, entry_fields(people.villages()[0]))
    rows = [send(li, phone, sent) for _turn in range(2)]
    assert rows[0].pk == rows[1].pk
    home = Household.objects.get(head_name="王小山")
    assert rows[0].household_id == home.pk and home.verified_by_id is None
    assert Member.objects.filter(household=home).count() == 1


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(li, phone):
    fields = tuple(pair for pair in entry_fields(people.villages()[0]) if pair[0] != "main_cause")
    with pytest.raises(Invalid) as refused:
        send(li, phone, Sent(uuid.uuid4().hex, "entry", 0, 0, MADE, (*fields, ("m-0-work_months", "70"))))
    assert {problem.field for problem in refused.value.problems} == {"main_cause", "m-0-work_months"}
    assert not Report.objects.exists()


def test_nobody_reports_about_the_next_county_or_from_somebody_elses_telephone(li, phone, alert):
    stranger = people.outsider()
    own = open_device(actor=stranger.actor, name="别县", key=KEY)
    with pytest.raises(Hidden):
        send(stranger, own, visit_of(alert))
    with pytest.raises(Hidden, match="没有登记在您名下"):
        send(people.zhang(), phone, visit_of(alert))
    with pytest.raises(Refused):
        send(people.auditor(), phone, visit_of(alert))
    assert not Report.objects.exists() and not Visit.objects.exists()


def test_every_receipt_is_in_the_log_without_the_content(li, phone, alert):
    send(li, phone, visit_of(alert))
    entries = AuditEntry.objects.filter(action__in=["field.receive", "monitoring.record_visit"])
    assert entries.count() == 3
    assert "口粮" not in "".join(entries.values_list("body", flat=True))


def test_a_report_reads_its_page_and_a_neighbour_does_not(li, phone, alert):
    record_visit(
        actor=people.zhang().actor,
        alert_id=alert.pk,
        version=1,
        visited_on=ON,
        outcome="continue",
        finding="来过",
    )
    row = send(li, phone, visit_of(alert))
    address = reverse("field:report", args=[row.pk])
    page = li.client().get(address).content.decode()
    assert "口粮充足" in page and "核对后写入" in page
    assert "核对后写入" not in people.zhang().client().get(address).content.decode()
    assert people.outsider().client().get(address).status_code == 404
    settled = li.client().post(
        reverse("field:report_settle", args=[row.pk]),
        {"version": 1, "finding": "再看一次", "outcome": "continue"},
    )
    assert settled.status_code == 302
    empty = li.client().post(reverse("field:report_settle", args=[row.pk]), {"version": 2})
    assert empty.status_code == 422


def test_the_database_refuses_a_report_twice_and_a_conflict_without_content(li, phone, alert):
    row = send(li, phone, visit_of(alert))
    copy = Report.objects.get(pk=row.pk)
    for change in ({"pk": None}, {"state": "conflict"}, {"state": "dropped"}, {"household_id": None}):
        for name, value in change.items():
            setattr(copy, name, value)
        with pytest.raises(DatabaseError), transaction.atomic():
            copy.save()
        copy = Report.objects.get(pk=row.pk)


def picture(name="照片.jpg", content=None):
    return SimpleUploadedFile(name, content or hostile.photo_with_gps())


def add_photo(person, report, number=None, upload=None):
    return receive_photo(
        actor=person.actor,
        number=report.number.hex,
        photo=number or uuid.uuid4().hex,
        upload=upload or picture(),
    )


def test_a_photo_sent_again_is_one_photo_of_the_household_and_shows_beside_its_report(li, phone, alert):
    report, number = send(li, phone, visit_of(alert)), uuid.uuid4().hex
    rows = {add_photo(li, report, number).pk for _turn in range(3)}
    assert len(rows) == 1 and StoredFile.objects.filter(purpose="visit_photo").count() == 1
    kept = StoredFile.objects.get()
    assert (kept.about_kind, kept.about_id, kept.state) == ("household", alert.household_id, "ready")
    page = li.client().get(reverse("field:report", args=[report.pk])).content.decode()
    assert f"/files/{kept.pk}/thumbnail" in page


def test_no_photo_without_its_report_nor_of_somebody_elses_nor_without_end_nor_of_no_picture(
    li, phone, alert
):
    report = send(li, phone, visit_of(alert))
    with pytest.raises(Hidden, match="还没有收到"):
        receive_photo(actor=li.actor, number=uuid.uuid4().hex, photo=uuid.uuid4().hex, upload=picture())
    with pytest.raises(Hidden):
        add_photo(people.zhang(), report)
    with pytest.raises(Invalid):
        add_photo(li, report, upload=picture("坏的.jpg", b"no picture"))
    with pytest.raises(Invalid):
        receive_photo(actor=li.actor, number="x", photo="y", upload=picture())
    assert not Photo.objects.exists()
    for _turn in range(MOST_PHOTOS):
        add_photo(li, report)
    with pytest.raises(Conflict, match="最多 6 张"):
        add_photo(li, report)
    assert Photo.objects.count() == MOST_PHOTOS


@pytest.mark.django_db(transaction=True)
def test_the_same_report_from_two_connections_at_once_is_one_visit(alert, li, phone):
    sent, answers = visit_of(alert), []

    def deliver() -> None:
        try:
            answers.append(send(li, phone, sent).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and len(set(answers)) == 1
    assert Visit.objects.count() == 1
