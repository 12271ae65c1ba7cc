"""What the database itself refuses, whoever asks."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from tests.people import wang
from yuchang.registry.models import Cause, Household, Member, RowVersion
from yuchang.registry.tests.test_import import bring_in
from yuchang.registry.tests.workbooks import families

pytestmark = pytest.mark.django_db


@pytest.fixture
def household():
    bring_in(wang(), families(2))
    return Household.objects.order_by("id").first()


@pytest.mark.parametrize(
    "table",
    ["registry_householdfacts", "registry_memberfacts", "registry_memberhealth", "registry_rowversion"],
)
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_facts_can_be_neither_changed_nor_removed(household, table, verb):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(verb.format(table))


@pytest.mark.parametrize("table", ["registry_household", "registry_member", "registry_cause"])
def test_nobody_is_deleted(household, table):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(f"DELETE FROM {table}")


def test_nobody_verifies_the_own_entry(household):
    with pytest.raises(IntegrityError, match="two_people"), transaction.atomic():
        Household.objects.filter(pk=household.pk).update(verified_by_id=household.entered_by_id)


def test_no_household_is_verified_by_nobody(household):
    with pytest.raises(IntegrityError, match="verified_by_someone"), transaction.atomic():
        Household.objects.filter(pk=household.pk).update(state="verified")


def test_a_household_has_one_main_cause_and_at_most_two_others(household):
    def add(*codes, main=False):
        with transaction.atomic():
            for code in codes:
                Cause.objects.create(household=household, code=code, is_main=main, since_on="2024-01-01")
            connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="one_main"):
        add("skill", main=True)
    with pytest.raises(IntegrityError, match="exactly one main cause"):
        add("skill", "land", "capital")
    with pytest.raises(IntegrityError, match="exactly one main cause"), transaction.atomic():
        household.causes.update(until_on="2024-02-01")
        Cause.objects.create(household=household, code="skill", is_main=False, since_on="2024-02-01")
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    add("skill", "land")


def test_a_living_person_belongs_to_one_household(household):
    person = household.members.first()
    other = Household.objects.exclude(pk=household.pk).get()
    with pytest.raises(IntegrityError, match="one_household"), transaction.atomic():
        Member.objects.create(
            household=other,
            number="X",
            name="重",
            relation="other",
            joined_on="2024-01-01",
            id_sealed=person.id_sealed,
            id_blind=person.id_blind,
        )


def test_every_older_row_is_kept(household):
    Household.objects.filter(pk=household.pk).update(hamlet="下庄", version=2)
    old = RowVersion.objects.get(table_name="registry_household", row_id=household.pk)
    assert old.version == 1 and old.content["hamlet"] == "上庄"


@pytest.mark.parametrize(
    "table", ["registry_household", "registry_member", "registry_memberhealth", "registry_noticeentry"]
)
def test_the_public_zone_reads_no_household(household, as_role, table):
    with as_role("portal"), pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(f"SELECT 1 FROM {table}")
