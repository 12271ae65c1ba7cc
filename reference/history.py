"""Periods of codes down to the county, and what became of those that ended.

Three sources are joined: snapshots of the code book (1980-12 to 2019-04), a list of change events
(dated by year) and the edition of 2023. A change that only its year dates counts from 31 December of
that year, or from the edition's day if that is earlier.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

EDITION_FROM = date(2023, 6, 30)
LATEST = date(2026, 9, 11)  # the day on which the newest source was fetched
LAST_SNAPSHOT = "201904"
ZONES_SNAPSHOT = "201810"  # this snapshot alone lists development zones
DAY = timedelta(days=1)
FLICKER = timedelta(days=1500)  # a name back under its code within this time never left it
NEXT = timedelta(days=120)  # the next snapshot is at most this far away in the years that ask for it
HEADINGS = re.compile(r"^(市辖区|县|市|(省|自治区)?直辖(县级)?行政(区划|单位))$")
# What is left of a name when its kind is taken away: 宣化 of 宣化县 and 宣化区.
_KIND = re.compile(r"(..族|各族|[^县]{2,8}族)*(自治县|自治旗|自治州|特区|林区|矿区|地区|县|市|区|旗|盟)$")
KINDS = {
    "更名": "renamed",
    "同名改码": "recoded",
    "撤县设市": "became_city",
    "撤县设区": "became_district",
    "撤市设区": "became_district",
    "撤旗设区": "became_district",
    "撤地设市": "became_prefecture",
    "撤区设区": "merged",
    "撤销": "merged",
    "区划调整": "rearranged",
    "划转": "rearranged",
}
Row = dict[str, str]


def _known(year: int, old: str, new: str, document: str = "") -> Row:
    """A change that the list of events lacks: ``old`` and ``new`` are code and name."""
    return {
        "year": str(year),
        "type": "撤销",
        "old_code": old[:6],
        "old_name": old[6:],
        "new_code": new[:6],
        "new_name": new[6:],
        "doc_no": document,
        "note": "",
    }


CURATED = (
    _known(2021, "330103下城区", "330105拱墅区"),
    _known(2021, "410306吉利区", "410308孟津区"),
    _known(2021, "410322孟津县", "410308孟津区"),
)
# The list of events takes two codes that went to other units for names that changed.
NOT_RENAMED = {("379006", "威海市"), ("239002", "镜泊湖市")}
# The edition ends at the shore: it gives these three no divisions, so no period of theirs ends here.
WITHOUT_DIVISIONS = ("710000", "810000", "820000")


@dataclass
class Period:
    """A code with a name, from a day to a day (None: in force)."""

    code: str
    name: str
    start: date
    end: date | None = None

    @property
    def level(self) -> int:
        """1 province, 2 prefecture, 3 county, as the trailing zeros say."""
        return 1 if self.code.endswith("0000") else 2 if self.code.endswith("00") else 3

    @property
    def stem(self) -> str:
        """The name without its kind; short names stay whole."""
        stem = _KIND.sub("", self.name)
        return stem if len(stem) >= 2 else self.name

    def holds(self, on: date) -> bool:
        """Whether the code bore the name on a day."""
        return self.start <= on and (self.end is None or on <= self.end)


@dataclass(frozen=True)
class Succession:
    """An ended period and one in which it went on."""

    old: Period
    new: Period
    year: int
    kind: str
    document: str = ""
    note: str = ""


class History:
    """Every period, found by code or by name."""

    def __init__(self, periods: list[Period], events: list[Row]) -> None:
        self.periods = sorted(periods, key=lambda p: (p.code, p.start))
        self.by_code: dict[str, list[Period]] = defaultdict(list)
        self.by_stem: dict[tuple[str, int, str], list[Period]] = defaultdict(list)
        for period in self.periods:
            self.by_code[period.code].append(period)
            self.by_stem[period.code[:2], period.level, period.stem].append(period)
        self.by_name: dict[str, list[Period]] = defaultdict(list)
        for period in self.periods:
            self.by_name[period.name].append(period)
        self.handed_on = {
            (e["old_code"], e["old_name"], e["new_name"]) for e in events if e["type"] == "码位改派"
        }
        self.events: dict[str, list[Row]] = defaultdict(list)
        for event in events:
            is_wrong = (event["old_code"], event["old_name"]) in NOT_RENAMED
            if event["old_code"] and event["new_code"] and event["type"] in KINDS and not is_wrong:
                self.events[event["old_code"]].append(event)

    def successions(self) -> list[Succession]:
        """What became of every period that ended, as far as the sources tell."""
        found = [s for p in self.periods if p.end for s in self._of(p, p.end)]
        return list({(id(s.old), id(s.new)): s for s in reversed(found)}.values())[::-1]

    def _of(self, old: Period, end: date) -> list[Succession]:
        told = list(self._told_by_events(old, end))
        if told:
            return told
        found = self._same_unit(old, end) or self._same_name(old, end) or self._same_code(old, end)
        return [found] if found else []

    def _told_by_events(self, old: Period, end: date) -> Iterator[Succession]:
        for event in self.events[old.code] + [c for c in CURATED if c["old_code"] == old.code]:
            year = int(event["year"])
            if event["old_name"] != old.name or not year - 1 <= (end + DAY).year <= year + 1:
                continue
            new = self._bearer(event["new_code"], event["new_name"], end) or self._later_bearer(event)
            if new is None or new is old:
                continue
            kind = KINDS[event["type"]]
            if kind == "merged" and new.stem == old.stem:
                kind = _kind_by_name(old, new)
            yield Succession(old, new, year, kind, event["doc_no"], _plain_note(event["note"]))

    def _bearer(self, code: str, name: str, end: date) -> Period | None:
        """The period of ``code`` with ``name`` that began or already ran within two years of the end."""
        near = [
            p
            for p in self.by_code[code]
            if p.name == name and p.start <= end + 800 * DAY and (p.end is None or p.end > end)
        ]
        return near[0] if near else None

    def _later_bearer(self, event: Row) -> Period | None:
        """Where the unit went from a code that no snapshot shows: by the next change of that code."""
        for after in self.events[event["new_code"]]:
            if after["old_name"] == event["new_name"] and int(after["year"]) > int(event["year"]):
                return self._bearer(
                    after["new_code"], after["new_name"], date(int(after["year"]) - 1, 12, 31)
                )
        return None

    def _same_unit(self, old: Period, end: date) -> Succession | None:
        """The next period of the code, when the name has the same stem."""
        following = [p for p in self.by_code[old.code] if p.start > end][:1]
        return next((_step(old, p, end) for p in following if p.stem == old.stem), None)

    def _same_name(self, old: Period, end: date) -> Succession | None:
        """The unit of the province that bore the name, or its stem, when the old period ended."""
        province = self.by_stem[old.code[:2], old.level, old.stem]
        running = [p for p in province if p.name == old.name and p.holds(end + DAY)]
        begun = [p for p in province if abs((p.start - end).days) <= 800 and p.start > old.start]
        exact = [p for p in begun if p.name == old.name]
        elsewhere = [p for p in self.by_name[old.name] if 0 < (p.start - end).days <= 400]
        today = [p for p in province if p.end is None and (p.name, p.code[:4]) == (old.name, old.code[:4])]
        for chosen in (running, exact, begun, elsewhere if len(elsewhere) == 1 else [], today):
            others = [p for p in chosen if p is not old and p.code != old.code]
            if others:
                return _step(old, min(others, key=lambda p: (abs((p.start - end).days), p.code)), end)
        return None

    def _same_code(self, old: Period, end: date) -> Succession | None:
        """The very next period of the code under another name, unless the code went to another unit.

        Until the middle of the nineties codes were handed on freely: there this is no sign of anything.
        """
        for new in self.by_code[old.code]:
            is_handed_on = (old.code, old.name, new.name) in self.handed_on
            if end.year >= 1996 and not is_handed_on and DAY <= new.start - end <= NEXT:
                return _step(old, new, end)
        return None


def _step(old: Period, new: Period, end: date) -> Succession:
    return Succession(old, new, (end + DAY).year, _kind_by_name(old, new))


def _kind_by_name(old: Period, new: Period) -> str:
    if old.name == new.name:
        return "recoded"
    if old.level == 2:
        return "became_prefecture" if new.name.endswith("市") else "renamed"
    if new.name.endswith("区") and not old.name.endswith("区"):
        return "became_district"
    if new.name.endswith("市") and not old.name.endswith("市"):
        return "became_city"
    return "renamed"


def _plain_note(note: str) -> str:
    """A note of the curator for the reader; notes about the curating itself are dropped."""
    return "" if "B-29" in note or "定性" in note else note[:400]


def first_day(snapshot: str) -> date:
    """The first day of a snapshot's month."""
    return date(int(snapshot[:4]), int(snapshot[4:]), 1)


def snapshot_periods(intervals: list[Row]) -> list[Period]:
    """The periods that the snapshots show: up to the day before the next snapshot."""
    books = sorted({r[k] for r in intervals for k in ("first_snapshot", "last_snapshot")})
    periods: list[Period] = []
    latest: dict[tuple[str, str], Period] = {}
    for row in sorted(intervals, key=lambda r: (r["code"], r["first_snapshot"])):
        first, last = row["first_snapshot"], row["last_snapshot"]
        is_heading = HEADINGS.match(row["name"]) or row["code"] in WITHOUT_DIVISIONS
        if is_heading or first == last == ZONES_SNAPSHOT:
            continue
        following = books[bisect_right(books, last)] if last != LAST_SNAPSHOT else None
        end = first_day(following) - DAY if following else None
        same = latest.get((row["code"], row["name"]))
        if same and (same is periods[-1] or first_day(first) - (same.end or LATEST) <= FLICKER):
            same.end = end
            continue
        period = Period(row["code"], row["name"], first_day(first), end)
        latest[row["code"], row["name"]] = period
        periods.append(period)
    return _without_overlaps(periods)


def _without_overlaps(periods: list[Period]) -> list[Period]:
    """Two names of one code at a time are a defect of the snapshots, which mix two sources.

    A name seen only within the time of another one is dropped; of two that overlap the later one wins.
    """
    kept: list[Period] = []
    for new in periods:
        old = kept[-1] if kept and kept[-1].code == new.code else None
        if old and new.end and (old.end is None or new.end <= old.end):
            continue
        if old and (old.end is None or old.end >= new.start):
            old.end = new.start - DAY
        kept.append(new)
    return [p for p in kept if p.end is None or p.end >= p.start]


def join_edition(periods: list[Period], edition: dict[str, str], events: list[Row]) -> list[Period]:
    """Carry the periods of the last snapshot on to the edition of 2023 and to the changes after it."""
    recent = [e for e in [*events, *CURATED] if int(e["year"]) >= 2018]
    ended = {e["old_code"]: int(e["year"]) for e in recent if e["old_code"]}
    begun = {e["new_code"]: int(e["year"]) for e in recent if e["new_code"]}
    renamed = {
        e["new_code"]: int(e["year"])
        for e in recent
        if e["old_code"] == e["new_code"] and e["old_name"] != e["new_name"]
    }
    running = {p.code: p for p in periods if p.end is None}
    for code, period in running.items():
        if edition.get(code) == period.name:
            continue
        year = renamed.get(code) if code in edition else ended.get(code)
        period.end = max(_day_of(year) - DAY, period.start)
    for code, name in edition.items():
        present = running.get(code)
        if present is None or present.end is not None:
            start = _day_of((renamed if present else begun).get(code))
            if present and present.end:
                start = present.end + DAY
            periods.append(Period(code, name, start))
    return periods


def _day_of(year: int | None) -> date:
    return min(date(year, 12, 31), EDITION_FROM) if year else EDITION_FROM


def add_later_changes(periods: list[Period], ministry: dict[str, str], events: list[Row]) -> list[Period]:
    """Units founded and ended after the edition."""
    late = [e for e in events if int(e["year"]) > EDITION_FROM.year]
    founded = {e["new_code"]: int(e["year"]) for e in late if e["new_code"]}
    known = {p.code for p in periods}
    for code, name in ministry.items():
        # 三沙's districts bear other codes with the statistics bureau, which the edition follows.
        if code not in known and not code.startswith("4603"):
            start = min(date(founded[code], 12, 31), LATEST) if code in founded else LATEST
            periods.append(Period(code, name, start))
    for event in late:
        for period in periods:
            if event["old_code"] == period.code and period.end is None:
                period.end = date(int(event["year"]), 12, 31) - DAY
    return periods


def history_of(
    intervals: list[Row], events: list[Row], edition: dict[str, str], ministry: dict[str, str]
) -> History:
    """All of it: ``edition`` and ``ministry`` give names by 6-digit code."""
    numbered = [e for e in events if e["year"].isdecimal()]
    periods = join_edition(snapshot_periods(intervals), edition, numbered)
    return History(add_later_changes(periods, ministry, numbered), numbered)
