"""The official 26-column workbook, and how one cell is read and written. Pure.

Rows are persons; the household's columns repeat on each row. Column order and names are those of the
system sheet; a second version adds 脱贫年度. Everything is found by header, in any order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from yuchang.core.money import FEN_PER_YUAN, yuan_to_fen
from yuchang.registry import codes
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.rules import clean_id
from yuchang.sheets.cells import as_text
from yuchang.sheets.kinds import Column


def _labels(values: codes.CodeList) -> tuple[str, ...]:
    return tuple(c.label for c in values if c.valid_to is None)


COLUMNS: tuple[Column, ...] = (
    Column("county", "县", ("县市区", "县(市、区)", "县区", "区县"), example="成县"),
    Column("township", "乡", ("乡镇", "乡(镇)", "乡镇街道"), example="城关镇"),
    Column("village", "行政村", ("村", "村居", "行政村(社区)"), required=True, example="支旗村委会"),
    Column("hamlet", "自然村", ("村民小组", "自然村(组)", "组"), example="上庄"),
    Column(
        "household_number",
        "户编号",
        ("户编码", "贫困户编号"),
        required=True,
        example="6212210001",
        is_text=True,
    ),
    Column(
        "person_number", "人编号", ("人编码", "成员编号"), required=True, example="621221000101", is_text=True
    ),
    Column("name", "姓名", ("成员姓名",), required=True, example="张某某"),
    Column(
        "id_number",
        "证件号码",
        ("身份证号", "身份证号码", "公民身份号码", "证件号"),
        required=True,
        secret=True,
        example="18 位,设为文本格式",
        is_text=True,
    ),
    Column("size", "人数", ("家庭人口", "家庭人口数", "家庭人数"), required=True, example="4"),
    Column(
        "relation",
        "与户主关系",
        ("户主关系", "与户主的关系"),
        required=True,
        example="户主",
        choices=_labels(codes.RELATIONS),
    ),
    Column("ethnicity", "民族", example="汉族", choices=_labels(codes.ETHNICITIES)),
    Column("schooling", "文化程度", example="小学", choices=_labels(codes.SCHOOLING)),
    Column(
        "enrolment",
        "在校生状况",
        ("在校状况", "在校生情况"),
        example="非在校生",
        choices=_labels(codes.ENROLMENT),
    ),
    Column("health", "健康状况", ("身体状况",), example="长期慢性病", choices=_labels(codes.HEALTH)),
    Column("labour", "劳动技能", ("劳动能力",), example="普通劳动力", choices=_labels(codes.LABOUR)),
    Column("work_status", "务工状况", ("务工情况",), example="未务工", choices=_labels(codes.WORK)),
    Column("work_months", "务工时间(月)", ("务工时间", "务工月数"), example="0"),
    Column(
        "has_serious_illness_cover",
        "参加大病医疗",
        ("是否参加大病医疗", "大病医疗"),
        example="是",
        choices=_labels(codes.YES_NO),
    ),
    Column(
        "exit_attribute", "脱贫属性", ("脱贫状态",), example="未脱贫", choices=_labels(codes.EXIT_ATTRIBUTES)
    ),
    Column(
        "attribute",
        "贫困户属性",
        ("户属性",),
        required=True,
        example="一般贫困户",
        choices=_labels(codes.ATTRIBUTES),
    ),
    Column(
        "main_cause",
        "主要致贫原因",
        ("致贫原因",),
        required=True,
        example="因病",
        choices=_labels(codes.CAUSES),
    ),
    Column(
        "unsafe_house",
        "危房户",
        ("是否危房户", "危房等级", "是否危房"),
        example="否",
        choices=_labels(codes.UNSAFE_HOUSE),
    ),
    Column("safe_water", "饮水安全", ("是否饮水安全",), example="是", choices=_labels(codes.YES_NO)),
    Column("water_hardship", "饮水困难", ("是否饮水困难",), example="否", choices=_labels(codes.YES_NO)),
    Column("net_income_per_head_fen", "人均纯收入", ("人均纯收入(元)", "人均纯收入(元/年)"), example="3200"),
    Column("phone", "联系电话", ("电话", "手机号", "手机号码"), secret=True, example="", is_text=True),
    Column("exit_year", "脱贫年度", ("脱贫年份",), example=""),
    Column(
        "village_code",
        "行政村代码",
        ("村代码", "村编码", "行政区划代码", "行政村编码"),
        example="",
        is_text=True,
    ),
)
OFFICIAL = COLUMNS[:27]
HEADERS = {c.name: c.header for c in COLUMNS}
# What belongs to the household and must be the same on each of its rows.
HOUSEHOLD_COLUMNS = (
    "county",
    "township",
    "village",
    "village_code",
    "hamlet",
    "size",
    "exit_attribute",
    "attribute",
    "main_cause",
    "unsafe_house",
    "safe_water",
    "water_hardship",
    "net_income_per_head_fen",
    "exit_year",
)


@dataclass
class Reading:
    """The cells of one row as values, and what was wrong with them: (column, code, arguments)."""

    values: dict[str, Any]
    problems: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


class Unreadable(Exception):
    """A cell that is not what its column needs."""

    def __init__(self, code: str, **arguments: Any) -> None:
        super().__init__(code)
        self.code, self.arguments = code, arguments


class RowReader:
    """Reads the mapped cells of many rows; what repeats from row to row is worked out once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[Any, Any]] = {name: {} for name in READERS if name not in _PERSONAL}

    def read(self, cells: Mapping[str, Any]) -> Reading:
        """Unreadable cells become empty, with a problem beside."""
        reading = Reading({})
        values, known = reading.values, self._known
        for name, cell in cells.items():
            if cell is None or cell == "":
                values[name] = EMPTY[name]
                continue
            repeated = known.get(name)
            if repeated is not None and (key := (cell.__class__, cell)) in repeated:
                values[name] = repeated[key]
                continue
            try:
                value = values[name] = READERS[name](cell)
            except Unreadable as error:
                values[name] = EMPTY[name]
                reading.problems.append((name, error.code, error.arguments))
            else:
                if repeated is not None and len(repeated) < 10_000:
                    repeated[cell.__class__, cell] = value
        return reading


# Different for every person: not worth remembering.
_PERSONAL = {"person_number", "name", "id_number", "phone", "household_number"}


def _text(limit: int) -> Callable[[Any], str]:
    def read(cell: Any) -> str:
        text = as_text(cell).replace("\x00", "")
        if len(text) > limit:
            raise Unreadable("too_long", limit=limit, length=len(text))
        return text

    return read


_number = _text(40)


def _number_text(cell: Any) -> str:
    """A number that is a name (户编号): digits lost by Excel cannot be guessed."""
    if isinstance(cell, float) and abs(cell) >= 1e15:
        raise Unreadable("digits_lost", length=len(f"{cell:.0f}"))
    return _number(unicodedata.normalize("NFKC", as_text(cell)))


def _id(cell: Any) -> str:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        raise Unreadable("id_as_number", length=len(f"{cell:.0f}"))
    text = clean_id(as_text(cell))
    if "E+" in text:
        raise Unreadable("id_as_number", length=18)
    return text[:40]


def _phone(cell: Any) -> str:
    return unicodedata.normalize("NFKC", as_text(cell)).replace(" ", "").replace("-", "")[:40]


@cache
def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace(" ", "").strip("'")


def _coded(values: codes.CodeList) -> Callable[[Any], str]:
    labels = values.by_label()
    table = {_plain(label): code for label, code in labels.items()}
    some = "、".join(c.label for c in values[:13])

    def read(cell: Any) -> str:
        code = labels.get(cell) if type(cell) is str else None
        if code is not None:
            return code
        text = as_text(cell)
        code = table.get(_plain(text))
        if code is None:
            raise Unreadable("unknown_label", value=text[:30], choices=some)
        return code

    return read


def _yes_no(cell: Any) -> bool:
    """是 or 否."""
    return _YES_NO(cell) == "yes"


def _health(cell: Any) -> tuple[str, ...]:
    text = as_text(cell)
    for sign in ",，;；/|\n":
        text = text.replace(sign, "、")
    found = {_HEALTH(part) for part in text.split("、") if part.strip()}
    return tuple(c.code for c in codes.HEALTH if c.code in found)


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(cell: Any) -> int:
        if type(cell) is float and low <= cell <= high and cell.is_integer():
            return int(cell)
        text = unicodedata.normalize("NFKC", as_text(cell)).removesuffix("年").removesuffix("月")
        try:
            number = float(text)
        except ValueError as error:
            raise Unreadable("not_a_number", value=text[:30]) from error
        if not number.is_integer() or not low <= number <= high:
            raise Unreadable("number_range", value=text[:30], low=low, high=high)
        return int(number)

    return read


def _money(cell: Any) -> int:
    text = unicodedata.normalize("NFKC", as_text(cell)).removesuffix("元")
    try:
        fen = yuan_to_fen(text)
    except ValueError as error:
        raise Unreadable("not_a_number", value=text[:30]) from error
    if abs(fen) > 10**13:
        raise Unreadable("number_range", value=text[:30], low="-1000 亿", high="1000 亿")
    return fen


_YES_NO = _coded(codes.YES_NO)
_HEALTH = _coded(codes.HEALTH)
READERS: dict[str, Callable[[Any], Any]] = {
    "county": _text(100),
    "township": _text(100),
    "village": _text(100),
    "village_code": _number_text,
    "hamlet": _text(100),
    "household_number": _number_text,
    "person_number": _number_text,
    "name": _text(100),
    "id_number": _id,
    "size": _whole(1, 99),
    "relation": _coded(codes.RELATIONS),
    "ethnicity": _coded(codes.ETHNICITIES),
    "schooling": _coded(codes.SCHOOLING),
    "enrolment": _coded(codes.ENROLMENT),
    "health": _health,
    "labour": _coded(codes.LABOUR),
    "work_status": _coded(codes.WORK),
    "work_months": _whole(-99, 999),
    "has_serious_illness_cover": _yes_no,
    "exit_attribute": _coded(codes.EXIT_ATTRIBUTES),
    "attribute": _coded(codes.ATTRIBUTES),
    "main_cause": _coded(codes.CAUSES),
    "unsafe_house": _coded(codes.UNSAFE_HOUSE),
    "safe_water": _yes_no,
    "water_hardship": _yes_no,
    "net_income_per_head_fen": _money,
    "phone": _phone,
    "exit_year": _whole(1980, 2100),
}
_EMPTY_TEXT = {"county", "township", "village", "village_code", "hamlet", "household_number"}
_EMPTY_TEXT |= {"person_number", "name", "id_number", "relation", "ethnicity", "phone"}
_EMPTY_TEXT |= {"attribute", "main_cause"}
EMPTY: dict[str, Any] = {name: ("" if name in _EMPTY_TEXT else None) for name in READERS}
EMPTY["health"] = ()
EMPTY["exit_attribute"] = "not_exited"


def write_rows(entry: HouseholdEntry, places: Mapping[str, str]) -> list[list[Any]]:
    """The official rows of a household. ``places`` gives county, township and village names."""
    return [[_cell(c.name, entry, m, places) for c in OFFICIAL] for m in entry.members]


def _cell(name: str, entry: HouseholdEntry, member: MemberEntry, places: Mapping[str, str]) -> Any:
    if name in places:
        return places[name]
    if name in ("household_number", "person_number"):
        return entry.number if name == "household_number" else member.number
    if name == "size":
        return len(entry.members)
    return shown(name, getattr(member, name) if hasattr(member, name) else getattr(entry, name))


def shown(name: str, value: Any) -> Any:
    """A value as the official workbook shows it; unknown is None."""
    if value is None or value == "":
        return None
    if name == "health":
        return "、".join(codes.label("health", code) for code in value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if name == "net_income_per_head_fen":
        whole, rest = divmod(value, FEN_PER_YUAN)
        return value / FEN_PER_YUAN if rest else whole
    return codes.label(_LIST_OF[name], value) if name in _LIST_OF else value


_LIST_OF = {
    "relation": "relation",
    "ethnicity": "ethnicity",
    "schooling": "schooling",
    "enrolment": "enrolment",
    "labour": "labour",
    "work_status": "work_status",
    "exit_attribute": "exit_attribute",
    "attribute": "attribute",
    "main_cause": "cause",
    "unsafe_house": "unsafe_house",
}

# What can be wrong with a cell beyond the rules of ``registry.rules``: (level, message, remedy).
MESSAGES: dict[str, tuple[str, str, str]] = {
    "too_long": ("rejected", "内容有 %(length)s 个字,最多 %(limit)s 个。", "请缩短。"),
    "digits_lost": (
        "rejected",
        "编号以数值保存,超过 15 位的数字已被 Excel 改为 0。",
        "请把该列设为文本格式,重新录入编号。",
    ),
    "id_as_number": (
        "rejected",
        "证件号码以数值保存,第 16 位起的数字已丢失,无法恢复。",
        "请把该列设为文本格式,对照证件重新录入。",
    ),
    "unknown_label": ("rejected", "“%(value)s”不在代码表中。", "可填:%(choices)s。"),
    "not_a_number": ("rejected", "“%(value)s”不是数字。", "请只填数字。"),
    "number_range": ("rejected", "“%(value)s”不在 %(low)s 至 %(high)s 之间,或不是整数。", "请更正。"),
    "not_a_household": (
        "rejected",
        "这一行没有户编号、人编号和姓名,像是合计或说明。",
        "如是,不必处理,其余各户照常写入;如是漏填,请补填后重新上传。",
    ),
    "household_number_missing": ("rejected", "没有户编号,无法归户。", "请补填户编号。"),
    "household_differs": (
        "rejected",
        "同一户的“%(header)s”前后不一致(首行为“%(first)s”)。",
        "同一户各行的户信息应相同,请更正。",
    ),
    "place_missing": ("rejected", "没有行政村名称或代码。", "请补填。"),
    "place_outside": (
        "rejected",
        "“%(place)s”不在您的导入范围(%(area)s)内,或名称与区划不符。",
        "请核对县、乡、行政村的正式名称,或填写 12 位行政村代码。",
    ),
    "place_ambiguous": (
        "rejected",
        "“%(place)s”在%(area)s内不止一个。",
        "请补全乡镇名称,或填写 12 位行政村代码。",
    ),
    "number_elsewhere": (
        "rejected",
        "户编号 %(number)s 已在您范围以外的区域登记。",
        "请核对户编号;如已迁入,请联系上级单位办理迁移。",
    ),
    "household_removed": ("rejected", "该户已注销。", "如需恢复,请另立新编号重新录入。"),
    "household_noticed": ("rejected", "该户正在公示,期间不能修改。", "请在公示结束后再导入,或提出异议。"),
    "village_moved": (
        "rejected",
        "该户登记在%(registered)s,与本行的行政村不同。",
        "迁移请先在系统中办理,导入不改变所在村。",
    ),
    "person_twice": (
        "rejected",
        "与第 %(row)s 行是同一证件号码。",
        "一人只能在一户,请核对并删去重复的一行。",
    ),
    "person_elsewhere": (
        "rejected",
        "此人已登记在户编号 %(number)s。",
        "请先在原户办理离开,或核对证件号码。",
    ),
    "person_elsewhere_hidden": (
        "rejected",
        "此人已在您范围以外的区域登记。",
        "请联系上级单位核对,不要重复登记。",
    ),
    "person_number_elsewhere": ("rejected", "人编号 %(number)s 已属于另一户或另一人。", "请核对人编号。"),
    "person_number_repeated": ("rejected", "人编号与第 %(row)s 行相同。", "每人一个编号,请更正。"),
    "id_changed": ("warning", "%(name)s 的证件号码与登记的不同。", "确为更正的请继续;否则请核对人编号。"),
    "members_left": (
        "warning",
        "登记的 %(found)s 名成员不在本表中,将记为已离开。",
        "如是漏填,请补上后重新上传。",
    ),
    "no_village": ("rejected", "该行政村在数据日期已撤销。", "请使用当时有效的行政村。"),
    "changed_since_check": (
        "rejected",
        "检查之后该户或其成员又有变动,未写入。",
        "请重新上传,按新情况再检查一次。",
    ),
}
