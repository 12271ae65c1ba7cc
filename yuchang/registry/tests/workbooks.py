"""Made-up families and their official workbooks. The area prefix 999999 exists nowhere."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import xlsxwriter

from tests.people import CHENG, villages
from yuchang.places.models import Place
from yuchang.registry.layout import OFFICIAL
from yuchang.registry.rules import check_sign

HEADERS = [c.header for c in OFFICIAL]
ON = date(2024, 6, 30)
_NAMES = ["赵甲", "钱乙", "孙丙", "李丁", "周戊", "吴己", "郑庚", "王辛"]


def id_number(serial: int, birth: date, sex: str = "male") -> str:
    """A number with a right check digit and an area that does not exist."""
    first = f"999999{birth:%Y%m%d}{serial % 100:02d}{(serial // 100 * 2) % 10 + (sex == 'male'):d}"
    return first + check_sign(first)


def family(number: int, where: Place, people: int = 3, /, **changes: Any) -> list[dict[str, Any]]:
    """The rows of one sound household, by column name. ``changes`` replace values on every row."""
    township = Place.objects.get(pk=where.township_id)
    rows = []
    relations = ["户主", "配偶", "之子", "之女", "之父"]
    births = [date(1975, 3, 1), date(1977, 5, 2), date(2008, 7, 3), date(2010, 9, 4), date(1948, 1, 5)]
    sexes = ["male", "female", "male", "female", "male"]
    for i in range(people):
        row = {
            "county": "成县" if where.code.startswith("621221") else None,
            "township": township.name,
            "village": where.name,
            "hamlet": "上庄",
            "household_number": f"H{number:07d}",
            "person_number": f"P{number:07d}{i:02d}",
            "name": _NAMES[(number + i) % len(_NAMES)] + "一二三四五"[i],
            "id_number": id_number(
                number % 100 + 100 * (number // 100 % 5),
                births[i].replace(year=births[i].year - number // 500 % 20),
                sexes[i],
            ),
            "size": people,
            "relation": relations[i],
            "ethnicity": "汉族",
            "schooling": "初中" if births[i].year < 2000 else "小学",
            "enrolment": "非在校生" if births[i].year < 2000 else "七年级",
            "health": "长期慢性病" if i == 0 else "健康",
            "labour": "普通劳动力" if i < 2 else "无劳动力",
            "work_status": "省外务工" if i == 1 else "未务工",
            "work_months": 6 if i == 1 else 0,
            "has_serious_illness_cover": "是",
            "exit_attribute": "未脱贫",
            "attribute": "一般贫困户",
            "main_cause": "因病",
            "unsafe_house": "否",
            "safe_water": "是",
            "water_hardship": "否",
            "net_income_per_head_fen": 2600 + number % 50,
            "phone": f"1000000{number % 10000:04d}",
            "exit_year": None,
        }
        rows.append({**row, **changes})
    return rows


def families(count: int, places: Sequence[Place] | None = None, start: int = 1) -> list[dict[str, Any]]:
    """Households of three, spread over the villages."""
    places = places or villages(CHENG)[:3]
    return [row for n in range(start, start + count) for row in family(n, places[n % len(places)])]


def workbook(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[tuple[str, str]] | None = None,
    *,
    above: Sequence[str] = (),
    sheet: str = "Sheet1",
) -> bytes:
    """An .xlsx of the rows. ``columns``: (name, header) pairs, by default the official ones."""
    columns = columns or [(c.name, c.header) for c in OFFICIAL]
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"strings_to_formulas": False})
    target = book.add_worksheet(sheet)
    lines: list[Sequence[Any]] = [[text] for text in above] + [[header for _name, header in columns]]
    lines += [[row.get(name) for name, _header in columns] for row in rows]
    for r, line in enumerate(lines):
        for c, value in enumerate(line):
            if isinstance(value, str):
                target.write_string(r, c, value)
            elif value is not None:
                target.write(r, c, value)
    book.close()
    return stream.getvalue()
