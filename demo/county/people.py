"""Households and the people in them: kinship, ages, schooling, health, labour and where they work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.county import identity, names
from demo.county.marginals import HOUSEHOLD_KINDS
from demo.county.tables import Days, Flags, Floats, Households, Ints, Members, Recipe, Texts, Villages, stream
from demo.county.villages import hamlet_names

KINDS = tuple(HOUSEHOLD_KINDS)
HEAD, SPOUSE, FATHER, MOTHER, CHILD_1, CHILD_2, CHILD_3, IN_LAW, GRAND_1, GRAND_2 = range(10)
SLOTS = 10
RELATIONS = {  # slot: (relation if male, relation if female)
    HEAD: ("户主", "户主"),
    SPOUSE: ("配偶", "配偶"),
    FATHER: ("之父", "之父"),
    MOTHER: ("之母", "之母"),
    CHILD_1: ("之子", "之女"),
    CHILD_2: ("之子", "之女"),
    CHILD_3: ("之子", "之女"),
    IN_LAW: ("之女婿", "之儿媳"),
    GRAND_1: ("之孙子", "之孙女"),
    GRAND_2: ("之孙子", "之孙女"),
}
ETHNICITIES = np.array(["汉族", "回族", "藏族", "满族", "维吾尔族", "哈萨克族"])
ETHNIC_SHARES = np.array([0.935, 0.03, 0.02, 0.009, 0.004, 0.002])

SCHOOLING = ("学龄前儿童", "文盲或半文盲", "小学", "初中", "高中", "大专", "本科及以上")
NOT_ENROLLED = "非在校生"
LABOUR = ("技能劳动力", "普通劳动力", "弱劳动力或半劳动力", "丧失劳动力", "无劳动力")
SKILLED, ORDINARY, WEAK, LOST, NONE = range(5)
WORK_PLACES = ("", "乡镇内务工", "乡镇外县内务工", "县外省内务工", "省外务工")
AGE_BOUNDS = (0.1, 20.0, 21.0, 22.0, 43.0, 45.0, 46.0, 95.0, 96.0)
MONTHLY_WAGE = np.array([0.0, 2100.0, 2500.0, 3000.0, 3700.0])


@dataclass(frozen=True)
class _Shape:
    """Who is present (household × slot) and how old."""

    present: Flags
    age: Floats
    head_is_male: Flags


def populate(villages: Villages, recipe: Recipe, county_code: str) -> tuple[Households, Members]:
    """Draw the households of a county and everyone in them."""
    rng = stream(recipe.seed, "households")
    count = recipe.households
    village = np.sort(rng.choice(len(villages.code), count, p=villages.weight / villages.weight.sum()))
    kind = rng.choice(len(KINDS), count, p=np.array(list(HOUSEHOLD_KINDS.values())))
    ethnicity = rng.choice(ETHNICITIES, count, p=ETHNIC_SHARES / ETHNIC_SHARES.sum())
    shape = _shape(rng, kind)
    members = _members(recipe, county_code, shape, villages.remoteness[village], ethnicity)
    size = shape.present.sum(axis=1)
    remoteness = villages.remoteness[village]
    land = np.clip(villages.mu_per_head[village] * size * rng.lognormal(0, 0.4, count), 0, 40)
    unsafe = rng.random(count) < 0.008 + 0.07 * remoteness**1.5
    households = Households(
        village=village,
        kind=kind,
        size=size,
        hamlet=hamlet_names(stream(recipe.seed, "hamlets"), village, villages),
        ethnicity=ethnicity,
        land_mu=np.round(land, 1),
        forest_mu=np.round(rng.gamma(1.2, 2.5, count) * (0.4 + remoteness), 1),
        floor_area=np.round(np.clip(rng.normal(28, 8, count) * size**0.7, 18, 260)),
        unsafe_house=np.where(unsafe, np.where(rng.random(count) < 0.65, "C", "D"), "no"),
        has_safe_water=villages.has_safe_water[village] | (rng.random(count) < 0.4),
        savings_yuan=np.round(rng.lognormal(8.6, 1.1, count), -2),
        debt_yuan=np.round(rng.lognormal(9.2, 0.9, count) * (rng.random(count) < 0.3), -2),
    )
    return households, members


def _shape(rng: np.random.Generator, kind: Ints) -> _Shape:
    count = len(kind)
    is_kind = {name: kind == i for i, name in enumerate(KINDS)}
    low = np.select(list(is_kind.values()), [60, 60, 26, 32, 50, 28, 30])
    high = np.select(list(is_kind.values()), [88, 85, 58, 55, 70, 55, 59])
    head_age = low + (high - low) * rng.beta(2.0, 2.2, count)
    present = np.zeros((count, SLOTS), dtype=bool)
    present[:, HEAD] = True
    has_spouse = np.select(list(is_kind.values()), [0.0, 1.0, 1.0, 0.94, 0.85, 0.0, 0.0])
    present[:, SPOUSE] = rng.random(count) < has_spouse
    stem = is_kind["three generations"]
    present[:, MOTHER] = stem & (rng.random(count) < 0.78)
    present[:, FATHER] = stem & ((rng.random(count) < 0.55) | ~present[:, MOTHER])
    children = np.select(
        [is_kind["couple"], stem, is_kind["elder head"], is_kind["lone parent"]],
        [
            rng.choice(4, count, p=[0.16, 0.34, 0.38, 0.12]),
            rng.choice(4, count, p=[0.05, 0.30, 0.47, 0.18]),
            np.ones(count, dtype=np.int64),
            rng.choice(3, count, p=[0.0, 0.55, 0.45]),
        ],
        default=0,
    )
    for offset, slot in enumerate((CHILD_1, CHILD_2, CHILD_3)):
        present[:, slot] = children > offset
    elder_head = is_kind["elder head"]
    present[:, IN_LAW] = elder_head & (rng.random(count) < 0.82)
    grandchildren = rng.choice(3, count, p=[0.08, 0.47, 0.45])
    present[:, GRAND_1] = present[:, IN_LAW] & (grandchildren > 0)
    present[:, GRAND_2] = present[:, IN_LAW] & (grandchildren > 1)
    head_is_male = rng.random(count) < np.select(
        [is_kind["lone parent"], is_kind["elder alone"]], [0.5, 0.5], 0.9
    )
    return _Shape(present, _ages(rng, head_age, elder_head), head_is_male)


def _ages(rng: np.random.Generator, head_age: Floats, elder_head: Flags) -> Floats:
    count = len(head_age)
    age = np.zeros((count, SLOTS))
    age[:, HEAD] = head_age
    age[:, SPOUSE] = np.clip(head_age + rng.normal(-1.0, 2.5, count), 21, 95)
    age[:, FATHER] = np.clip(head_age + rng.uniform(22, 32, count), 45, 96)
    age[:, MOTHER] = np.clip(age[:, FATHER] + rng.normal(-2.0, 2.5, count), 43, 96)
    first = np.where(elder_head, rng.uniform(22, 29, count), rng.uniform(21, 30, count))
    age[:, CHILD_1] = np.clip(head_age - first, 0.1, 45)
    age[:, CHILD_2] = np.clip(age[:, CHILD_1] - rng.uniform(1.5, 6, count), 0.1, 45)
    age[:, CHILD_3] = np.clip(age[:, CHILD_2] - rng.uniform(1.5, 6, count), 0.1, 45)
    age[:, IN_LAW] = np.clip(age[:, CHILD_1] + rng.normal(-1.0, 2.0, count), 20, 46)
    age[:, GRAND_1] = np.clip(age[:, CHILD_1] - rng.uniform(22, 28, count), 0.1, 22)
    age[:, GRAND_2] = np.clip(age[:, GRAND_1] - rng.uniform(1.5, 5, count), 0.1, 20)
    return age


def _members(
    recipe: Recipe,
    county_code: str,
    shape: _Shape,
    remoteness_of_household: Floats,
    ethnicity_of_household: Texts,
) -> Members:
    rng = stream(recipe.seed, "members")
    household, slot = np.nonzero(shape.present)
    count = len(household)
    is_male = _sexes(rng, shape, household, slot)
    age_years = shape.age[household, slot]
    on = np.datetime64(recipe.on)
    birth_on: Days = on - np.round(age_years * 365.2425).astype("timedelta64[D]")
    birth_on = np.where((slot == SPOUSE) & (age_years < 22), birth_on - np.timedelta64(400, "D"), birth_on)
    # Ages cut off at a bound would all be born on one day.
    spread = stream(recipe.seed, "births").integers(0, 365, count).astype("timedelta64[D]")
    birth_on = np.where(np.isin(age_years, AGE_BOUNDS), birth_on - spread, birth_on)
    age = identity.ages_on(birth_on, on)
    remoteness = remoteness_of_household[household]
    ethnicity = ethnicity_of_household[household]
    family = names.surnames(stream(recipe.seed, "surnames"), len(ethnicity_of_household))[household]
    own_surname = np.isin(slot, (SPOUSE, MOTHER, IN_LAW))
    schooling, enrolment = _schooling(rng, age, is_male, remoteness)
    is_chronic, is_serious, is_disabled = _health(rng, age, remoteness)
    labour = _labour(rng, age, enrolment, schooling, is_serious, is_disabled, is_chronic)
    work_place, work_months = _work(rng, age, is_male, labour, schooling, remoteness)
    own_wage = MONTHLY_WAGE[work_place] * (0.8 + 0.09 * schooling) * rng.lognormal(0, 0.22, count)
    phones = identity.phone_numbers(stream(recipe.seed, "phones"), count)
    return Members(
        household=household,
        slot=slot,
        relation=_relations(slot, is_male),
        is_male=is_male,
        birth_on=birth_on,
        age=age,
        name=names.full_names(stream(recipe.seed, "names"), family, own_surname, is_male, ethnicity),
        id_number=identity.id_numbers(county_code, birth_on, is_male, recipe.series),
        phone=np.where((age >= 16) & (rng.random(count) < 0.9), phones, ""),
        ethnicity=ethnicity,
        schooling=schooling,
        enrolment=enrolment,
        is_chronic=is_chronic,
        is_serious=is_serious,
        is_disabled=is_disabled,
        labour=labour,
        work_place=work_place,
        work_months=work_months,
        monthly_wage=own_wage,
    )


def _sexes(rng: np.random.Generator, shape: _Shape, household: Ints, slot: Ints) -> Flags:
    drawn = rng.random(len(slot)) < 0.53
    head = shape.head_is_male[household]
    first_child = np.zeros(shape.present.shape[0], dtype=bool)
    first_child[household[slot == CHILD_1]] = drawn[slot == CHILD_1]
    return np.select(
        [slot == HEAD, slot == SPOUSE, slot == FATHER, slot == MOTHER, slot == IN_LAW],
        [head, ~head, np.ones_like(head), np.zeros_like(head), ~first_child[household]],
        default=drawn,
    )


def _relations(slot: Ints, is_male: Flags) -> Texts:
    table = np.array([RELATIONS[i] for i in range(SLOTS)])
    return table[slot, np.where(is_male, 0, 1)]


def _schooling(rng: np.random.Generator, age: Ints, is_male: Flags, remoteness: Floats) -> tuple[Ints, Texts]:
    """The level reached (index of ``SCHOOLING``) and the school attended now."""
    count = len(age)
    cohort = np.clip((75 - age) / 50.0, 0, 1)  # the younger, the longer at school
    ability = rng.normal(0, 1, count) + 2.4 * cohort - 0.9 * remoteness + 0.25 * is_male
    level = np.digitize(ability, [-0.6, 0.7, 2.6, 3.4, 4.0]) + 1
    level = np.where((age < 60) & (level == 1) & (rng.random(count) < 0.7), 2, level)
    level = np.select([age < 6, age < 12, age < 15, age < 18], [0, 2, 3, np.minimum(level, 4)], level)
    stays = rng.random(count)
    vocational = rng.random(count) < 0.4
    enrolment = np.select(
        [
            age < 3,
            (age < 6) & (stays < 0.8),
            (age >= 6) & (age < 12),
            (age == 12) & (stays < 0.997 - 0.004 * remoteness),
            (age == 13) & (stays < 0.997 - 0.004 * remoteness),
            (age == 14) & (stays < 0.997 - 0.004 * remoteness),
            (age >= 15) & (age < 18) & (stays < 0.86 - 0.15 * remoteness),
            (age >= 18) & (age < 22) & (stays < 0.34 - 0.15 * remoteness),
        ],
        [
            NOT_ENROLLED,
            "学前教育",
            "小学",
            "七年级",
            "八年级",
            "九年级",
            np.where(vocational, "中职", "普通高中"),
            np.where(vocational, "高职高专", "本科"),
        ],
        default=NOT_ENROLLED,
    )
    level = np.where(np.isin(enrolment, ("中职", "普通高中")), 3, level)
    level = np.where(np.isin(enrolment, ("高职高专", "本科")), 4, level)
    return level, enrolment.astype(np.str_)


def _health(rng: np.random.Generator, age: Ints, remoteness: Floats) -> tuple[Flags, Flags, Flags]:
    frailty = np.clip(age / 80.0, 0, 1.2) ** 2.2 * (0.85 + 0.4 * remoteness)
    count = len(age)
    is_chronic = rng.random(count) < 0.008 + 0.42 * frailty
    is_serious = rng.random(count) < 0.004 + 0.055 * frailty
    is_disabled = rng.random(count) < 0.012 + 0.085 * frailty
    return is_chronic, is_serious, is_disabled


def _labour(
    rng: np.random.Generator,
    age: Ints,
    enrolment: Texts,
    schooling: Ints,
    is_serious: Flags,
    is_disabled: Flags,
    is_chronic: Flags,
) -> Ints:
    count = len(age)
    out = (age < 16) | (enrolment != NOT_ENROLLED) | (age >= 78)
    lost = (is_serious & (rng.random(count) < 0.55)) | (is_disabled & (rng.random(count) < 0.45))
    weak = (age >= 62) | (is_chronic & (rng.random(count) < 0.35)) | is_disabled | is_serious
    skilled = (schooling >= 4) | ((schooling == 3) & (rng.random(count) < 0.12))
    return np.select([out, lost, weak, skilled], [NONE, LOST, WEAK, SKILLED], default=ORDINARY)


def _work(
    rng: np.random.Generator, age: Ints, is_male: Flags, labour: Ints, schooling: Ints, remoteness: Floats
) -> tuple[Ints, Ints]:
    """Where someone works for wages (index of ``WORK_PLACES``, 0 nowhere) and for how many months."""
    count = len(age)
    able = labour <= ORDINARY
    chance = 0.42 + 0.16 * is_male + 0.05 * schooling - 0.009 * np.clip(age - 35, 0, 40) - 0.06 * remoteness
    chance = np.where(able, np.clip(chance, 0.04, 0.92), np.where(labour == WEAK, 0.06 * (age < 68), 0.0))
    works = rng.random(count) < chance
    reach = rng.random(count) + 0.25 * np.clip((45 - age) / 25.0, -1, 1) + 0.1 * (schooling >= 3)
    place = np.where(works, np.digitize(reach, [0.22, 0.45, 0.68]) + 1, 0)
    place = np.where(labour == WEAK, np.minimum(place, 2), place)
    months = np.where(works, np.clip(np.round(rng.normal(7.6, 2.4, count)), 1, 12), 0)
    return place, months.astype(np.int64)
