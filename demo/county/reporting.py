"""What the cadre writes down: the truth through rounding, silence, favour, forgetting and slips of the hand.

The result is the official 26-column sheet as text, and the list of what was planted in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.county import identity, names, people
from demo.county.build import County
from demo.county.tables import Flags, Floats, Ints, Texts, stream

COLUMNS = (
    "县", "乡", "行政村", "自然村", "户编号", "人编号", "姓名", "证件号码", "人数", "与户主关系",
    "民族", "文化程度", "在校生状况", "健康状况", "劳动技能", "务工状况", "务工时间(月)", "参加大病医疗",
    "脱贫属性", "贫困户属性", "主要致贫原因", "危房户", "饮水安全", "饮水困难", "人均纯收入", "联系电话",
)  # fmt: skip
CAUSE_LABELS = {
    "illness": "因病",
    "disability": "因残",
    "schooling": "因学",
    "disaster": "因灾",
    "land": "缺土地",
    "water": "缺水",
    "skill": "缺技术",
    "capital": "缺资金",
    "labour": "缺劳力",
    "transport": "交通条件落后",
    "motivation": "自身发展动力不足",
}
UNSAFE_LABELS = {"no": "否", "C": "C级", "D": "D级"}

NOWHERE = "999999"
"""The area of a village that is not in the county, nor anywhere."""
FORGOTTEN_POOR, FORGOTTEN_OTHERS = 0.035, 0.004
FAVOURED = 0.005
UNDER_REPORTED_WAGES = 0.05
WRONG_CAUSE = 0.16

SLIPS: dict[str, tuple[int, str]] = {
    "bad check digit": (16, "rejected"),
    "identity number too short": (10, "rejected"),
    "identity number stored as a number": (10, "rejected"),
    "village outside the area": (10, "rejected"),
    "no head": (8, "rejected"),
    "two heads": (8, "rejected"),
    "no name": (8, "rejected"),
    "unknown cause": (6, "rejected"),
    "thirteen months of work": (8, "warning"),
    "person in two households": (24, "rejected"),
    "duplicate with swapped characters": (20, "found"),
    "duplicate with old identity number": (20, "rejected"),
    "size does not match": (20, "rejected"),
}
"""Planted per 20,000 households: how many, and what the platform should do with the household."""


@dataclass(frozen=True)
class Slip:
    """One planted mistake. ``other`` is the household in which the true person lives, for duplicates."""

    number: int
    kind: str
    expected: str
    household: int
    household_number: str
    row: int
    other: int = -1

    @property
    def sent_as(self) -> str:
        """The household number under which the sheet names the household."""
        outside = self.kind == "village outside the area"
        return NOWHERE + self.household_number[6:] if outside else self.household_number


@dataclass(frozen=True)
class Report:
    """The sheet as the cadres filled it, row by row, and where each row comes from (-1: from nowhere)."""

    columns: dict[str, Texts]
    household: Ints
    member: Ints
    household_number: Texts
    is_reported: Flags
    is_favoured: Flags
    is_claimed_poor: Flags
    reported_cause: Texts
    reported_net: Floats
    slips: tuple[Slip, ...]


def household_numbers(county: County) -> Texts:
    """Village code and a running number of four digits, for every household."""
    village = county.households.village
    starts = np.searchsorted(village, village, side="left")
    running = np.arange(len(village)) - starts + 1
    if running.max() >= 1000 and county.recipe.series:
        raise ValueError("a later lot of people has at most 999 households in a village")
    running += 1000 * county.recipe.series
    return np.char.add(county.villages.code[village], np.char.zfill(running.astype(str), 4))


@dataclass(frozen=True)
class Told:
    """What the cadre would write of every household, before any slip of the hand."""

    number: Texts
    is_reported: Flags
    is_favoured: Flags
    is_claimed_poor: Flags
    cause: Texts
    net: Floats


def tell(county: County) -> Told:
    """Who is reported, with what income and cause."""
    return _tell(stream(county.recipe.seed, "reporting"), county)


def _tell(rng: np.random.Generator, county: County) -> Told:
    forgotten, favoured = _forgotten_and_favoured(rng, county)
    net = _reported_net(rng, county, favoured)
    claimed = net < county.recipe.line_yuan
    cause = _reported_causes(rng, county)
    return Told(household_numbers(county), ~forgotten, favoured, claimed, cause, net)


def fill_in(county: County) -> Report:
    """The cadres fill in the sheet."""
    rng = stream(county.recipe.seed, "reporting")
    told = _tell(rng, county)
    columns, member = _rows(
        rng, county, told.is_reported, told.number, told.net, told.is_claimed_poor, told.cause
    )
    household = county.members.household[member]
    columns, household, member, slips = _plant(county, columns, household, member, told.number)
    return Report(
        columns=columns,
        household=household,
        member=member,
        household_number=told.number,
        is_reported=told.is_reported,
        is_favoured=told.is_favoured,
        is_claimed_poor=told.is_claimed_poor,
        reported_cause=told.cause,
        reported_net=told.net,
        slips=tuple(slips),
    )


def _forgotten_and_favoured(rng: np.random.Generator, county: County) -> tuple[Flags, Flags]:
    count = county.recipe.households
    remote = county.villages.remoteness[county.households.village]
    alone = county.households.size <= 2
    chance = np.where(county.is_poor, FORGOTTEN_POOR * (0.4 + 0.8 * remote + 0.7 * alone), FORGOTTEN_OTHERS)
    forgotten = rng.random(count) < chance
    net = county.incomes[0].net_per_head
    rich = net > np.quantile(net, 0.8)
    favoured = rich & ~forgotten & (rng.random(count) < FAVOURED / 0.2)
    return forgotten, favoured


def _reported_net(rng: np.random.Generator, county: County, favoured: Flags) -> Floats:
    """Net income per head as written: rounded by habit, wages kept quiet by some, made up for favourites."""
    count = county.recipe.households
    first = county.incomes[0]
    quiet = (first.wage > 0) & (rng.random(count) < UNDER_REPORTED_WAGES)
    hidden = np.where(quiet, first.wage * rng.uniform(0.1, 0.45, count), 0.0)
    net = first.net_per_head - hidden / county.households.size + rng.normal(0, 35, count)
    habit = rng.random(count)
    net = np.select(
        [habit < 0.35, habit < 0.65], [np.round(net, -2), np.round(net / 50) * 50], np.round(net, 2)
    )
    made_up = np.round(county.recipe.line_yuan * rng.uniform(0.7, 0.97, count), -1)
    return np.maximum(np.where(favoured, made_up, net), 120.0)


def _reported_causes(rng: np.random.Generator, county: County) -> Texts:
    count = county.recipe.households
    codes = np.array(list(CAUSE_LABELS))
    weights = np.array([0.3, 0.1, 0.08, 0.02, 0.03, 0.01, 0.16, 0.14, 0.1, 0.03, 0.03])
    drawn = rng.choice(codes, count, p=weights / weights.sum())
    keeps_truth = county.is_poor & (rng.random(count) >= WRONG_CAUSE)
    return np.where(keeps_truth, county.cause, drawn)


def _health(county: County, member: Ints) -> Texts:
    people_of = county.members
    parts = np.char.add(
        np.char.add(
            np.where(people_of.is_chronic[member], "长期慢性病,", ""),
            np.where(people_of.is_serious[member], "患有大病,", ""),
        ),
        np.where(people_of.is_disabled[member], "残疾,", ""),
    )
    return np.where(parts == "", "健康", np.char.rstrip(parts, ","))


def _rows(
    rng: np.random.Generator,
    county: County,
    reported: Flags,
    number: Texts,
    net: Floats,
    claimed: Flags,
    cause: Texts,
) -> tuple[dict[str, Texts], Ints]:
    everyone, homes, villages = county.members, county.households, county.villages
    member = np.flatnonzero(reported[everyone.household])
    home = everyone.household[member]
    village = homes.village[home]
    count = len(member)
    first_row = np.searchsorted(everyone.household, everyone.household, side="left")
    person = np.char.add(number[home], np.char.zfill((member - first_row[member] + 1).astype(str), 2))
    work = np.array(("未务工", "乡(镇)内务工", "乡(镇)外县内务工", "县外省内务工", "省外务工"))
    months = everyone.work_months[member].astype(str)
    shy = rng.random(count) < np.where(everyone.work_place[member] >= 3, 0.06, 0.01)
    no_phone = rng.random(count) < 0.08 + 0.1 * villages.remoteness[village]
    causes = np.array([CAUSE_LABELS[str(c)] for c in cause])
    house = np.array([UNSAFE_LABELS[str(u)] for u in homes.unsafe_house])
    safe = np.where(homes.has_safe_water, "是", "否")
    hard = np.where(homes.has_safe_water | (villages.remoteness[homes.village] < 0.5), "否", "是")
    silent_income = rng.random(len(net)) < np.where(net > 9000, 0.012, 0.004)
    income = np.where(silent_income, "", np.char.mod("%.2f", net))
    attribute = attributes(county, claimed)
    columns = {
        "县": np.full(count, county.name),
        "乡": villages.township_name[village],
        "行政村": villages.name[village],
        "自然村": homes.hamlet[home],
        "户编号": number[home],
        "人编号": person,
        "姓名": everyone.name[member],
        "证件号码": everyone.id_number[member],
        "人数": homes.size[home].astype(str),
        "与户主关系": everyone.relation[member],
        "民族": everyone.ethnicity[member],
        "文化程度": np.array(people.SCHOOLING)[everyone.schooling[member]],
        "在校生状况": everyone.enrolment[member],
        "健康状况": _health(county, member),
        "劳动技能": np.array(people.LABOUR)[everyone.labour[member]],
        "务工状况": work[everyone.work_place[member]],
        "务工时间(月)": np.where((everyone.work_place[member] > 0) & ~shy, months, np.where(shy, "", "0")),
        "参加大病医疗": np.where(rng.random(count) < 0.97, "是", "否"),
        "脱贫属性": np.where(claimed, "未脱贫", "已脱贫")[home],
        "贫困户属性": attribute[home],
        "主要致贫原因": causes[home],
        "危房户": house[home],
        "饮水安全": safe[home],
        "饮水困难": hard[home],
        "人均纯收入": income[home],
        "联系电话": np.where(no_phone, "", everyone.phone[member]),
    }
    return {name: np.asarray(columns[name], dtype=np.str_) for name in COLUMNS}, member


def attributes(county: County, claimed: Flags) -> Texts:
    """Ordinary, on allowance, or fully supported, as the cadre sees the household."""
    able = np.bincount(
        county.members.household,
        weights=(county.members.labour <= people.ORDINARY) * 1.0,
        minlength=county.recipe.households,
    )
    alone = county.households.kind == people.KINDS.index("elder alone")
    fully = claimed & alone & (able == 0)
    allowance = claimed & ~fully & (able == 0)
    return np.select([fully, allowance], ["特困供养贫困户", "低保贫困户"], default="一般贫困户")


Columns = dict[str, Texts]


def _plant(
    county: County, columns: Columns, household: Ints, member: Ints, number: Texts
) -> tuple[Columns, Ints, Ints, list[Slip]]:
    """Make the planted mistakes, each in a household of its own; duplicates add a row at its end."""
    rng = stream(county.recipe.seed, "slips")
    scale = county.recipe.households / 20_000
    counts = {kind: max(1, round(n * scale)) for kind, (n, _) in SLIPS.items()}
    first_rows = np.flatnonzero(np.r_[True, np.diff(household) != 0])
    spans = np.diff(np.r_[first_rows, len(household)])
    roomy = rng.permutation(np.flatnonzero(spans >= 2))
    wide: Columns = {name: values.astype(object) for name, values in columns.items()}
    slips: list[Slip] = []
    extra: list[tuple[int, dict[str, str], int]] = []
    taken = iter(roomy)
    for kind, (_, expected) in SLIPS.items():
        for _ in range(counts[kind]):
            at = int(next(taken))
            row, home = int(first_rows[at]), int(household[first_rows[at]])
            other = -1
            if kind.startswith(("person in", "duplicate")):
                donor = _adult_elsewhere(county, rng, household, member, home)
                extra.append(
                    (
                        row + int(spans[at]),
                        _copied(county, wide, rng, kind, donor, row, int(spans[at])),
                        donor,
                    )
                )
                other = int(household[donor])
                for line in range(row, row + int(spans[at])):
                    wide["人数"][line] = str(int(wide["人数"][line]) + 1)
            else:
                _spoil(wide, kind, row, int(spans[at]), rng)
            slips.append(Slip(len(slips) + 1, kind, expected, home, str(number[home]), row, other))
    return (*_insert(wide, household, member, extra), slips)


def _adult_elsewhere(
    county: County, rng: np.random.Generator, household: Ints, member: Ints, home: int
) -> int:
    """A row of a grown-up in some other household of the sheet."""
    while True:
        row = int(rng.integers(0, len(household)))
        fits = county.members.age[member[row]] >= 30 and len(str(county.members.name[member[row]])) >= 3
        if household[row] != home and fits and "·" not in str(county.members.name[member[row]]):
            return row


def _copied(
    county: County, wide: Columns, rng: np.random.Generator, kind: str, donor: int, row: int, span: int
) -> dict[str, str]:
    """The donor's row as it appears a second time, in the household that starts at ``row``."""
    copy = {name: str(values[donor]) for name, values in wide.items()}
    of_household = (
        "县",
        "乡",
        "行政村",
        "自然村",
        "户编号",
        "人数",
        "脱贫属性",
        "贫困户属性",
        "主要致贫原因",
    )
    for name in (*of_household, "危房户", "饮水安全", "饮水困难", "人均纯收入"):
        copy[name] = str(wide[name][row])
    copy["人数"] = str(int(copy["人数"]) + 1)
    copy["与户主关系"] = "其他"
    copy["人编号"] = f"{wide['户编号'][row]}{span + 1:02d}"
    identity_number = copy["证件号码"]
    if kind == "duplicate with swapped characters":
        copy["姓名"] = names.swap_two_characters(copy["姓名"])
        copy["证件号码"] = misread(set(county.members.id_number.tolist()), identity_number)
    if kind == "duplicate with old identity number":
        copy["证件号码"] = identity_number[:6] + identity_number[8:17]
    return copy


def misread(taken: set[str], number: str) -> str:
    """This number with its sequence misread: right check digit, and nobody's."""
    sequence = int(number[14:17])
    for step in range(2, 1000, 2):
        first_17 = f"{number[:14]}{(sequence + step) % 1000:03d}"
        other = first_17 + str(identity.check_digits(np.array([first_17]))[0])
        if other not in taken:
            return other
    raise ValueError("every number of that day is taken")


def _spoil(wide: Columns, kind: str, row: int, span: int, rng: np.random.Generator) -> None:
    number = str(wide["证件号码"][row])
    lines = range(row, row + span)
    if kind == "bad check digit":
        wide["证件号码"][row] = number[:17] + ("1" if number[17] != "1" else "2")
    elif kind == "identity number too short":
        wide["证件号码"][row] = number[:16]
    elif kind == "identity number stored as a number":
        wide["证件号码"][row] = f"{int(number[:17]) * 10:.5E}"
    elif kind == "village outside the area":
        for line in lines:
            wide["行政村"][line] = "邻县大地村村民委员会"
            wide["户编号"][line] = NOWHERE + str(wide["户编号"][line])[6:]
    elif kind == "no head":
        wide["与户主关系"][row] = "其他"
    elif kind == "two heads":
        wide["与户主关系"][row + 1] = "户主"
    elif kind == "no name":
        wide["姓名"][row] = ""
    elif kind == "unknown cause":
        for line in lines:
            wide["主要致贫原因"][line] = "因懒"
    elif kind == "thirteen months of work":
        wide["务工状况"][row], wide["务工时间(月)"][row] = "省外务工", "13"
    elif kind == "size does not match":
        claimed = str(span + int(rng.integers(1, 3)))
        for line in lines:
            wide["人数"][line] = claimed


def _insert(
    wide: Columns, household: Ints, member: Ints, extra: list[tuple[int, dict[str, str], int]]
) -> tuple[Columns, Ints, Ints]:
    """Insert the copied rows before their positions."""
    at = [position for position, _, _ in extra]
    homes = [int(household[position - 1]) for position in at]
    donors = [int(member[donor]) for _, _, donor in extra]
    columns = {
        name: np.insert(values, at, np.array([copy[name] for _, copy, _ in extra], dtype=object)).astype(
            np.str_
        )
        for name, values in wide.items()
    }
    return columns, np.insert(household, at, homes), np.insert(member, at, donors)


def corrected(county: County, report: Report, household_numbers_rejected: set[str]) -> dict[str, Texts]:
    """The rows of the rejected households as they should have been: what the cadre sends the second time."""
    wanted = {
        i for i, number in enumerate(report.household_number) if str(number) in household_numbers_rejected
    }
    wanted |= {slip.household for slip in report.slips if slip.sent_as in household_numbers_rejected}
    reported = np.zeros(county.recipe.households, dtype=bool)
    reported[sorted(wanted)] = True
    rng = stream(county.recipe.seed, "correction")
    columns, _ = _rows(
        rng,
        county,
        reported,
        report.household_number,
        report.reported_net,
        report.is_claimed_poor,
        report.reported_cause,
    )
    return columns
