"""A firm promises, the county accepts; the firm reports, the county confirms; facts say what was kept."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import people
from yuchang.core import clock
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.partners import actions, queries
from yuchang.partners.actions import CommitmentFacts, MilestonePlan, ProgressFacts
from yuchang.partners.models import Commitment, Milestone, Organisation, Progress
from yuchang.partners.rules import assess_record
from yuchang.places.models import keys_of

pytestmark = pytest.mark.django_db


def firm(name: str = "沪上商会企业", host: str = people.CHENG) -> Organisation:
    place = people.county(people.WEN)
    return Organisation.objects.create(
        place=place,
        **keys_of(place),
        host=people.county(host),
        name=name,
        kind="enterprise",
        state="vetted",
        vetted_at=clock.now(),
    )


def promise(row: Organisation, **changes: Any) -> CommitmentFacts:
    today = clock.today()
    plan = [
        MilestonePlan(today + timedelta(days=30), "采购额", 50_000_00),
        MilestonePlan(today + timedelta(days=90), "采购额", 50_000_00),
    ]
    facts = CommitmentFacts(people.county().pk, "purchase", "采购核桃十万元", plan, organisation_id=row.pk)
    return replace(facts, **changes)


@pytest.fixture
def active() -> Commitment:
    row = firm()
    made = actions.commit(actor=people.zhao(row.pk).actor, facts=promise(row))
    return actions.answer_commitment(
        actor=people.wang().actor, commitment_id=made.pk, version=1, is_accepted=True
    )


def test_a_promise_waits_for_who_receives(active: Commitment) -> None:
    assert (active.state, active.unit, active.milestones.count()) == ("active", "fen", 2)
    actions_done = set(AuditEntry.objects.filter(object_id=str(active.pk)).values_list("action", flat=True))
    assert {"partners.commit", "partners.active_commitment"} <= actions_done


def test_only_its_own_people_promise_for_an_organisation() -> None:
    row = firm()
    with pytest.raises(Hidden):
        actions.commit(actor=people.zhao(firm("别家").pk).actor, facts=promise(row))
    with pytest.raises(Refused):
        actions.commit(actor=people.li().actor, facts=promise(row))
    Organisation.objects.filter(pk=row.pk).update(state="suspended")
    with pytest.raises(Refused):
        actions.commit(actor=people.zhao(row.pk).actor, facts=promise(row))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "gold"},
        {"title": " "},
        {"milestones": []},
        {"organisation_id": None},
        {"unit": "吨"},
        {"place_id": 0},
    ],
)
def test_an_absurd_promise_is_refused(changes: dict[str, Any]) -> None:
    row = firm()
    with pytest.raises(Invalid):
        actions.commit(actor=people.zhao(row.pk).actor, facts=promise(row, **changes))
    assert not Commitment.objects.exists()


def test_a_county_body_promises_to_another_county_and_may_not_accept_for_it() -> None:
    wen, wang = people.outsider(), people.wang()
    facts = promise(firm(), organisation_id=None, maker_place_id=people.county(people.WEN).pk)
    made = actions.commit(actor=wen.actor, facts=facts)
    with pytest.raises(Hidden):
        actions.answer_commitment(actor=wen.actor, commitment_id=made.pk, version=1, is_accepted=True)
    with pytest.raises(Invalid):
        actions.answer_commitment(actor=wang.actor, commitment_id=made.pk, version=1, is_accepted=False)
    row = actions.answer_commitment(actor=wang.actor, commitment_id=made.pk, version=1, is_accepted=True)
    done = actions.report_progress(
        actor=wen.actor,
        milestone_id=row.milestones.get(number=1).pk,
        facts=ProgressFacts(1, clock.today(), reference="凭1"),
    )
    with pytest.raises(Hidden):
        actions.judge_progress(actor=wen.actor, progress_id=done.pk, version=1, is_confirmed=True)
    actions.judge_progress(actor=wang.actor, progress_id=done.pk, version=1, is_confirmed=True)


def report(active: Commitment, number: int = 1, amount: int = 50_000_00) -> Progress:
    milestone = active.milestones.get(number=number)
    zhao = people.zhao(active.organisation_id or 0).actor
    return actions.report_progress(
        actor=zhao,
        milestone_id=milestone.pk,
        facts=ProgressFacts(amount, clock.today(), reference="发票 0123"),
    )


def test_only_confirmed_progress_counts(active: Commitment) -> None:
    done, today = report(active), clock.today()
    organisation = active.organisation_id or 0
    assert queries.records_of([organisation], today)[organisation].kept == 0
    actions.judge_progress(actor=people.wang().actor, progress_id=done.pk, version=1, is_confirmed=True)
    record = queries.records_of([organisation], today)[organisation]
    assert (record.kept, record.open, record.percent_kept) == (1, 1, 100)
    assert queries.verdicts_of([active.pk], today) == {active.pk: "open"}
    assert queries.verdicts_of([active.pk], today + timedelta(days=365)) == {active.pk: "broken"}


def test_nobody_confirms_the_own_report_and_nothing_is_proven_without_evidence(active: Commitment) -> None:
    milestone = active.milestones.get(number=1)
    zhao = people.zhao(active.organisation_id or 0).actor
    for facts in (
        ProgressFacts(5, clock.today()),
        ProgressFacts(0, clock.today(), reference="x"),
        ProgressFacts(5, date(2090, 1, 1), reference="x"),
    ):
        with pytest.raises(Invalid):
            actions.report_progress(actor=zhao, milestone_id=milestone.pk, facts=facts)
    done = report(active)
    with pytest.raises(Refused):
        actions.judge_progress(actor=zhao, progress_id=done.pk, version=1, is_confirmed=True)
    with pytest.raises(Hidden):
        actions.judge_progress(
            actor=people.outsider().actor, progress_id=done.pk, version=1, is_confirmed=True
        )
    with pytest.raises(Invalid):
        actions.judge_progress(actor=people.wang().actor, progress_id=done.pk, version=1, is_confirmed=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Progress.objects.filter(pk=done.pk).update(state="confirmed", judged_by_id=done.reported_by_id)


def test_the_database_keeps_terms_and_judgements(active: Commitment) -> None:
    done = report(active)
    actions.judge_progress(actor=people.wang().actor, progress_id=done.pk, version=1, is_confirmed=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Progress.objects.filter(pk=done.pk).update(amount=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Progress.objects.filter(pk=done.pk).update(reason="改口")
    with pytest.raises(IntegrityError), transaction.atomic():
        Commitment.objects.filter(pk=active.pk).update(title="少一点")
    with pytest.raises(IntegrityError), transaction.atomic():
        Commitment.objects.filter(pk=active.pk).update(state="offered", answered_by_id=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.create(commitment=active, number=9, due_on=clock.today(), measure="加", amount=1)
    with pytest.raises(ProgrammingError), transaction.atomic():
        Milestone.objects.filter(commitment=active).update(amount=1)
    with pytest.raises(ProgrammingError), transaction.atomic():
        done.delete()


def test_a_released_commitment_counts_no_more(active: Commitment) -> None:
    wang = people.wang().actor
    with pytest.raises(Invalid):
        actions.release_commitment(actor=wang, commitment_id=active.pk, version=2, reason=" ")
    actions.release_commitment(actor=wang, commitment_id=active.pk, version=2, reason="因灾停产")
    assert queries.records_of([active.organisation_id or 0], clock.today() + timedelta(days=900)) == {}
    with pytest.raises(Conflict):
        report(active)


days = st.integers(-200, 200)
facts_of_firm = st.lists(
    st.tuples(
        days, st.integers(1, 50), st.lists(st.tuples(days, st.integers(1, 40), st.booleans()), max_size=4)
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts_of_firm, st.integers(-250, 350))
def test_the_statement_and_the_rule_say_the_same(facts: Any, offset: int) -> None:
    with transaction.atomic():
        on = clock.today() + timedelta(days=offset)
        row = firm()
        made = Commitment.objects.create(
            organisation=row,
            place=people.county(),
            **keys_of(people.county()),
            kind="jobs",
            title="岗位",
            unit="个",
        )
        plan = [
            Milestone(
                commitment=made,
                number=n,
                due_on=clock.today() + timedelta(days=due),
                measure="岗",
                amount=amount,
            )
            for n, (due, amount, _done) in enumerate(facts, 1)
        ]
        Milestone.objects.bulk_create(plan)
        Commitment.objects.filter(pk=made.pk).update(state="active", answered_at=clock.now())
        reports = [
            Progress(
                milestone=one,
                amount=amount,
                happened_on=clock.today() + timedelta(days=day),
                reference="证",
                reported_by_id=1,
                reported_at=clock.now(),
            )
            for one, (_due, _amount, done) in zip(plan, facts, strict=True)
            for day, amount, _confirmed in done
        ]
        Progress.objects.bulk_create(reports)
        confirmed = [c for _due, _amount, done in facts for _day, _n, c in done]
        good = [p.pk for p, c in zip(reports, confirmed, strict=True) if c]
        Progress.objects.filter(pk__in=good).update(state="confirmed", judged_by_id=2)
        assert queries.records_of([row.pk], on)[row.pk] == assess_record(queries.facts_of(row.pk), on)
        transaction.set_rollback(True)


def test_the_pages_walk_both_sides(active: Commitment) -> None:
    zhao, wang = people.zhao(active.organisation_id or 0), people.wang()
    url = reverse("partners:commitment", args=[active.pk])
    milestone = active.milestones.get(number=1)
    body = {"amount": "50000", "happened_on": clock.today().isoformat(), "reference": "合同 7"}
    reply = zhao.client().post(reverse("partners:progress_report", args=[active.pk, milestone.pk]), body)
    assert reply.status_code == 302
    done = Progress.objects.get()
    assert (done.amount, done.state) == (50_000_00, "reported")
    assert "不予确认" in wang.client().get(url).content.decode()
    assert "不予确认" not in zhao.client().get(url).content.decode()
    judged = wang.client().post(
        reverse("partners:progress_judge", args=[done.pk]), {"version": 1, "answer": "yes"}
    )
    assert judged.status_code == 302
    assert "已兑现" in zhao.client().get(url).content.decode()
    page = (
        wang.client()
        .get(reverse("partners:organisation_page", args=[active.organisation_id]))
        .content.decode()
    )
    assert "按期兑现" in page
    assert people.zhao(firm("旁人").pk).client().get(url).status_code == 404


def test_the_list_costs_the_same_for_five_and_sixty() -> None:
    row, wang = firm(), people.wang()
    zhao, counts, client = people.zhao(row.pk).actor, [], wang.client()
    for number in (5, 15):
        for _n in range(number):
            actions.commit(actor=zhao, facts=promise(row))
        Commitment.objects.filter(state="offered").update(state="active", answered_at=clock.now())
        client.get(reverse("partners:commitment_list"))
        with CaptureQueriesContext(connection) as seen:
            assert client.get(reverse("partners:commitment_list")).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
