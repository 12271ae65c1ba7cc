"""Rules by example, and the check digit by property."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.rules import MESSAGES, age_on, check_household, check_sign, mask_name, read_id

ON = date(2024, 6, 30)


def number(birth: date, sex: str = "male", serial: int = 1) -> str:
    first = f"999999{birth:%Y%m%d}{serial:02d}{1 if sex == 'male' else 2}"
    return first + check_sign(first)


HEAD = MemberEntry(
    "1",
    "赵甲",
    "head",
    number(date(1975, 3, 1)),
    health=("chronic",),
    labour="ordinary",
    work_status="none",
    work_months=0,
    enrolment="not_enrolled",
    schooling="junior",
)
WIFE = MemberEntry(
    "2",
    "钱乙",
    "spouse",
    number(date(1977, 5, 2), "female"),
    health=("healthy",),
    labour="ordinary",
    work_status="outside",
    work_months=6,
    enrolment="not_enrolled",
    schooling="junior",
)
SON = MemberEntry(
    "3",
    "赵丙",
    "son",
    number(date(2010, 7, 3)),
    health=("healthy",),
    labour="none",
    work_status="none",
    work_months=0,
    enrolment="grade_7",
    schooling="primary",
)
SOUND = HouseholdEntry(
    "H1",
    "ordinary",
    "illness",
    (HEAD, WIFE, SON),
    declared_size=3,
    net_income_per_head_fen=300_000,
    unsafe_house="no",
    safe_water=True,
    water_hardship=False,
)


def with_member(index: int, **changes) -> HouseholdEntry:
    members = list(SOUND.members)
    members[index] = replace(members[index], **changes)
    return replace(SOUND, members=tuple(members))


def flags(entry: HouseholdEntry) -> set[str]:
    return {f.code for f in check_household(entry, ON)}


def test_a_sound_household_has_no_flag():
    assert flags(SOUND) == set()


CASES = [
    (replace(SOUND, number=""), "missing"),
    (with_member(1, number="1"), "person_number_twice"),
    (replace(SOUND, declared_size=4), "size"),
    (with_member(0, relation="other"), "head_none"),
    (with_member(2, relation="head"), "head_many"),
    (with_member(2, id_number=""), "id_missing"),
    (with_member(2, id_number="123"), "id_length"),
    (with_member(2, id_number="99999920100703001A"), "id_signs"),
    (with_member(2, id_number="99999920100230" + "001" + check_sign("99999920100230001")), "id_birth"),
    (with_member(2, id_number=HEAD.id_number), "id_twice"),
    (with_member(2, sex="female"), "sex_conflict"),
    (with_member(2, birth_on=date(2009, 1, 1)), "birth_conflict"),
    (with_member(2, name="Zhao3"), "name_odd"),
    (with_member(2, name="赵\ue000"), "name_private"),
    (replace(SOUND, other_causes=("skill", "land", "capital")), "causes_many"),
    (replace(SOUND, other_causes=("illness",)), "cause_repeated"),
    (with_member(0, health=("healthy",)), "illness_all_healthy"),
    (replace(SOUND, main_cause="disability"), "disability_no_disabled"),
    (replace(with_member(2, enrolment="not_enrolled"), main_cause="schooling"), "schooling_no_pupil"),
    (replace(with_member(2, labour="skilled"), main_cause="labour"), "labour_many_workers"),
    (replace(SOUND, attribute="fully_supported"), "supported_with_worker"),
    (with_member(2, labour="ordinary"), "labour_child"),
    (with_member(0, id_number=number(date(1930, 1, 1))), "labour_old"),
    (with_member(1, labour="skilled", schooling="preschool_child"), "labour_schooling"),
    (with_member(1, work_months=13), "months_range"),
    (with_member(0, work_months=3), "months_without_work"),
    (with_member(1, work_months=0), "work_without_months"),
    (with_member(2, work_status="outside", work_months=3), "work_child"),
    (with_member(1, labour="lost"), "work_unable"),
    (with_member(1, enrolment="university"), "work_pupil"),
    (with_member(2, enrolment="dropped_out"), "drop_out"),
    (with_member(0, enrolment="primary"), "pupil_age"),
    (with_member(2, schooling="preschool_child"), "preschool_age"),
    (with_member(2, schooling="university"), "university_age"),
    (with_member(2, relation="spouse"), "spouses_many"),
    (with_member(0, id_number=number(date(2012, 1, 1))), "head_child"),
    (with_member(1, id_number=number(date(1977, 5, 2))), "spouse_same_sex"),
    (with_member(2, id_number=number(date(1970, 5, 2))), "child_too_old"),
    (with_member(2, relation="father"), "parent_too_young"),
    (with_member(2, relation="daughter"), "relation_sex"),
    (with_member(0, id_number=number(date(1900, 1, 1))), "very_old"),
    (replace(SOUND, net_income_per_head_fen=0), "income_none"),
    (replace(SOUND, net_income_per_head_fen=100_000_01), "income_high"),
    (
        replace(SOUND, facts={"business_income_fen": 100, "production_expense_fen": 0}),
        "business_without_expenses",
    ),
    (
        replace(SOUND, members=(replace(HEAD, labour="none"),), facts={"wage_income_fen": 1}),
        "wages_without_worker",
    ),
    (
        replace(
            SOUND,
            facts={
                "wage_income_fen": 0,
                "business_income_fen": 0,
                "transfer_income_fen": 0,
                "property_income_fen": 0,
                "production_expense_fen": 0,
            },
        ),
        "income_sum",
    ),
    (replace(SOUND, unsafe_house="d"), "house_unsafe"),
    (replace(SOUND, safe_water=False), "water_unsafe"),
    (replace(SOUND, water_hardship=True), "water_contradiction"),
    (replace(SOUND, facts={"house_area_sqm": 0}), "house_area"),
    (with_member(0, health=("serious",), has_serious_illness_cover=False), "serious_without_cover"),
    (with_member(0, health=("healthy", "chronic")), "health_contradiction"),
    (replace(SOUND, facts={"arable_land_mu_tenths": 1501}), "land_high"),
    (replace(SOUND, exit_year=2019), "exit_year_without_exit"),
    (replace(SOUND, exit_attribute="exited", exit_year=2025), "exit_year_range"),
    (with_member(0, phone="12"), "phone"),
]


@pytest.mark.parametrize(("entry", "code"), CASES, ids=[c for _e, c in CASES])
def test_each_rule_speaks_up_for_its_case(entry, code):
    assert code in flags(entry)


def test_every_message_has_a_case_and_a_remedy():
    assert {c for _e, c in CASES} | {"id_check"} == set(MESSAGES)
    assert all(level in ("warning", "rejected") and text for level, text, _r in MESSAGES.values())


def test_the_official_example_number_is_right():
    assert read_id("11010519491231002X", ON).error == ""
    assert read_id("440524188001010014", ON).error == "id_birth"  # right digit, born 1880


def test_a_disability_card_tells_the_person_kind_and_level():
    verdict = read_id(HEAD.id_number + "43", ON)
    assert (verdict.person, verdict.disability_kind, verdict.disability_level) == (HEAD.id_number, 4, 3)


def test_an_old_number_is_the_same_person_as_the_new_one():
    new = number(date(1975, 3, 1))
    assert read_id(new[:6] + new[8:17], ON).person == new


@given(st.dates(date(1900, 1, 1), ON), st.integers(0, 99), st.sampled_from(["male", "female"]))
def test_a_number_tells_birth_and_sex(birth, serial, sex):
    verdict = read_id(number(birth, sex, serial), ON)
    assert (verdict.error, verdict.birth_on, verdict.sex) == ("", birth, sex)


@given(st.dates(date(1900, 1, 1), ON), st.integers(0, 99), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(birth, serial, at, by):
    right = number(birth, serial=serial)
    wrong = right[:at] + str((int(right[at]) + by) % 10) + right[at + 1 :]
    assert read_id(wrong, ON).error


def test_a_birthday_counts_from_its_day():
    assert age_on(date(2010, 7, 1), date(2026, 6, 30)) == 15
    assert age_on(date(2010, 7, 1), date(2026, 7, 1)) == 16


@pytest.mark.parametrize(
    ("name", "shown"),
    [("王小满", "王某某"), ("欧阳修文", "欧阳某某"), ("阿卜杜拉·买买提", "阿某某"), ("𠅤甲", "𠅤某某")],
)
def test_a_public_name_shows_the_surname_only(name, shown):
    assert mask_name(name) == shown
