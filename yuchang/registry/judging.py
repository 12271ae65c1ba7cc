"""Judging the rows of the official workbook, household by household. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any

from django.db import connection

from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import secrets
from yuchang.core.side_by_side import side_by_side
from yuchang.places.models import Place
from yuchang.registry import layout, records
from yuchang.registry.documents import Known, blind_id, documents
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.models import Household
from yuchang.registry.rules import MESSAGES, check_household
from yuchang.registry.villages import Villages
from yuchang.sheets.kinds import FindingDraft, Group, Report, Row

MEMBER_FIELDS = (
    "relation",
    "ethnicity",
    "schooling",
    "enrolment",
    "health",
    "labour",
    "work_status",
    "work_months",
    "has_serious_illness_cover",
    "phone",
)
HOUSEHOLD_FIELDS = (
    "hamlet",
    "attribute",
    "main_cause",
    "exit_attribute",
    "exit_year",
    "net_income_per_head_fen",
    "unsafe_house",
    "safe_water",
    "water_hardship",
)


@dataclass
class Candidate:
    """A household as the workbook has it: its rows, and what was found so far."""

    number: str
    rows: list[int] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    findings: list[FindingDraft] = field(default_factory=list)
    blinds: list[bytes | None] = field(default_factory=list)
    village_id: int | None = None

    @property
    def is_note(self) -> bool:
        """Whether it is no household: a line of totals, or words below the table."""
        return not any(self.values[0].get(n) for n in ("household_number", "person_number", "name"))

    def find(self, at: int, column: str, code: str, **arguments: Any) -> None:
        """Note a finding in row ``at`` of the sheet."""
        level = (layout.MESSAGES.get(code) or MESSAGES[code])[0]
        self.findings.append(FindingDraft(at, column, level, code, arguments))


@dataclass(frozen=True)
class Registered:
    """A household of the same number that is stored already."""

    id: int
    version: int
    state: str
    place_id: int
    is_mine: bool
    content_hash: bytes | None


@dataclass(frozen=True)
class Person:
    """A living member that is stored already."""

    member_id: int
    uid: str
    number: str
    household_id: int
    household_number: str
    blind: bytes | None
    is_mine: bool


class Register:
    """What is stored of the households and people that a workbook names; three queries."""

    def __init__(self, actor: Actor, candidates: Sequence[Candidate]) -> None:
        numbers = [c.number for c in candidates]
        self.households = _households(actor, numbers)
        people = _people(
            actor,
            [v["person_number"] for c in candidates for v in c.values],
            [b for c in candidates for b in c.blinds if b],
            [h.id for h in self.households.values() if h.is_mine],
        )
        self.by_number = {p.number: p for p in people}
        self.by_blind = {p.blind: p for p in people if p.blind}
        self.in_household: dict[int, list[Person]] = defaultdict(list)
        for person in people:
            self.in_household[person.household_id].append(person)


def _households(actor: Actor, numbers: Sequence[str]) -> dict[str, Registered]:
    sql = """SELECT number, id, version, state, place_id, content_hash FROM registry_household
             WHERE number = ANY(%s)"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(numbers)])
        rows = cursor.fetchall()
    mine = _mine(actor, [row[1] for row in rows])
    return {
        number: Registered(
            pk, version, state, place_id, pk in mine, bytes(content) if content is not None else None
        )
        for number, pk, version, state, place_id, content in rows
    }


def _mine(actor: Actor, ids: Sequence[int]) -> set[int]:
    """Those of the households that the actor may import into."""
    if not ids:
        return set()
    rows = Household.objects.filter(place_filter(actor, "registry.import"), id__in=ids)
    return set(rows.values_list("id", flat=True))


# One key and few values at a time: whatever the planner thinks of a table filled just now, it stays fast.
_ASKED_AT_ONCE = 10_000
_LIVING = """
SELECT m.id, m.uid::text, m.number, m.household_id, h.number, m.id_blind
FROM registry_member m JOIN registry_household h ON h.id = m.household_id
WHERE m.left_on IS NULL AND m.{column} = ANY(%s)
"""


def _people(
    actor: Actor, numbers: Sequence[str], blinds: Sequence[bytes], household_ids: Sequence[int]
) -> list[Person]:
    found: dict[int, tuple[Any, ...]] = {}
    asked: tuple[tuple[str, Sequence[Any]], ...] = (
        ("number", numbers),
        ("id_blind", blinds),
        ("household_id", household_ids),
    )
    with connection.cursor() as cursor:
        for column, values in asked:
            for start in range(0, len(values), _ASKED_AT_ONCE):
                part = list(values[start : start + _ASKED_AT_ONCE])
                cursor.execute(_LIVING.format(column=column), [part])
                found |= {row[0]: row for row in cursor.fetchall()}
    rows = list(found.values())
    mine = _mine(actor, list({row[3] for row in rows}))
    return [
        Person(r[0], r[1], r[2], r[3], r[4], bytes(r[5]) if r[5] is not None else None, r[3] in mine)
        for r in rows
    ]


def judge(
    *, actor: Actor, area: Place, on: date, rows: Sequence[Row], mapped: frozenset[str], report: Report
) -> Iterator[Group]:
    """Households in the order of the workbook, each with its findings and, when good, its documents."""
    total = len(rows) * 2
    villages = Villages(area, on)
    candidates = _collect(rows, on, report, total)
    for candidate in candidates:
        if not candidate.is_note:
            _agree(candidate)
            _place(candidate, villages)
    _repeated(candidates)
    register = Register(actor, candidates)
    absent = frozenset(c.name for c in layout.OFFICIAL) - mapped
    stored = _stored(register, on, everything=bool(absent & {*MEMBER_FIELDS, *HOUSEHOLD_FIELDS}))
    for county_id in {villages.county_of[c.village_id] for c in candidates if c.village_id is not None}:
        secrets.warm(county_id)
    judged = partial(_judge_one, villages=villages, register=register, stored=stored, absent=absent, on=on)
    done = len(rows)
    for candidate, group in zip(candidates, side_by_side(judged, candidates), strict=True):
        done += len(candidate.rows)
        yield group
        report(done, total)


def _collect(rows: Sequence[Row], on: date, report: Report, total: int) -> list[Candidate]:
    """Read every row and group by household number, in order of appearance."""
    found: dict[str, Candidate] = {}
    readings = side_by_side(partial(_read, layout.RowReader(), on), rows, chunk=2000)
    for done, (row, (reading, blind)) in enumerate(zip(rows, readings, strict=True), start=1):
        number = reading.values.get("household_number", "")
        key = number or f"\x00{row.number}"
        candidate = found.get(key)
        if candidate is None:
            candidate = found[key] = Candidate(number)
        candidate.rows.append(row.number)
        candidate.values.append(reading.values)
        candidate.blinds.append(blind)
        if candidate.is_note:
            candidate.find(row.number, "", "not_a_household")
            continue
        if not number:
            candidate.find(row.number, "household_number", "household_number_missing")
        for column, code, arguments in reading.problems:
            candidate.find(row.number, column, code, **arguments)
        if done % 2000 == 0:
            report(done, total)
    return list(found.values())


def _read(reader: layout.RowReader, on: date, row: Row) -> tuple[layout.Reading, bytes | None]:
    reading = reader.read(row.cells)
    id_number = reading.values.get("id_number", "")
    return reading, blind_id(id_number, on) if id_number else None


def _agree(candidate: Candidate) -> None:
    """The household's columns must say the same on each row."""
    first = candidate.values[0]
    unreadable = {(f.row, f.field) for f in candidate.findings}
    for row, values in zip(candidate.rows[1:], candidate.values[1:], strict=True):
        for column in layout.HOUSEHOLD_COLUMNS:
            if column not in values or values[column] == first[column]:
                continue
            if (row, column) in unreadable or (candidate.rows[0], column) in unreadable:
                continue  # that cell is named already; what it should have said nobody knows
            shown = layout.shown(column, first[column])
            said = "" if shown is None else str(shown)[:30]
            candidate.find(row, column, "household_differs", header=layout.HEADERS[column], first=said)


def _place(candidate: Candidate, villages: Villages) -> None:
    values = candidate.values[0]
    names = [values.get(c, "") or "" for c in ("county", "township", "village", "village_code")]
    found = villages.find(names[0], names[1], names[2], names[3])
    if isinstance(found, int):
        candidate.village_id = found
    else:
        shown = names[3] or "".join(names[:3])
        column = "village_code" if names[3] else "village"
        candidate.find(candidate.rows[0], column, found, place=shown[:60], area=villages.area_name)


def _repeated(candidates: Sequence[Candidate]) -> None:
    """The same person or person number twice in the workbook, in different households or the same."""
    seen_ids: dict[bytes, tuple[Candidate, int]] = {}
    seen_numbers: dict[str, tuple[Candidate, int]] = {}
    for candidate in candidates:
        for row, blind, values in zip(candidate.rows, candidate.blinds, candidate.values, strict=True):
            if blind and blind in seen_ids:
                other, first = seen_ids[blind]
                candidate.find(row, "id_number", "person_twice", row=first)
                other.find(first, "id_number", "person_twice", row=row)
            elif blind:
                seen_ids[blind] = (candidate, row)
            number = values["person_number"]
            if number and number in seen_numbers:
                candidate.find(row, "person_number", "person_number_repeated", row=seen_numbers[number][1])
            elif number:
                seen_numbers[number] = (candidate, row)


def _stored(register: Register, on: date, *, everything: bool) -> dict[int, HouseholdEntry]:
    """Stored entries where they are needed: columns are absent, or the content hash was never computed."""
    ids = [h.id for h in register.households.values() if h.is_mine and (everything or h.content_hash is None)]
    return {pk: entry for pk, (entry, _place_id) in records.entries_of(ids, on).items()} if ids else {}


def _judge_one(
    candidate: Candidate,
    villages: Villages,
    register: Register,
    stored: dict[int, HouseholdEntry],
    absent: frozenset[str],
    on: date,
) -> Group:
    if candidate.is_note:
        return Group(candidate.number, len(candidate.rows), candidate.findings, numbers=candidate.rows)
    registered = register.households.get(candidate.number)
    before = stored.get(registered.id) if registered else None
    entry = _entry(candidate, before, absent)
    _flag(candidate, entry, on)
    _compare(candidate, entry, registered, register, villages)
    group = Group(
        candidate.number,
        len(candidate.rows),
        candidate.findings,
        place_id=candidate.village_id,
        numbers=candidate.rows,
    )
    if group.state == "rejected" or candidate.village_id is None:
        group.contents = ()
        return group
    group.content_hash = records.content_hash(entry, candidate.village_id)
    if registered is None:
        group.plan = "created"
    else:
        known_hash = registered.content_hash
        if known_hash is None and before is not None:
            known_hash = records.content_hash(before, registered.place_id)
        group.plan = "unchanged" if known_hash == group.content_hash else "changed"
        group.object_id, group.object_version = registered.id, registered.version
    if group.plan != "unchanged":
        group.contents = _contents(
            candidate, entry, registered, register, villages, absent, on, group.content_hash
        )
    return group


def _entry(candidate: Candidate, before: HouseholdEntry | None, absent: frozenset[str]) -> HouseholdEntry:
    """The household as the workbook says; columns it does not have keep what is stored."""
    first = candidate.values[0]
    known = {m.number: m for m in before.members} if before else {}
    members = []
    for values in candidate.values:
        member = MemberEntry(
            number=values["person_number"],
            name=values["name"],
            id_number=values["id_number"],
            **{f: values[f] for f in MEMBER_FIELDS if f in values},
        )
        old = known.get(member.number)
        if old is not None:
            kept: dict[str, Any] = {f: getattr(old, f) for f in MEMBER_FIELDS if f in absent}
            member = replace(member, **kept)
        members.append(member)
    wide: dict[str, Any] = {f: first[f] for f in HOUSEHOLD_FIELDS if f in first}
    if before is not None:
        wide |= {f: getattr(before, f) for f in HOUSEHOLD_FIELDS if f in absent}
    return HouseholdEntry(
        number=candidate.number, members=tuple(members), declared_size=first.get("size"), **wide
    )


# The workbook's name for what the rules call otherwise.
_COLUMN_OF = {"number": "household_number", "birth_on": "id_number", "sex": "id_number"}


def _flag(candidate: Candidate, entry: HouseholdEntry, on: date) -> None:
    unreadable = {(f.row, f.field) for f in candidate.findings if f.level == "rejected"}
    for flag in check_household(entry, on):
        row = candidate.rows[flag.member or 0]
        column = _COLUMN_OF.get(flag.field, flag.field)
        if (row, column) in unreadable and flag.code in ("missing", "id_missing"):
            continue  # the cell was filled, only unreadable; that was said already
        if flag.code == "missing" and flag.field == "number":
            continue
        candidate.findings.append(FindingDraft(row, column, flag.level, flag.code, flag.arguments))


def _compare(
    candidate: Candidate,
    entry: HouseholdEntry,
    registered: Registered | None,
    register: Register,
    villages: Villages,
) -> None:
    """Against the register: whose number it is, and whether its people live elsewhere."""
    first = candidate.rows[0]
    if registered is not None and not registered.is_mine:
        candidate.find(first, "household_number", "number_elsewhere", number=candidate.number)
        return
    if registered is not None:
        if registered.state in ("removed", "noticed"):
            candidate.find(first, "household_number", f"household_{registered.state}")
        if candidate.village_id not in (None, registered.place_id):
            name = villages.name_of.get(registered.place_id, "…")
            candidate.find(first, "village", "village_moved", registered=name)
    here = registered.id if registered else None
    for row, member, blind in zip(candidate.rows, entry.members, candidate.blinds, strict=True):
        by_id = register.by_blind.get(blind) if blind else None
        by_number = register.by_number.get(member.number)
        if by_id is not None and by_id.household_id != here:
            if by_id.is_mine:
                candidate.find(row, "id_number", "person_elsewhere", number=by_id.household_number)
            else:
                candidate.find(row, "id_number", "person_elsewhere_hidden")
        elif by_number is not None and (
            by_number.household_id != here or (by_id and by_id.member_id != by_number.member_id)
        ):
            candidate.find(row, "person_number", "person_number_elsewhere", number=member.number)
        elif by_number is not None and blind and by_number.blind not in (None, blind):
            candidate.find(row, "id_number", "id_changed", name=member.name)
    if registered is not None:
        staying = {m.member_id for m in _known(candidate, entry, registered, register).values()}
        gone = [p for p in register.in_household[registered.id] if p.member_id not in staying]
        if gone:
            candidate.find(first, "size", "members_left", found=len(gone))


def _known(
    candidate: Candidate, entry: HouseholdEntry, registered: Registered | None, register: Register
) -> dict[str, Known]:
    """Person number → the stored member it means: by number, or by ID when the number was renewed."""
    if registered is None:
        return {}
    here = {p.number: p for p in register.in_household[registered.id]}
    named = {m.number for m in entry.members}
    known = {}
    for member, blind in zip(entry.members, candidate.blinds, strict=True):
        person = here.get(member.number)
        if person is None and blind and (by_id := register.by_blind.get(blind)):
            person = by_id if by_id.household_id == registered.id and by_id.number not in named else None
        if person is not None:
            known[member.number] = Known(person.member_id, person.uid)
    return known


def _contents(
    candidate: Candidate,
    entry: HouseholdEntry,
    registered: Registered | None,
    register: Register,
    villages: Villages,
    absent: frozenset[str],
    on: date,
    content_hash: bytes,
) -> list[tuple[int, str]]:
    village_id = candidate.village_id
    if village_id is None:
        return []
    found = documents(
        entry,
        place_id=village_id,
        county_id=villages.county_of[village_id],
        household_id=registered.id if registered else None,
        known=_known(candidate, entry, registered, register),
        blinds=candidate.blinds,
        content_hash=content_hash,
        on=on,
        absent=absent | {"has_medical_insurance"},
    )
    return list(zip(candidate.rows, found, strict=True))
