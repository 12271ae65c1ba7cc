"""The calendar's days as operators import them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from yuchang.accounts.doors import open_door
from yuchang.accounts.rules import Actor
from yuchang.core import clock
from yuchang.core.actions import write
from yuchang.core.errors import Invalid, Problem, Refused, invalid
from yuchang.places.models import Place
from yuchang.procedures import queries
from yuchang.procedures.models import Holiday
from yuchang.procedures.rules.calendar import Calendar
from yuchang.sheets.reading import read_sheets

HEADERS = {
    "day": ("day", "日期"),
    "kind": ("kind", "类型"),
    "name": ("name", "名称"),
    "document": ("document", "文号"),
}
KINDS = {"off": True, "放假": True, "worked": False, "上班": False, "调休上班": False}
MOST, TITLES = 2000, 5
# 2027-10-01, 2027/10/1 as spreadsheets write it, 2027.10.1, 2027年10月1日
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0?0:00(?::00)?)?")


@dataclass(frozen=True)
class Day:
    """One line of a calendar workbook."""

    day: date
    is_off: bool
    name: str
    document: str


@dataclass(frozen=True)
class Imported:
    """How many days were new, and the year of the first one."""

    added: int
    year: int


def import_holidays(actor: Actor, *, name: str, content: bytes, place: Place | None) -> Imported:
    """Add the days of a workbook or CSV (day, kind, name, document) for a place, all or none.

    Needs ``procedures.calendar`` in the place (a county or larger); the nation's (``place`` None) only the
    operator's command may import. A day already known with the same meaning is skipped. Returns how many
    were added. A weekday that is off there may be named as worked again: so a wrong import is put right.
    Raises Invalid with a problem for each faulty row (field ``row N``).
    """
    if place is None and actor.user_id is not None:
        raise Refused(_("全国日历只能由系统运维命令导入。"), remedy=_("请选择本省、市或县。"))
    if place is not None:
        place = open_door(Place.objects.filter(level__lte=3), actor, "procedures.calendar", place.pk)
    days = read_days(name, content, queries.calendar_of(place) if place else queries.calendar_for())
    with write("procedures.import_holidays", actor) as audit:
        known: dict[date, tuple[bool, str]] = {}
        for row in Holiday.objects.filter(place=place, day__in=[d.day for d in days]).order_by("id"):
            known[row.day] = (row.is_off, row.document)
        fresh = [d for d in days if known.get(d.day) != (d.is_off, d.document)]
        now = clock.now()
        Holiday.objects.bulk_create(
            Holiday(place=place, imported_by_id=actor.user_id, imported_at=now, **d.__dict__) for d in fresh
        )
        audit.add(
            "holidays", place.code if place else "nation", place_id=place.pk if place else None,
            added=len(fresh), documents=sorted({d.document for d in fresh}),
        )  # fmt: skip
    return Imported(len(fresh), days[0].day.year)


def read_days(name: str, content: bytes, calendar: Calendar) -> list[Day]:
    """The days of a workbook or CSV, as they lie over a calendar. Raises Invalid with every faulty row."""
    sheets = read_sheets(name, content)
    rows = sheets[0].rows if sheets else []
    if not rows:
        raise invalid("file", _("表格里没有内容。"), _("请填写 日期、类型、名称、文号 四列。"))
    head = _head_of(rows)
    columns = _columns(rows[head])
    if len(rows) - head - 1 > MOST:
        raise invalid("file", _("超过 %(most)s 行。") % {"most": MOST}, _("请按年份分别导入。"))
    found: list[Day] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows[head + 1 :], start=head + 2):
        if not any(str(cell or "").strip() for cell in row):
            continue
        faults = list(_faults(row, columns, {d.day for d in found}, calendar))
        problems += [
            Problem(f"row {number}", _("第 %(n)s 行:%(text)s") % {"n": number, "text": f}) for f in faults
        ]
        if not faults:
            found.append(_day(row, columns))
    if problems:
        raise Invalid(problems)
    if not found:
        raise invalid("file", _("表格里只有表头,没有日子。"), _("请在表头下面一行填写一天。"))
    return found


def _head_of(rows: Sequence[Sequence[Any]]) -> int:
    """Which row holds the names of the columns: a title may stand above them."""
    for number, row in enumerate(rows[:TITLES]):
        words = {str(cell or "").strip().lower() for cell in row}
        if words & set(HEADERS["day"]) and words & set(HEADERS["kind"]):
            return number
    return 0


def _columns(heads: Sequence[Any]) -> dict[str, int]:
    words = [str(head or "").strip().lower() for head in heads]
    found = {
        key: next((words.index(name) for name in names if name in words), -1)
        for key, names in HEADERS.items()
    }
    missing = [HEADERS[key][1] for key, index in found.items() if index < 0]
    if missing:
        raise invalid(
            "file",
            _("缺少列:%(names)s。") % {"names": "、".join(missing)},
            _("请使用 日期、类型、名称、文号 四列。"),
        )
    return found


def _cell(row: Sequence[Any], index: int) -> Any:
    value = row[index] if index < len(row) else None
    return value.strip() if isinstance(value, str) else value


def _as_day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    found = _DAY.fullmatch(str(value or "").strip())
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _faults(
    row: Sequence[Any], columns: dict[str, int], seen: set[date], calendar: Calendar
) -> Iterable[str]:
    day = _as_day(_cell(row, columns["day"]))
    kind = KINDS.get(str(_cell(row, columns["kind"]) or "").lower())
    if day is None or not 2000 <= day.year <= 2100:
        yield _("日期不是 2026-10-01 这样的日期。")
    elif day in seen:
        yield _("日期重复。")
    if kind is None:
        yield _("类型应为“放假”或“上班”。")
    elif day is not None and not kind and day.weekday() < 5 and calendar.is_working(day):
        yield _("上班的日子应是星期六、星期日或原来放假的日子。")
    if not _cell(row, columns["name"]):
        yield _("没有名称。")
    if not _cell(row, columns["document"]):
        yield _("没有文号。")


def _day(row: Sequence[Any], columns: dict[str, int]) -> Day:
    day = _as_day(_cell(row, columns["day"]))
    assert day is not None  # noqa: S101 - a faulty row does not come here
    return Day(
        day,
        KINDS[str(_cell(row, columns["kind"])).lower()],
        str(_cell(row, columns["name"]))[:40],
        str(_cell(row, columns["document"]))[:120],
    )
