"""What is plausible and what is not in the facts of one household. Pure.

``check_household`` applies about forty rules to a ``HouseholdEntry`` on a day and returns flags. A
``warning`` is shown and a person decides; only a ``rejected`` flag keeps the household out. Source of
the rule groups: the data-quality groups of the national register's clean-up rounds (guarantees, ID,
required, cause, allowance, labour, income, work, odd); rules marked "ours" have no such source.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from operator import mul
from typing import Any

from yuchang.registry.codes import label
from yuchang.registry.entry import HouseholdEntry, MemberEntry

WARNING, REJECTED = "warning", "rejected"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_SIGNS = "10X98765432"
_PLAIN_ID = re.compile(r"\d{17}[\dX]")
MAX_INCOME_FEN = 100_000_00
MAX_MU_TENTHS_PER_HEAD = 500
WORKING = ("ordinary", "skilled")
UNABLE = ("lost", "none")


# --- ID numbers -------------------------------------------------------------------------------


@dataclass(frozen=True)
class IdVerdict:
    """What an ID number says. ``error`` is empty, or one of id_length, id_signs, id_check, id_birth.

    ``person`` is the 18-sign number of the person (also for a disability card or an old 15-digit one).
    """

    error: str
    person: str = ""
    birth_on: date | None = None
    sex: str = ""
    disability_kind: int | None = None
    disability_level: int | None = None


def clean_id(text: str) -> str:
    """An ID number without spaces, in half-width capitals."""
    if text.isascii() and text.isalnum():
        return text.upper()
    return unicodedata.normalize("NFKC", text).replace(" ", "").strip("'‘’`").upper()


def check_sign(first_17: str) -> str:
    """The 18th sign of an ID number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return _CHECK_SIGNS[sum(map(mul, map(int, first_17), _WEIGHTS)) % 11]


@lru_cache(maxsize=256)  # each rule of a household asks again
def read_id(text: str, on: date) -> IdVerdict:
    """Judge an ID number: 18 signs, 15 digits (before 1999), or a disability card of 20 or 22.

    A disability card is the ID, one digit of kind (1-7), one of level (1-4), and for a replaced card
    two more signs. ``on`` bounds the birth.
    """
    number = clean_id(text)
    if len(number) not in (15, 18, 20, 22):
        return IdVerdict("id_length")
    if len(number) == 15:
        if not number.isascii() or not number.isdigit():
            return IdVerdict("id_signs")
        person = number[:6] + "19" + number[6:]
        person += check_sign(person)
    else:
        person = number[:18]
        if not _PLAIN_ID.fullmatch(person) or not person.isascii():
            return IdVerdict("id_signs")
        if check_sign(person[:17]) != person[17]:
            return IdVerdict("id_check")
    try:
        birth = date(int(person[6:10]), int(person[10:12]), int(person[12:14]))
    except ValueError:
        return IdVerdict("id_birth")
    if birth > on or birth.year < 1890:
        return IdVerdict("id_birth")
    kind, level = _card(number)
    sex = "male" if int(person[16]) % 2 else "female"
    return IdVerdict("", person, birth, sex, kind, level)


def _card(number: str) -> tuple[int | None, int | None]:
    if len(number) < 20 or not number[18:20].isdigit():
        return None, None
    kind, level = int(number[18]), int(number[19])
    return (kind if 1 <= kind <= 7 else None), (level if 1 <= level <= 4 else None)


def age_on(birth_on: date, on: date) -> int:
    """Full years of age on a day."""
    return on.year - birth_on.year - ((on.month, on.day) < (birth_on.month, birth_on.day))


def mask_name(name: str) -> str:
    """What a public notice shows of a name: the surname and 某某. Two-sign surnames stay whole."""
    if "·" in name or "•" in name:
        return name[:1] + "某某"
    surname = name[:2] if name[:2] in COMPOUND_SURNAMES else name[:1]
    return surname + "某某"


_COMPOUND = (
    "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政"
    "濮阳公冶太叔申屠公孙慕容仲孙钟离长孙宇文司徒鲜于司空令狐"
)
COMPOUND_SURNAMES = frozenset(_COMPOUND[i : i + 2] for i in range(0, len(_COMPOUND), 2))


# --- flags ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flag:
    """One rule that speaks up: about which field of which member (None: the household), and why."""

    code: str
    field: str = ""
    member: int | None = None
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def level(self) -> str:
        """``warning`` or ``rejected``."""
        return MESSAGES[self.code][0]


@dataclass(frozen=True)
class _Seen:
    """A household with what every rule needs worked out once."""

    entry: HouseholdEntry
    on: date
    ids: tuple[IdVerdict | None, ...]
    births: tuple[date | None, ...]
    sexes: tuple[str, ...]
    ages: tuple[int | None, ...]

    @property
    def people(self) -> Iterator[tuple[int, MemberEntry, int | None]]:
        for i, member in enumerate(self.entry.members):
            yield i, member, self.ages[i]


Rule = Callable[[_Seen], Iterator[Flag]]


def check_household(entry: HouseholdEntry, on: date) -> list[Flag]:
    """Every flag of every rule, for the facts as of ``on``."""
    seen = _look_at(entry, on)
    return [flag for rule in RULES for flag in rule(seen)]


def _look_at(entry: HouseholdEntry, on: date) -> _Seen:
    ids = tuple(read_id(m.id_number, on) if m.id_number else None for m in entry.members)
    births = tuple(
        (i.birth_on if i and i.birth_on else m.birth_on) for i, m in zip(ids, entry.members, strict=True)
    )
    sexes = tuple((i.sex if i and i.sex else m.sex) for i, m in zip(ids, entry.members, strict=True))
    ages = tuple(age_on(b, on) if b else None for b in births)
    return _Seen(entry, on, ids, births, sexes, ages)


def _ids(seen: _Seen) -> Iterator[Flag]:
    for i, (member, verdict) in enumerate(zip(seen.entry.members, seen.ids, strict=True)):
        if verdict is None:
            yield Flag("id_missing", "id_number", i, {"name": member.name})
        elif verdict.error:
            yield Flag(verdict.error, "id_number", i, {"length": len(clean_id(member.id_number))})
        else:
            if member.sex and member.sex != verdict.sex:
                yield Flag("sex_conflict", "sex", i, {"name": member.name})
            if member.birth_on and member.birth_on != verdict.birth_on:
                yield Flag("birth_conflict", "birth_on", i, {"name": member.name})
    people = Counter(v.person for v in seen.ids if v and v.person)
    for i, verdict in enumerate(seen.ids):
        if verdict and verdict.person and people[verdict.person] > 1:
            yield Flag("id_twice", "id_number", i, {"name": seen.entry.members[i].name})


def _required(seen: _Seen) -> Iterator[Flag]:
    entry = seen.entry
    for name in ("number", "attribute", "main_cause"):
        if not getattr(entry, name):
            yield Flag("missing", name)
    for i, member, _age in seen.people:
        for name in ("number", "name", "relation"):
            if not getattr(member, name):
                yield Flag("missing", name if name != "number" else "person_number", i)
    numbers = Counter(m.number for m in entry.members if m.number)
    for i, member, _age in seen.people:
        if numbers[member.number] > 1:
            yield Flag("person_number_twice", "person_number", i, {"number": member.number})
    if entry.declared_size is not None and entry.declared_size != len(entry.members):
        yield Flag("size", "size", None, {"declared": entry.declared_size, "found": len(entry.members)})
    heads = sum(m.relation == "head" for m in entry.members)
    if heads != 1:
        yield Flag("head_none" if heads == 0 else "head_many", "relation", None, {"found": heads})


def _names(seen: _Seen) -> Iterator[Flag]:
    for i, member, _age in seen.people:
        if re.search(r"[0-9A-Za-z\s]", member.name):
            yield Flag("name_odd", "name", i, {"name": member.name})
        elif any(unicodedata.category(c) in ("Co", "Cn", "Cc") for c in member.name):
            yield Flag("name_private", "name", i, {"name": member.name})


def _causes(seen: _Seen) -> Iterator[Flag]:
    entry = seen.entry
    if len(entry.other_causes) > 2:
        yield Flag("causes_many", "other_causes", None, {"found": len(entry.other_causes)})
    if entry.main_cause in entry.other_causes:
        yield Flag("cause_repeated", "other_causes")
    health = [c for m in entry.members for c in m.health]
    if entry.main_cause == "illness" and health and all(c == "healthy" for c in health):
        yield Flag("illness_all_healthy", "main_cause")
    if entry.main_cause == "disability" and health and "disabled" not in health:
        yield Flag("disability_no_disabled", "main_cause")
    enrolment = [m.enrolment for m in entry.members if m.enrolment]
    if entry.main_cause == "schooling" and enrolment and set(enrolment) <= {"not_enrolled", "dropped_out"}:
        yield Flag("schooling_no_pupil", "main_cause")
    workers = sum(m.labour in WORKING for m in entry.members)
    if entry.main_cause == "labour" and workers >= 3:
        yield Flag("labour_many_workers", "main_cause", None, {"found": workers})


def _allowance(seen: _Seen) -> Iterator[Flag]:
    if seen.entry.attribute != "fully_supported":
        return
    for i, member, age in seen.people:
        if member.labour in WORKING and age is not None and 16 <= age <= 65:
            yield Flag("supported_with_worker", "labour", i, {"name": member.name, "age": age})


def _labour(seen: _Seen) -> Iterator[Flag]:
    for i, member, age in seen.people:
        arguments = {"name": member.name, "age": age, "labour": label("labour", member.labour)}
        if age is not None and age < 16 and member.labour in WORKING:
            yield Flag("labour_child", "labour", i, arguments)
        if age is not None and age > 80 and member.labour in WORKING:
            yield Flag("labour_old", "labour", i, arguments)
        if member.labour == "skilled" and member.schooling == "preschool_child":
            yield Flag("labour_schooling", "labour", i, arguments)


def _work(seen: _Seen) -> Iterator[Flag]:
    for i, member, age in seen.people:
        months, away = member.work_months, member.work_status not in (None, "none")
        arguments = {"name": member.name, "age": age, "months": months}
        if months is not None and not 0 <= months <= 12:
            yield Flag("months_range", "work_months", i, arguments)
        elif months and member.work_status == "none":
            yield Flag("months_without_work", "work_months", i, arguments)
        elif away and months == 0:
            yield Flag("work_without_months", "work_months", i, arguments)
        if away and age is not None and age < 16:
            yield Flag("work_child", "work_status", i, arguments)
        if away and member.labour in UNABLE:
            yield Flag("work_unable", "work_status", i, arguments)
        if away and member.enrolment not in (None, "not_enrolled", "dropped_out"):
            yield Flag("work_pupil", "work_status", i, arguments)


def _schooling(seen: _Seen) -> Iterator[Flag]:
    for i, member, age in seen.people:
        if age is None:
            continue
        arguments = {"name": member.name, "age": age}
        if 6 < age < 15 and member.enrolment in ("not_enrolled", "dropped_out"):
            yield Flag("drop_out", "enrolment", i, arguments)
        if member.enrolment not in (None, "not_enrolled", "dropped_out") and not 2 <= age <= 35:
            yield Flag("pupil_age", "enrolment", i, arguments)
        if member.schooling == "preschool_child" and age > 9:
            yield Flag("preschool_age", "schooling", i, arguments)
        if member.schooling in ("college", "university") and age < 15:
            yield Flag("university_age", "schooling", i, arguments)


def _kin(seen: _Seen) -> Iterator[Flag]:
    entry = seen.entry
    head = next((i for i, m in enumerate(entry.members) if m.relation == "head"), None)
    spouses = [i for i, m in enumerate(entry.members) if m.relation == "spouse"]
    if len(spouses) > 1:
        yield Flag("spouses_many", "relation", spouses[1], {"found": len(spouses)})
    if head is None:
        return
    head_age = seen.ages[head]
    if head_age is not None and head_age < 16:
        yield Flag("head_child", "relation", head, {"age": head_age})
    for i in spouses:
        if seen.sexes[head] and seen.sexes[head] == seen.sexes[i]:
            yield Flag("spouse_same_sex", "relation", i, {"name": entry.members[i].name})
    for i, member, age in seen.people:
        if head_age is None or age is None:
            continue
        if member.relation in ("son", "daughter") and head_age - age < 14:
            yield Flag("child_too_old", "relation", i, {"name": member.name, "age": age, "head": head_age})
        if member.relation in ("father", "mother") and age - head_age < 14:
            yield Flag("parent_too_young", "relation", i, {"name": member.name, "age": age, "head": head_age})
        if member.relation in _SEX_OF and seen.sexes[i] not in ("", _SEX_OF[member.relation]):
            yield Flag("relation_sex", "relation", i, {"name": member.name})
    for i, member, age in seen.people:
        if age is not None and age > 110:
            yield Flag("very_old", "birth_on", i, {"name": member.name, "age": age})


_SEX_OF = {
    "son": "male",
    "daughter": "female",
    "daughter_in_law": "female",
    "son_in_law": "male",
    "grandson": "male",
    "granddaughter": "female",
    "father": "male",
    "mother": "female",
    "grandfather": "male",
    "grandmother": "female",
}


def _income(seen: _Seen) -> Iterator[Flag]:
    entry, facts = seen.entry, seen.entry.facts
    income = entry.net_income_per_head_fen
    if income is not None and income <= 0:
        yield Flag("income_none", "net_income_per_head_fen")
    if income is not None and income > MAX_INCOME_FEN:
        yield Flag("income_high", "net_income_per_head_fen", None, {"yuan": income // 100})
    if (facts.get("business_income_fen") or 0) > 0 and facts.get("production_expense_fen") == 0:
        yield Flag("business_without_expenses", "production_expense_fen")
    if (facts.get("wage_income_fen") or 0) > 0 and all(m.labour in UNABLE for m in entry.members):
        yield Flag("wages_without_worker", "wage_income_fen")
    if not _sums_up(entry):
        yield Flag("income_sum", "net_income_per_head_fen")


def _sums_up(entry: HouseholdEntry) -> bool:
    parts = ("wage_income_fen", "business_income_fen", "transfer_income_fen", "property_income_fen")
    known = [entry.facts.get(p) for p in parts]
    expense, per_head = entry.facts.get("production_expense_fen"), entry.net_income_per_head_fen
    if per_head is None or expense is None or any(k is None for k in known):
        return True
    net: int = sum(k for k in known if k is not None) - expense
    return bool(abs(net - per_head * len(entry.members)) <= max(100_00, abs(net) // 20))


def _guarantees(seen: _Seen) -> Iterator[Flag]:
    entry, facts = seen.entry, seen.entry.facts
    if entry.unsafe_house in ("c", "d"):
        yield Flag("house_unsafe", "unsafe_house", None, {"grade": entry.unsafe_house.upper()})
    if entry.safe_water is False:
        yield Flag("water_unsafe", "safe_water")
    if entry.safe_water and entry.water_hardship:
        yield Flag("water_contradiction", "water_hardship")
    if facts.get("house_area_sqm") == 0:
        yield Flag("house_area", "house_area_sqm")
    for i, member, _age in seen.people:
        if "serious" in member.health and member.has_serious_illness_cover is False:
            yield Flag("serious_without_cover", "has_serious_illness_cover", i, {"name": member.name})
        if len(member.health) > 1 and "healthy" in member.health:
            yield Flag("health_contradiction", "health", i, {"name": member.name})


def _land(seen: _Seen) -> Iterator[Flag]:
    tenths = seen.entry.facts.get("arable_land_mu_tenths")
    if tenths is not None and seen.entry.members:
        per_head = tenths / len(seen.entry.members)
        if per_head > MAX_MU_TENTHS_PER_HEAD:
            yield Flag("land_high", "arable_land_mu_tenths", None, {"mu": round(per_head / 10)})


def _exit(seen: _Seen) -> Iterator[Flag]:
    entry = seen.entry
    exited = entry.exit_attribute in ("exited", "exited_no_policy")
    if entry.exit_year is not None and not exited:
        yield Flag("exit_year_without_exit", "exit_year", None, {"year": entry.exit_year})
    if entry.exit_year is not None and not 2014 <= entry.exit_year <= seen.on.year:
        yield Flag("exit_year_range", "exit_year", None, {"year": entry.exit_year})


def _phones(seen: _Seen) -> Iterator[Flag]:
    for i, member, _age in seen.people:
        if member.phone and not re.fullmatch(r"1\d{10}|0\d{2,3}-?\d{7,8}", member.phone):
            yield Flag("phone", "phone", i)


RULES: tuple[Rule, ...] = (
    _required,
    _ids,
    _names,
    _causes,
    _allowance,
    _labour,
    _work,
    _schooling,
    _kin,
    _income,
    _guarantees,
    _land,
    _exit,
    _phones,
)

# code: (level, message, remedy). Rendered through gettext; %(…)s are the flag's arguments.
MESSAGES: dict[str, tuple[str, str, str]] = {
    "missing": (REJECTED, "必填项为空。", "请补填后重新上传。"),
    "person_number_twice": (REJECTED, "人编号 %(number)s 在本户出现多次。", "每人一个编号,请更正。"),
    "size": (
        REJECTED,
        "人数填 %(declared)s,实际列出 %(found)s 人。",
        "请补齐缺少的成员或更正人数;缺少的人会被当作已离开。",
    ),
    "head_none": (REJECTED, "本户没有户主。", "请将一名成员的“与户主关系”填为“户主”。"),
    "head_many": (REJECTED, "本户有 %(found)s 个户主。", "只能有一名户主,请更正其余成员的关系。"),
    "id_missing": (WARNING, "%(name)s 没有证件号码。", "新生儿等可暂缺,办证后请补录。"),
    "id_length": (
        REJECTED,
        "证件号码为 %(length)s 位,应为 18 位(残疾人证 20 位)。",
        "请对照证件更正。",
    ),
    "id_signs": (REJECTED, "证件号码含有不应有的字符。", "应为数字,末位可为 X。"),
    "id_check": (
        REJECTED,
        "证件号码校验位不符(GB 11643)。",
        "有一位或相邻两位抄错,请对照证件更正。",
    ),
    "id_birth": (REJECTED, "证件号码中的出生日期不存在或在将来。", "请对照证件更正。"),
    "id_twice": (REJECTED, "%(name)s 的证件号码在本户出现多次。", "请核对是否重复填写了同一人。"),
    "sex_conflict": (REJECTED, "%(name)s 的性别与证件号码不符。", "请对照证件更正其中一项。"),
    "birth_conflict": (REJECTED, "%(name)s 的出生日期与证件号码不符。", "请对照证件更正其中一项。"),
    "name_odd": (WARNING, "姓名“%(name)s”含有数字、字母或空格。", "请核对;少数民族姓名请用间隔号 ·。"),
    "name_private": (
        WARNING,
        "姓名“%(name)s”含有非标准编码的字。",
        "请用 GB 18030 的标准字重新输入生僻字。",
    ),
    "causes_many": (REJECTED, "其他致贫原因有 %(found)s 个,最多两个。", "请保留最重要的两个。"),
    "cause_repeated": (REJECTED, "主要致贫原因又列为其他原因。", "请删去其中一处。"),
    "illness_all_healthy": (WARNING, "主要致贫原因为因病,但全家健康。", "请核对健康状况或致贫原因。"),
    "disability_no_disabled": (
        WARNING,
        "主要致贫原因为因残,但没有残疾成员。",
        "请核对健康状况或致贫原因。",
    ),
    "schooling_no_pupil": (WARNING, "主要致贫原因为因学,但没有在校生。", "请核对在校生状况或致贫原因。"),
    "labour_many_workers": (
        WARNING,
        "主要致贫原因为缺劳力,但有 %(found)s 名劳动力。",
        "请核对劳动能力或致贫原因。",
    ),
    "supported_with_worker": (
        WARNING,
        "特困供养户中 %(name)s(%(age)s 岁)有劳动能力。",
        "请核对属性或劳动能力。",
    ),
    "labour_child": (
        WARNING,
        "%(name)s %(age)s 岁,却填为%(labour)s。",
        "未满 16 岁应为无劳动力,请核对。",
    ),
    "labour_old": (WARNING, "%(name)s %(age)s 岁,却填为%(labour)s。", "请核对年龄或劳动能力。"),
    "labour_schooling": (WARNING, "%(name)s 为学龄前儿童,却填为%(labour)s。", "请核对。"),
    "months_range": (WARNING, "务工时间 %(months)s 个月,应在 0 至 12 之间。", "请按当年实际月数更正。"),
    "months_without_work": (WARNING, "%(name)s 未务工,却有 %(months)s 个月务工时间。", "请核对其中一项。"),
    "work_without_months": (WARNING, "%(name)s 在务工,务工时间却为 0。", "请补填月数。"),
    "work_child": (WARNING, "%(name)s %(age)s 岁在务工。", "未满 16 岁不得务工,请核对年龄或务工状况。"),
    "work_unable": (WARNING, "%(name)s 无劳动能力却在务工。", "请核对其中一项。"),
    "work_pupil": (WARNING, "%(name)s 在校读书却在务工。", "请核对其中一项。"),
    "drop_out": (WARNING, "%(name)s %(age)s 岁,未在校。", "义务教育年龄,请核实是否失学辍学并报教育部门。"),
    "pupil_age": (WARNING, "%(name)s %(age)s 岁,却填为在校生。", "请核对年龄或在校生状况。"),
    "preschool_age": (WARNING, "%(name)s %(age)s 岁,却填为学龄前儿童。", "请更新文化程度。"),
    "university_age": (WARNING, "%(name)s %(age)s 岁,却填为大专以上。", "请核对。"),
    "spouses_many": (WARNING, "本户有 %(found)s 名配偶。", "请核对与户主关系。"),
    "head_child": (WARNING, "户主只有 %(age)s 岁。", "请核对户主或证件号码。"),
    "spouse_same_sex": (WARNING, "户主与配偶 %(name)s 性别相同。", "请核对证件号码或关系。"),
    "child_too_old": (
        WARNING,
        "子女 %(name)s %(age)s 岁,户主 %(head)s 岁,年龄差不合常理。",
        "请核对关系或证件号码。",
    ),
    "parent_too_young": (
        WARNING,
        "父母 %(name)s %(age)s 岁,户主 %(head)s 岁,年龄差不合常理。",
        "请核对关系或证件号码。",
    ),
    "relation_sex": (WARNING, "%(name)s 的性别与所填关系不符。", "请核对关系或证件号码。"),
    "very_old": (WARNING, "%(name)s 已 %(age)s 岁。", "请核实是否健在。"),
    "income_none": (WARNING, "人均纯收入为零或负数。", "请核对;确为亏损的请注明。"),
    "income_high": (WARNING, "人均纯收入 %(yuan)s 元,超过 10 万元。", "请核对单位是否为元。"),
    "business_without_expenses": (WARNING, "有经营性收入却没有生产经营支出。", "请补填支出。"),
    "wages_without_worker": (WARNING, "有工资性收入却没有劳动力。", "请核对收入或劳动能力。"),
    "income_sum": (WARNING, "人均纯收入与各项收入、支出对不上。", "请重新计算:(收入合计−支出)÷人数。"),
    "house_unsafe": (WARNING, "住房为 %(grade)s 级危房。", "住房安全没有保障,请纳入改造计划。"),
    "water_unsafe": (WARNING, "饮水不安全。", "饮水安全没有保障,请报水务部门。"),
    "water_contradiction": (WARNING, "饮水安全,却又饮水困难。", "请核对其中一项。"),
    "house_area": (WARNING, "住房面积为 0。", "无房户请注明住处,否则请补填。"),
    "serious_without_cover": (WARNING, "%(name)s 患大病,却未参加大病医疗。", "请核实参保情况。"),
    "health_contradiction": (WARNING, "%(name)s 的健康状况既填健康又填疾病。", "请更正。"),
    "land_high": (WARNING, "人均耕地 %(mu)s 亩,超过 50 亩。", "请核对单位是否为亩。"),
    "exit_year_without_exit": (WARNING, "填了脱贫年度 %(year)s,脱贫属性却未脱贫。", "请核对其中一项。"),
    "exit_year_range": (WARNING, "脱贫年度 %(year)s 不在 2014 年至今年之间。", "请更正。"),
    "phone": (WARNING, "联系电话不像手机或固定电话号码。", "请核对;一格只填一个号码。"),
}
