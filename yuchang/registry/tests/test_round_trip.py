"""Out and in again changes nothing; undo puts back what was; facts are carried over."""

from __future__ import annotations

import io
from datetime import date, timedelta

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import auditor, county, li, outsider, villages, wang, zhang
from yuchang.accounts.doors import ProofDue
from yuchang.accounts.factors import real_now
from yuchang.core.errors import Conflict, Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.registry import actions, codes, queries
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.models import Household, HouseholdFacts, Member, Resource, RowVersion
from yuchang.registry.queries import Filter
from yuchang.registry.tests.test_import import bring_in
from yuchang.registry.tests.workbooks import HEADERS, ON, families, family
from yuchang.sheets.actions import import_workbook, undo_import

pytestmark = pytest.mark.django_db


def export(person, **narrow) -> bytes:
    target = io.BytesIO()
    actions.export_households(
        actor=person.actor, narrow=Filter(**narrow), target=target, proven_at=real_now()
    )
    return target.getvalue()


def bring_back(person, content, on=ON):
    return import_workbook(
        actor=person.actor,
        kind=HOUSEHOLD_WORKBOOK,
        area_id=county().pk,
        file_name="again.xlsx",
        content=content,
        observed_on=on,
    )


LABELS = {
    "relation": None,
    "schooling": codes.SCHOOLING,
    "enrolment": codes.ENROLMENT,
    "labour": codes.LABOUR,
    "work_status": codes.WORK,
    "ethnicity": codes.ETHNICITIES,
}
HOUSEHOLD_LABELS = {
    "main_cause": codes.CAUSES,
    "attribute": codes.ATTRIBUTES,
    "exit_attribute": codes.EXIT_ATTRIBUTES,
    "unsafe_house": codes.UNSAFE_HOUSE,
}


def label_or_blank(values):
    return st.one_of(st.none(), st.sampled_from([c.label for c in values]))


NAMES = st.text(
    st.one_of(st.sampled_from("赵钱孙李=+-@＝·𠅤㐂䶮阿卜"), st.characters(categories=["Lo"])),
    min_size=1,
    max_size=8,
)
person_changes = st.fixed_dictionaries(
    {
        **{k: label_or_blank(v) for k, v in LABELS.items() if v},
        "name": NAMES,
        "health": st.one_of(st.none(), st.sampled_from(["健康", "长期慢性病、残疾", "患有大病,残疾"])),
        "work_months": st.one_of(st.none(), st.integers(0, 12)),
        "has_serious_illness_cover": st.sampled_from([None, "是", "否"]),
        "phone": st.sampled_from([None, "10000001234", 10000005678]),
    }
)
household_changes = st.fixed_dictionaries(
    {
        **{k: st.sampled_from([c.label for c in v]) for k, v in HOUSEHOLD_LABELS.items()},
        "hamlet": st.sampled_from([None, "上庄", "=下庄"]),
        "net_income_per_head_fen": st.one_of(st.none(), st.integers(-5000, 200_000), st.just(1234.56)),
        "safe_water": st.sampled_from([None, "是", "否"]),
        "exit_year": st.sampled_from([None, 2018]),
    }
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    household=household_changes,
    people=st.lists(person_changes, min_size=3, max_size=3),
    number=st.integers(1, 10**6),
)
def test_what_is_exported_and_imported_changes_nothing(household, people, number):
    officer = wang()
    Household.objects.filter(state="entered").update(state="removed")
    Member.objects.filter(left_on=None).update(left_on=ON)
    rows = [
        {**row, **household, **person}
        for row, person in zip(family(number, villages()[0]), people, strict=True)
    ]
    key = f"R{number}-{Household.objects.count()}"
    rows = [{**r, "household_number": key, "person_number": f"{key}-{i}"} for i, r in enumerate(rows)]
    first = bring_in(officer, rows)
    assert first.counts.get("created") == 1, list(first.findings.values_list("code", "arguments"))
    before = HouseholdFacts.objects.count(), RowVersion.objects.count()
    again = bring_back(officer, export(officer, state="entered"))
    assert again.counts.get("unchanged") == 1, (
        again.counts,
        list(again.findings.values_list("code", "arguments")),
    )
    assert before == (HouseholdFacts.objects.count(), RowVersion.objects.count())


def test_a_household_entered_by_form_round_trips_too():
    officer = wang()
    bring_in(officer, families(1))
    household = Household.objects.get()
    actions.record_facts(
        actor=officer.actor,
        household_id=household.pk,
        observed_on=ON,
        source="visit",
        facts={"net_income_per_head_fen": 123_456, "debt_fen": 5},
    )
    household.refresh_from_db()
    assert household.content_hash is None
    assert bring_back(officer, export(officer)).counts["unchanged"] == 1


def test_an_export_holds_exactly_what_the_filter_shows():
    officer = wang()
    rows = families(4)
    for row in rows[:6]:
        row["main_cause"] = "缺资金"
    bring_in(officer, rows)
    narrow = {"cause": "capital"}
    sheet = openpyxl.load_workbook(io.BytesIO(export(officer, **narrow))).active
    lines = list(sheet.iter_rows(values_only=True))
    assert list(lines[0]) == HEADERS
    shown = queries.filtered(queries.households_for(officer.actor), officer.actor, Filter(**narrow))
    assert {line[4] for line in lines[1:]} == set(shown.values_list("number", flat=True)) and len(lines) == 7
    entry = AuditEntry.objects.get(action="registry.export_households")
    assert '"persons": 6' in entry.body


def test_an_export_stays_in_the_area_and_needs_the_right():
    bring_in(wang(), families(2))
    assert openpyxl.load_workbook(io.BytesIO(export(outsider()))).active.max_row == 1
    with pytest.raises(Refused):
        export(auditor())


def test_a_simulated_database_marks_its_exports(monkeypatch):
    bring_in(wang(), families(1))
    monkeypatch.setattr("yuchang.core.clock.is_simulated", lambda: True)
    content = export(wang())
    assert "模拟数据" in openpyxl.load_workbook(io.BytesIO(content)).active["A1"].value
    monkeypatch.undo()
    assert bring_back(wang(), content).counts["unchanged"] == 1


# --- undo -------------------------------------------------------------------------------------


def state_of(household) -> tuple:
    household.refresh_from_db()
    people = household.members.filter(left_on=None).order_by("number")
    latest = queries.facts_on([household.pk], date(2030, 1, 1))[household.pk]
    return (
        household.main_cause,
        household.head_name,
        household.size,
        latest.net_income_per_head_fen,
        [(m.number, m.name, m.relation, bytes(m.id_blind)) for m in people],
        sorted(household.causes.filter(until_on=None).values_list("code", "is_main")),
    )


def test_undo_puts_changed_households_back_and_strikes_new_ones_off():
    officer = wang()
    bring_in(officer, families(1))
    household = Household.objects.get()
    before = state_of(household)
    rows = [{**r, "size": 3} for r in family(1, villages()[1], 4)]
    del rows[2]  # one left, one came, the head changed, income and cause too
    rows[0]["relation"], rows[1]["relation"] = "配偶", "户主"
    for row in rows:
        row |= {"net_income_per_head_fen": 9000, "main_cause": "缺技术"}
    later = ON + timedelta(days=100)
    batch = bring_in(officer, rows + family(2, villages()[0]), on=later)
    assert batch.counts["changed"] == 1 and batch.counts["created"] == 1
    assert state_of(household) != before
    with pytest.raises(Hidden):
        undo_import(actor=outsider().actor, batch_id=batch.pk, version=batch.version)
    batch = undo_import(actor=officer.actor, batch_id=batch.pk, version=batch.version)
    assert batch.state == "undone" and batch.counts["retired"] == 2
    assert state_of(household) == before
    new = Household.objects.get(number="H0000002")
    assert new.state == "removed" and not new.members.filter(left_on=None).exists()
    assert household.facts.count() == 3 and household.version == 3
    with pytest.raises(Conflict):
        undo_import(actor=officer.actor, batch_id=batch.pk, version=batch.version)


def test_an_import_that_was_built_on_cannot_be_undone():
    officer, second = wang(), wang()
    for build in (
        lambda pk: actions.verify_household(actor=second.actor, household_id=pk, version=1),
        lambda pk: actions.declare_resource(
            actor=officer.actor,
            household_id=pk,
            direction="offer",
            kind="produce",
            category="goods.walnut",
            quantity=5,
            unit="kg",
        ),
        lambda pk: actions.record_facts(
            actor=officer.actor, household_id=pk, observed_on=ON, source="visit", facts={"debt_fen": 1}
        ),
    ):
        number = Household.objects.count() + 1
        batch = bring_in(officer, family(number, villages()[0]))
        build(Household.objects.get(number=f"H{number:07d}").pk)
        with pytest.raises(Conflict, match="H0"):
            undo_import(actor=officer.actor, batch_id=batch.pk, version=batch.version)


# --- facts and resources set-wise ---------------------------------------------------------------


def test_a_partial_observation_carries_the_rest_over():
    officer = wang()
    bring_in(officer, families(2))
    ids = list(Household.objects.order_by("id").values_list("pk", flat=True))
    later = ON + timedelta(days=30)
    count = actions.record_facts_set(
        actor=officer.actor,
        observed_on=later,
        source="comparison",
        columns=["wage_income_fen", "safe_water"],
        rows=[(pk, 500_000 + pk, False) for pk in ids],
    )
    assert count == 2
    facts = queries.facts_on(ids, later)
    assert [facts[pk].wage_income_fen for pk in ids] == [500_000 + pk for pk in ids]
    assert all(f.safe_water is False and f.unsafe_house == "no" and f.size == 3 for f in facts.values())
    assert all(f.safe_water is True for f in queries.facts_on(ids, ON).values())


def test_facts_outside_the_area_of_the_future_or_of_unknown_names_are_refused():
    officer = wang()
    bring_in(officer, families(1))
    pk = Household.objects.get().pk
    ask = {"source": "visit", "columns": ["debt_fen"], "rows": [(pk, 5)]}
    with pytest.raises(Refused):
        actions.record_facts_set(actor=outsider().actor, observed_on=ON, **ask)
    with pytest.raises(Refused):
        actions.record_facts_set(actor=zhang().actor, observed_on=ON, **ask)
    with pytest.raises(Invalid):
        actions.record_facts_set(actor=officer.actor, observed_on=date(2999, 1, 1), **ask)
    with pytest.raises(Invalid):
        actions.record_facts_set(actor=officer.actor, observed_on=ON, **{**ask, "columns": ["size"]})
    assert HouseholdFacts.objects.count() == 1


def test_a_member_is_observed_with_health():
    officer = wang()
    bring_in(officer, families(1))
    household = Household.objects.get()
    head = household.members.get(relation="head")
    actions.record_facts(
        actor=officer.actor,
        household_id=household.pk,
        observed_on=ON + timedelta(days=1),
        source="visit",
        facts={},
        member_facts={
            head.pk: {"work_status": "county", "work_months": 4, "health": ["chronic", "disabled"]}
        },
    )
    latest = head.facts.order_by("-id").first()
    assert (latest.work_status, latest.work_months, latest.labour) == ("county", 4, "ordinary")
    assert head.health.order_by("-id").first().health == ["chronic", "disabled"]


def test_resources_are_declared_for_many_at_once_or_not_at_all():
    officer = wang()
    bring_in(officer, families(3))
    ids = list(Household.objects.values_list("pk", flat=True))
    rows = [
        {
            "household_id": pk,
            "direction": "offer",
            "kind": "produce",
            "category": "goods.walnut",
            "quantity": 300,
            "unit": "kg",
            "season_from": date(2024, 9, 1),
            "season_to": date(2024, 10, 1),
        }
        for pk in ids
    ] + [
        {
            "village_id": villages()[0].pk,
            "direction": "need",
            "kind": "service",
            "category": "service.cold_store",
            "quantity": 1,
            "unit": "座",
        }
    ]
    assert actions.declare_resources_set(actor=officer.actor, rows=rows) == 4
    assert Resource.objects.filter(county_id=county().pk).count() == 4
    assert Resource.objects.filter(household=None).get().village_id == villages()[0].pk
    with pytest.raises(Refused):
        actions.declare_resources_set(actor=li(villages()[-1]).actor, rows=rows)
    with pytest.raises(Invalid):
        actions.declare_resources_set(actor=officer.actor, rows=[{**rows[0], "quantity": 0}])
    assert Resource.objects.count() == 4


def test_showing_an_id_number_leaves_a_trace_without_the_number():
    officer = wang()
    bring_in(officer, families(1))
    head = Member.objects.get(relation="head")
    number = families(1)[0]["id_number"]
    asked = {"member_id": head.pk, "field": "id_number", "proven_at": real_now()}
    assert actions.reveal(actor=officer.actor, **asked) == number
    entry = AuditEntry.objects.get(action="registry.reveal")
    assert number not in entry.body and '"field": "id_number"' in entry.body
    with pytest.raises(Hidden):
        actions.reveal(actor=outsider().actor, **asked)
    with pytest.raises(Refused):
        actions.reveal(actor=auditor().actor, **asked)
    for too_long_ago in (None, real_now() - timedelta(minutes=15, seconds=1)):
        with pytest.raises(ProofDue):
            actions.reveal(actor=officer.actor, **{**asked, "proven_at": too_long_ago})
    assert AuditEntry.objects.filter(action="registry.reveal").count() == 1
