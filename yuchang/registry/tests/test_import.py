"""The official workbook comes in: whole households, twice the same, nothing outside the area."""

from __future__ import annotations

import pytest

from tests.people import WEN, auditor, county, li, outsider, villages, wang
from yuchang.core.errors import Hidden, Invalid, Refused
from yuchang.core.models import AuditEntry
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.layout import HEADERS, OFFICIAL
from yuchang.registry.models import Household, HouseholdFacts, Member, MemberFacts
from yuchang.registry.tests.workbooks import ON, families, family, workbook
from yuchang.sheets.actions import import_workbook, start_import
from yuchang.sheets.models import ImportBatch

pytestmark = pytest.mark.django_db


def bring_in(person, rows, *, area=None, on=ON, **options) -> ImportBatch:
    return import_workbook(
        actor=person.actor,
        kind=HOUSEHOLD_WORKBOOK,
        area_id=(area or county()).pk,
        file_name="台账.xlsx",
        content=workbook(rows, **options),
        observed_on=on,
    )


def codes(batch: ImportBatch) -> set[str]:
    return set(batch.findings.values_list("code", flat=True))


def test_a_county_officer_brings_in_households_with_their_people_and_facts():
    officer = wang()
    batch = bring_in(officer, families(5))
    assert batch.state == "done", (batch.message, codes(batch))
    assert batch.counts["created"] == 5 and batch.counts["rows"] == 15
    household = Household.objects.get(number="H0000001")
    assert (household.state, household.size, household.main_cause) == ("entered", 3, "illness")
    assert household.entered_by_id == officer.user.pk and household.verified_by_id is None
    assert household.county_id == county().pk and household.village_id == household.place_id
    facts = household.facts.get()
    assert (facts.net_income_per_head_fen, facts.safe_water, facts.observed_on) == (260_100, True, ON)
    head = household.members.get(relation="head")
    assert (head.sex, head.birth_on.year) == ("male", 1975)
    assert head.facts.get().labour == "ordinary" and head.health.get().health == ["chronic"]
    assert bytes(head.id_sealed) and b"9999" not in bytes(head.id_sealed)
    assert list(household.causes.values_list("code", "is_main")) == [("illness", True)]
    entries = AuditEntry.objects.filter(action="registry.import_households", object_kind="household")
    assert entries.count() == 5 and "999999" not in "".join(entries.values_list("body", flat=True))


def test_the_same_workbook_twice_changes_nothing():
    officer = wang()
    bring_in(officer, families(5))
    before = (Household.objects.count(), Member.objects.count(), HouseholdFacts.objects.count())
    again = bring_in(officer, families(5))
    assert again.counts["unchanged"] == 5 and "created" not in again.counts
    assert before == (Household.objects.count(), Member.objects.count(), HouseholdFacts.objects.count())
    assert set(Household.objects.values_list("version", flat=True)) == {1}


def test_changed_facts_become_new_observations_and_the_old_stay():
    officer = wang()
    bring_in(officer, families(2))
    rows = families(2)
    for row in rows[:3]:
        row["net_income_per_head_fen"] = 4100
    rows[1]["work_months"] = 9
    later = ON.replace(year=2025)
    batch = bring_in(officer, rows, on=later)
    assert (batch.counts["changed"], batch.counts["unchanged"]) == (1, 1)
    household = Household.objects.get(number="H0000001")
    assert household.version == 2
    values = list(household.facts.order_by("id").values_list("net_income_per_head_fen", "observed_on"))
    assert values == [(260_100, ON), (410_000, later)]
    assert MemberFacts.objects.filter(member__household=household).count() == 4


def test_a_member_who_is_missing_has_left_and_a_new_one_joins():
    officer = wang()
    place = villages()[0]
    bring_in(officer, family(1, place, 3))
    rows = [{**row, "size": 3} for row in family(1, place, 4)]
    del rows[2]
    batch = bring_in(officer, rows, on=ON.replace(year=2025))
    assert batch.counts["changed"] == 1 and "members_left" in codes(batch)
    household = Household.objects.get()
    assert household.members.filter(left_on=None).count() == 3
    assert household.members.exclude(left_on=None).get().number == "P000000102"


def test_one_bad_row_keeps_the_whole_household_out_and_no_other():
    rows = families(3)
    rows[4]["id_number"] = rows[4]["id_number"][:-1] + ("1" if rows[4]["id_number"][-1] != "1" else "2")
    batch = bring_in(wang(), rows)
    assert batch.counts["rejected"] == 1 and batch.counts["created"] == 2
    finding = batch.findings.get(level="rejected")
    assert (finding.code, finding.row, finding.column) == ("id_check", 6, 7)
    assert not Household.objects.filter(number="H0000002").exists()


def test_id_numbers_stored_as_numbers_are_refused_with_the_reason():
    rows = families(1)
    rows[0]["id_number"] = 999999197503010001
    batch = bring_in(wang(), rows)
    assert "id_as_number" in codes(batch) and not Household.objects.exists()


def test_the_same_person_twice_in_a_workbook_is_refused_in_both_households():
    rows = families(2)
    rows[3]["id_number"] = rows[0]["id_number"]
    batch = bring_in(wang(), rows)
    assert batch.findings.filter(code="person_twice").count() == 2
    assert batch.counts["rejected"] == 2


def test_a_person_registered_elsewhere_is_refused_without_telling_where():
    neighbour = outsider()
    rows = family(900, villages(WEN)[0], county="文县")
    bring_in(neighbour, rows, area=county(WEN))
    mine = family(1, villages()[0])
    mine[1]["id_number"] = rows[1]["id_number"]
    batch = bring_in(wang(), mine)
    finding = batch.findings.get(code="person_elsewhere_hidden")
    assert finding.arguments == {} and not Household.objects.filter(number="H0000001").exists()


def test_a_village_outside_the_area_is_refused():
    rows = family(1, villages(WEN)[0], county="文县")
    batch = bring_in(wang(), rows)
    assert "place_outside" in codes(batch) and not Household.objects.exists()


def test_a_household_number_of_another_county_is_refused():
    bring_in(outsider(), family(900, villages(WEN)[0], county="文县"), area=county(WEN))
    batch = bring_in(wang(), family(900, villages()[0], id_number=None))
    assert "number_elsewhere" in codes(batch)


def test_a_village_may_be_named_by_code_or_without_its_suffix():
    place = villages()[0]
    by_code = family(1, place, county=None, township=None, village=None, village_code=place.code)
    batch = bring_in(wang(), by_code, columns=[(n, HEADERS[n]) for n in by_code[0]])
    assert batch.counts.get("created") == 1, codes(batch)
    short = family(2, place, village=place.name.removesuffix("村委会"))
    assert bring_in(wang(), short).counts.get("created") == 1


def test_nobody_imports_outside_the_own_area():
    content = workbook(families(1))
    ask = {"kind": HOUSEHOLD_WORKBOOK, "file_name": "a.xlsx", "content": content, "observed_on": ON}
    with pytest.raises(Hidden):
        start_import(actor=outsider().actor, area_id=county().pk, **ask)
    with pytest.raises(Hidden):
        start_import(actor=li().actor, area_id=county().pk, **ask)
    with pytest.raises(Refused):
        start_import(actor=auditor().actor, area_id=county().pk, **ask)


def test_rare_characters_survive():
    name = "𠅤㐂·阿卜杜拉·䶮"
    rows = families(1)
    rows[0]["name"] = name
    bring_in(wang(), rows)
    household = Household.objects.get()
    assert household.head_name == name and household.members.get(relation="head").name == name


def test_columns_in_any_order_under_a_title_and_with_other_names():
    columns = [(c.name, c.header) for c in reversed(OFFICIAL)]
    columns = [(n, "身份证号码" if n == "id_number" else h) for n, h in columns]
    batch = bring_in(wang(), families(2), columns=columns, above=["成县 2024 年台账", ""])
    assert batch.counts.get("created") == 2, codes(batch)


def test_a_missing_header_is_named_with_its_sheet():
    columns = [(c.name, c.header) for c in OFFICIAL if c.name != "relation"]
    with pytest.raises(Invalid) as caught:
        bring_in(wang(), families(1), columns=columns, sheet="户册")
    assert "户册" in str(caught.value) and "与户主关系" in str(caught.value)
    assert caught.value.problems[0].remedy


def test_a_workbook_of_something_else_is_refused_at_once():
    with pytest.raises(Invalid) as caught:
        bring_in(wang(), [{"a": "1"}], columns=[("a", "商品"), ("b", "价格")])
    assert "户编号" in str(caught.value)
    assert not ImportBatch.objects.exists()
