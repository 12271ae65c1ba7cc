"""Write ``holidays.csv`` from the package ``chinesecalendar`` and the notices named here.

Needs ``pip install chinesecalendar``; the product itself does not.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from chinese_calendar import constants

FIRST, LAST = 2014, 2026
NOTICES = {
    2014: "国办发明电〔2013〕28号",
    2015: "国办发明电〔2014〕28号",
    2016: "国办发明电〔2015〕18号",
    2017: "国办发明电〔2016〕17号",
    2018: "国办发明电〔2017〕12号",
    2019: "国办发明电〔2018〕15号",
    2020: "国办发明电〔2019〕16号",
    2021: "国办发明电〔2020〕27号",
    2022: "国办发明电〔2021〕11号",
    2023: "国办发明电〔2022〕16号",
    2024: "国办发明电〔2023〕7号",
    2025: "国办发明电〔2024〕12号",
    2026: "国办发明电〔2025〕7号",
}
# Days that a later notice changed.
LATER = [
    (date(2015, 9, 3), date(2015, 9, 6), "国发明电〔2015〕1号"),
    (date(2019, 4, 28), date(2019, 5, 5), "国办发明电〔2019〕3号"),
    (date(2020, 1, 31), date(2020, 2, 2), "国办发明电〔2020〕1号"),
]
NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "National Day": "国庆节",
    "Mid-autumn Festival": "中秋节",
    "Anti-Fascist 70th Day": "抗战胜利70周年纪念日",
}


def notice_of(day: date, name: str) -> str:
    """The document that set the day; the last days of December belong to the next year's notice."""
    for first, last, document in LATER:
        if first <= day <= last:
            return document
    year = day.year + 1 if day.month == 12 and name == "元旦" else day.year
    return NOTICES[year]


def rows() -> list[tuple[str, str, str, str]]:
    """Every day off and every weekend day worked, in order."""
    found = []
    for kind, days in (("off", constants.holidays), ("worked", constants.workdays)):
        for day, word in days.items():
            if FIRST <= day.year <= LAST:
                name = NAMES[str(word)]
                found.append((day.isoformat(), kind, name, notice_of(day, name)))
    return sorted(found)


if __name__ == "__main__":
    with Path(__file__).with_name("holidays.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("day", "kind", "name", "document"))
        writer.writerows(rows())
