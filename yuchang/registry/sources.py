# ruff: noqa: E501 - statements read better in whole lines
"""What of the register may leave as a file: households, one row each, and the official workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.rules import Actor
from yuchang.core import secrets
from yuchang.core.errors import Conflict, invalid
from yuchang.places.models import Place
from yuchang.registry import codes, layout, records
from yuchang.registry.actions.households import correct_household
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.models import Household
from yuchang.registry.queries import Filter, filtered, households_for
from yuchang.registry.words import choices
from yuchang.sheets.catalogue import DAY, NUMBER, RATE, WHOLE, YUAN, Ask, Choice, Field, Found
from yuchang.sheets.cells import as_text
from yuchang.sheets.kinds import Column

CARD = Path(__file__).parent / "prints" / "card.typ"
_FACTS = "LEFT JOIN LATERAL (SELECT * FROM registry_householdfacts f WHERE f.household_id = h.id AND f.observed_on <= %(on)s ORDER BY f.observed_on DESC, f.id DESC LIMIT 1) f ON true"
_HEAD = "LEFT JOIN registry_member m ON m.household_id = h.id AND m.left_on IS NULL AND m.relation = 'head'"
_LEVELS = {1: "province_id", 2: "prefecture_id", 3: "county_id", 4: "township_id", 5: "village_id"}
_QUERY = ("state", "attribute", "cause", "township", "village", "batch")


class _Register:
    """What both sources share: permission, filters, and whose households are read."""

    permission = "registry.export"
    secret_permission = "registry.reveal"  # noqa: S105
    card = CARD

    @property
    def filters(self) -> Sequence[Choice]:
        """State, attribute and cause."""
        return (
            Choice("state", _("状态"), [(str(v), str(w)) for v, w in Household.State.choices]),
            Choice("attribute", _("户属性"), choices("attribute")),
            Choice("cause", _("主要致贫原因"), choices("cause")),
        )

    def canonical(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Only what the list page understands."""
        kept = {n: str(query.get(n) or "").strip()[:40] for n in _QUERY}
        kept["q"] = str(query.get("q") or "").strip()[:60]
        kept["waiting"] = "1" if query.get("waiting") == "1" else ""
        return {k: v for k, v in kept.items() if v}

    def describe(self, narrow: Mapping[str, Any]) -> str:
        """The filter in words."""
        found = [
            word
            for choice in self.filters
            for value, word in choice.choices
            if narrow.get(choice.name) == value
        ]
        ids = [int(v) for n in ("township", "village") if (v := str(narrow.get(n, ""))).isdigit()]
        found += list(Place.objects.filter(pk__in=ids).order_by("level").values_list("name", flat=True))
        if narrow.get("waiting"):
            found.append(_("待核实"))
        if narrow.get("q"):
            found.append(_("按搜索词"))
        return "、".join(found)

    def _rows(self, ask: Ask) -> Any:
        rows = households_for(ask.actor, self.permission).filter(**{_LEVELS[ask.area.level]: ask.area.pk})
        return filtered(rows, ask.actor, Filter.from_query(ask.narrow))

    def total(self, ask: Ask) -> int:
        """How many households there are."""
        return int(self._rows(ask).count())

    def _ids(self, ask: Ask, after: int, limit: int) -> list[int]:
        return list(self._rows(ask).filter(id__gt=after).order_by("id").values_list("id", flat=True)[:limit])

    def records(self, ask: Ask, object_ids: Sequence[int]) -> list[dict[str, Any]]:
        """One record per household with its members, for cards and letters."""
        found = records.entries_of(object_ids, ask.on, clear=ask.clear)
        names = place_names({place for _entry, place in found.values()})
        return [_record(found[pk][0], names[found[pk][1]], ask.clear) for pk in object_ids if pk in found]

    @property
    def words(self) -> Mapping[str, str]:
        """The placeholders of letters."""
        return _WORDS


_WORDS = {
    "户主": "head", "户编号": "number", "县": "county", "乡镇": "township", "行政村": "village", "自然村": "hamlet",
    "人口": "size", "户属性": "attribute", "脱贫属性": "exit_attribute", "脱贫年度": "exit_year",
    "主要致贫原因": "cause", "人均纯收入": "income", "危房": "unsafe_house", "饮水安全": "safe_water",
    "户主证件号码": "head_id", "户主电话": "head_phone", "成员.姓名": "name", "成员.关系": "relation",
    "成员.性别": "sex", "成员.民族": "ethnicity", "成员.文化程度": "schooling", "成员.健康状况": "health",
    "成员.劳动技能": "labour", "成员.务工状况": "work", "成员.证件号码": "id", "成员.出生年份": "born",
}  # fmt: skip


def place_names(ids: set[int]) -> dict[int, dict[str, str]]:
    """Village id → the names of county, township and village."""
    found = Place.objects.in_bulk(ids)
    above = Place.objects.in_bulk({k for v in found.values() for k in (v.county_id, v.township_id) if k})
    return {
        pk: {
            "county": above[v.county_id].name if v.county_id else "",
            "township": above[v.township_id].name if v.township_id else "",
            "village": v.name,
        }
        for pk, v in found.items()
    }


def _word(list_name: str, code: str | None) -> str:
    return codes.label(list_name, code) if code else ""


def _yes(value: bool | None) -> str:
    return "" if value is None else "是" if value else "否"


def _record(entry: HouseholdEntry, names: Mapping[str, str], clear: bool) -> dict[str, Any]:
    head = entry.head or entry.members[0]
    income = entry.net_income_per_head_fen
    return {
        **names,
        "number": entry.number,
        "head": head.name,
        "head_id": head.id_number,
        "head_phone": head.phone,
        "hamlet": entry.hamlet,
        "size": str(len(entry.members)),
        "attribute": _word("attribute", entry.attribute),
        "exit_attribute": _word("exit_attribute", entry.exit_attribute),
        "exit_year": str(entry.exit_year or ""),
        "cause": _word("cause", entry.main_cause),
        "income": "" if income is None else f"{income / 100:,.2f}",
        "unsafe_house": _word("unsafe_house", entry.unsafe_house),
        "safe_water": _yes(entry.safe_water),
        "members": [_member(m, clear) for m in entry.members],
    }


def _member(member: MemberEntry, clear: bool) -> dict[str, str]:
    """A person of a card: ID number and health only for readers who may see them."""
    return {
        "name": member.name,
        "relation": _word("relation", member.relation),
        "sex": _word("sex", member.sex),
        "ethnicity": _word("ethnicity", member.ethnicity),
        "born": str(member.birth_on.year) if member.birth_on else "",
        "schooling": _word("schooling", member.schooling),
        "health": "、".join(_word("health", c) for c in member.health) if clear else "",
        "labour": _word("labour", member.labour),
        "work": _word("work_status", member.work_status),
        "id": member.id_number,
    }


# name → (SQL, how the value is shown)
_COLUMNS: dict[str, tuple[str, Any]] = {
    "household_number": ("h.number", None),
    "head_name": ("h.head_name", None),
    "hamlet": ("h.hamlet", None),
    "size": ("h.size", None),
    "state": ("h.state", lambda v: str(Household.State(v).label)),
    "attribute": ("h.attribute", lambda v: _word("attribute", v)),
    "exit_attribute": ("h.exit_attribute", lambda v: _word("exit_attribute", v)),
    "exit_year": ("h.exit_year", None),
    "main_cause": ("h.main_cause", lambda v: _word("cause", v)),
    "listed_on": ("h.listed_on::text", None),
    "exited_on": ("h.exited_on::text", None),
    "net_income_per_head_fen": ("f.net_income_per_head_fen", None),
    "wage_income_fen": ("f.wage_income_fen", None),
    "business_income_fen": ("f.business_income_fen", None),
    "transfer_income_fen": ("f.transfer_income_fen", None),
    "property_income_fen": ("f.property_income_fen", None),
    "production_expense_fen": ("f.production_expense_fen", None),
    "unsafe_house": ("f.unsafe_house", lambda v: _word("unsafe_house", v)),
    "safe_water": ("f.safe_water", _yes),
    "water_hardship": ("f.water_hardship", _yes),
    "house_area_sqm": ("f.house_area_sqm", None),
    "is_relocated": ("f.is_relocated", _yes),
    "in_cooperative": ("f.in_cooperative", _yes),
    "observed_on": ("f.observed_on::text", None),
}
_SEALED = {"head_id": ("member.id", "id_sealed"), "head_phone": ("member.phone", "phone_sealed")}


class Households(_Register):
    """One row per household."""

    name = "registry.households"
    fields: Sequence[Field] = (
        Field("county", "县", aliases=("县市区", "县(市、区)", "县区", "区县")),
        Field("township", "乡镇", aliases=("乡", "乡(镇)", "乡镇街道")),
        Field("village", "行政村", aliases=("村", "村居", "所在村", "村名")),
        Field("hamlet", "自然村", aliases=("村民小组", "组", "村组")),
        Field("household_number", "户编号", aliases=("户编码", "贫困户编号")),
        Field("head_name", "户主姓名", aliases=("户主", "姓名")),
        Field(
            "head_id",
            "户主证件号码",
            aliases=("户主身份证号", "身份证号", "身份证号码", "证件号码"),
            secret=True,
        ),
        Field("head_phone", "联系电话", aliases=("电话", "手机号", "户主电话"), secret=True),
        Field("size", "家庭人口", WHOLE, ("人口", "人数", "家庭人口数", "人口数")),
        Field("state", "状态"),
        Field("attribute", "贫困户属性", aliases=("户属性", "属性")),
        Field("exit_attribute", "脱贫属性", aliases=("脱贫状态",)),
        Field("exit_year", "脱贫年度", NUMBER, ("脱贫年份",)),
        Field("main_cause", "主要致贫原因", aliases=("致贫原因",)),
        Field("listed_on", "纳入日期", DAY),
        Field("exited_on", "退出日期", DAY),
        Field("net_income_per_head_fen", "人均纯收入(元)", RATE, ("人均纯收入", "人均纯收入(元/年)")),
        Field("wage_income_fen", "工资性收入(元)", YUAN, ("工资性收入",)),
        Field("business_income_fen", "经营性收入(元)", YUAN, ("经营性收入", "生产经营性收入")),
        Field("transfer_income_fen", "转移性收入(元)", YUAN, ("转移性收入",)),
        Field("property_income_fen", "财产性收入(元)", YUAN, ("财产性收入",)),
        Field("production_expense_fen", "生产经营支出(元)", YUAN, ("生产经营性支出", "生产经营支出")),
        Field("unsafe_house", "危房户", aliases=("危房等级", "是否危房户", "住房安全")),
        Field("safe_water", "饮水安全", aliases=("是否饮水安全",)),
        Field("water_hardship", "饮水困难", aliases=("是否饮水困难",)),
        Field("house_area_sqm", "住房面积(平方米)", WHOLE, ("住房面积",)),
        Field("is_relocated", "易地搬迁", aliases=("是否易地搬迁", "搬迁户")),
        Field("in_cooperative", "加入合作社", aliases=("是否加入合作社",)),
        Field("observed_on", "数据日期", DAY),
    )

    @property
    def title(self) -> str:
        """As pages call it."""
        return _("农户(每户一行)")

    def read(self, ask: Ask, after: int, limit: int) -> list[Found]:
        """The next households."""
        ids = self._ids(ask, after, limit)
        chosen = [n for n in ask.fields if n in _COLUMNS]
        sealed = [n for n in ask.fields if n in _SEALED] if ask.clear else []
        columns = [_COLUMNS[n][0] for n in chosen] + [f"m.{_SEALED[n][1]}" for n in sealed]
        head = f"h.id, h.number, h.place_id, h.county_id, {'m.uid' if sealed else 'NULL'}"
        sql = f"SELECT {', '.join([head, *columns])} FROM registry_household h {_FACTS} {_HEAD if sealed else ''} WHERE h.id = ANY(%(ids)s) ORDER BY h.id"  # noqa: S608 - our own names
        with connection.cursor() as cursor:
            cursor.execute(sql, {"ids": ids, "on": ask.on})
            rows = cursor.fetchall()
        places = place_names({row[2] for row in rows})
        found = {}
        for row in rows:
            values: dict[str, Any] = dict(places[row[2]])
            for name, value in zip(chosen, row[5:], strict=False):
                show = _COLUMNS[name][1]
                values[name] = show(value) if show and value is not None else value
            for name, blob in zip(sealed, row[5 + len(chosen) :], strict=True):
                values[name] = secrets.unseal(row[3], _SEALED[name][0], row[4], blob) if blob else ""
            found[row[0]] = Found(row[0], row[1], [[values.get(n) for n in ask.fields]], row[2])
        return [found[pk] for pk in ids if pk in found]


_NUMBERS = {"size", "work_months", "net_income_per_head_fen", "exit_year"}
_PERSONS = {f.name for f in dataclass_fields(MemberEntry)}


class Official(_Register):
    """The official workbook: one row per person, 26 columns and the year of exit."""

    name = "registry.official"
    columns: Sequence[Column] = layout.COLUMNS
    object_field, row_field = "household_number", "person_number"
    shared = frozenset(layout.HOUSEHOLD_COLUMNS)
    fields: Sequence[Field] = tuple(
        Field(c.name, c.header, NUMBER if c.name in _NUMBERS else "text", c.aliases, c.secret)
        for c in layout.OFFICIAL
    )
    compared: Sequence[str] = tuple(
        c.name
        for c in layout.OFFICIAL
        if c.name not in ("county", "township", "village", "size", "household_number", "person_number")
    )

    @property
    def title(self) -> str:
        """As pages call it."""
        return _("建档立卡 26 列台账")

    def read(self, ask: Ask, after: int, limit: int) -> list[Found]:
        """The next households, a row per member."""
        ids = self._ids(ask, after, limit)
        entries = records.entries_of(ids, ask.on, clear=ask.clear)
        places = place_names({place for _entry, place in entries.values()})
        order = [i for i, c in enumerate(layout.OFFICIAL) if c.name in ask.fields]
        names = [layout.OFFICIAL[i].name for i in order]
        picked = [order[names.index(n)] for n in ask.fields]
        found = []
        for pk in ids:
            entry, place = entries[pk]
            rows = [[row[i] for i in picked] for row in layout.write_rows(entry, places[place])]
            found.append(Found(pk, entry.number, rows, place))
        return found

    def plain(self, name: str, cell: Any) -> str:
        """A cell as the importer understands it, as text; what it cannot read stays as it is."""
        if cell is None or cell == "":
            return ""
        try:
            value = layout.READERS[name](cell)
        except layout.Unreadable:
            return as_text(cell)
        shown = layout.shown(name, value)
        return "" if shown is None else str(shown)

    def take_theirs(
        self, *, actor: Actor, object_id: int, on: date, changes: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Correct the household with their values; it then waits for the second person as any correction."""
        household = Household.objects.select_for_update().get(pk=object_id)
        entry, _place = records.entries_of([object_id], date.max, clear=True)[object_id]
        members = {m.number: m for m in entry.members}
        shared: dict[str, Any] = {}
        for number, values in changes.items():
            if number not in members:
                raise Conflict(_("该户已没有人编号 %(number)s。") % {"number": number})
            for name, text in values.items():
                value = _read(name, text)
                if name in _PERSONS:
                    kept: dict[str, Any] = {name: value}
                    members[number] = replace(members[number], **kept)
                else:
                    shared[name] = value
        entry = replace(entry, members=tuple(members.values()), **shared)
        correct_household(
            actor=actor, household_id=object_id, version=household.version, entry=entry, observed_on=on
        )


def _read(name: str, text: str) -> Any:
    if text == "":
        return layout.EMPTY[name]
    try:
        return layout.READERS[name](text)
    except layout.Unreadable as error:
        message = _(layout.MESSAGES[error.code][1]) % error.arguments
        raise invalid(name, f"{layout.HEADERS[name]}:{message}", _("请核对对方的数据。")) from error


SOURCES = (Households(), Official())
