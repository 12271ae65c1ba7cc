"""Stored households as entries again: for the official workbook out, and to compare on the way in."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.db import connection

from yuchang.core import secrets
from yuchang.registry.entry import HouseholdEntry, MemberEntry
from yuchang.registry.rules import clean_id

_HOUSEHOLDS = """
SELECT h.id, h.county_id, h.place_id, h.number, h.hamlet, h.attribute, h.exit_attribute, h.exit_year,
       h.main_cause, f.net_income_per_head_fen, f.unsafe_house, f.safe_water, f.water_hardship
FROM registry_household h
LEFT JOIN LATERAL (
    SELECT * FROM registry_householdfacts f WHERE f.household_id = h.id AND f.observed_on <= %(on)s
    ORDER BY f.observed_on DESC, f.id DESC LIMIT 1) f ON true
WHERE h.id = ANY(%(ids)s)
"""
_MEMBERS = """
SELECT m.household_id, m.uid, m.number, m.name, m.relation, m.ethnicity, m.sex, m.birth_on, m.id_sealed,
       m.phone_sealed, f.schooling, f.enrolment, f.labour, f.work_status, f.work_months,
       f.has_serious_illness_cover, f.has_medical_insurance, s.health
FROM registry_member m
LEFT JOIN LATERAL (
    SELECT * FROM registry_memberfacts f WHERE f.member_id = m.id AND f.observed_on <= %(on)s
    ORDER BY f.observed_on DESC, f.id DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (
    SELECT health FROM registry_memberhealth s WHERE s.member_id = m.id AND s.observed_on <= %(on)s
    ORDER BY s.observed_on DESC, s.id DESC LIMIT 1) s ON true
WHERE m.household_id = ANY(%(ids)s) AND m.left_on IS NULL
ORDER BY m.household_id, m.relation <> 'head', m.number, m.id
"""


def entries_of(
    household_ids: Sequence[int], on: date, *, clear: bool = True
) -> dict[int, tuple[HouseholdEntry, int]]:
    """Household id → (what is stored of it as of a day, its village's place id).

    With ``clear`` ID numbers and phones are unsealed: the caller has the right and leaves the trace.
    """
    parameters: dict[str, Any] = {"ids": list(household_ids), "on": on}
    with connection.cursor() as cursor:
        cursor.execute(_HOUSEHOLDS, parameters)
        households = cursor.fetchall()
        county_of = {row[0]: row[1] for row in households}
        cursor.execute(_MEMBERS, parameters)
        members: dict[int, list[MemberEntry]] = defaultdict(list)
        for row in cursor.fetchall():
            members[row[0]].append(_member(row, county_of[row[0]], clear))
    return {row[0]: (_household(row, members[row[0]]), row[2]) for row in households}


def _member(row: Sequence[Any], county_id: int, clear: bool) -> MemberEntry:
    uid, id_sealed, phone_sealed = row[1], row[8], row[9]
    return MemberEntry(
        number=row[2],
        name=row[3],
        relation=row[4],
        ethnicity=row[5],
        sex=row[6],
        birth_on=row[7],
        id_number=secrets.unseal(county_id, "member.id", uid, id_sealed) if clear and id_sealed else "",
        phone=secrets.unseal(county_id, "member.phone", uid, phone_sealed) if clear and phone_sealed else "",
        schooling=row[10],
        enrolment=row[11],
        labour=row[12],
        work_status=row[13],
        work_months=row[14],
        has_serious_illness_cover=row[15],
        has_medical_insurance=row[16],
        health=tuple(row[17] or ()),
    )


def _household(row: Sequence[Any], members: Sequence[MemberEntry]) -> HouseholdEntry:
    return HouseholdEntry(
        number=row[3],
        hamlet=row[4],
        attribute=row[5],
        exit_attribute=row[6],
        exit_year=row[7],
        main_cause=row[8],
        net_income_per_head_fen=row[9],
        unsafe_house=row[10],
        safe_water=row[11],
        water_hardship=row[12],
        members=tuple(members),
        declared_size=len(members),
    )


def entries_in_order(
    household_ids: Sequence[int], on: date, *, clear: bool
) -> Iterator[tuple[HouseholdEntry, int]]:
    """The same, in the order given, a thousand at a time."""
    for start in range(0, len(household_ids), 1000):
        part = household_ids[start : start + 1000]
        found = entries_of(part, on, clear=clear)
        for household_id in part:
            if household_id in found:
                yield found[household_id]


def content_hash(entry: HouseholdEntry, village_id: int) -> bytes:
    """A keyed hash of everything the official workbook says of a household, whatever the row order."""
    people = [
        [
            m.number,
            m.name,
            clean_id(m.id_number),
            m.relation,
            m.ethnicity,
            m.phone,
            m.schooling,
            m.enrolment,
            list(m.health),
            m.labour,
            m.work_status,
            m.work_months,
            m.has_serious_illness_cover,
        ]
        for m in sorted(entry.members, key=lambda m: m.number)
    ]
    household = [
        entry.number,
        village_id,
        entry.hamlet,
        entry.attribute,
        entry.exit_attribute,
        entry.exit_year,
        entry.main_cause,
        entry.net_income_per_head_fen,
        entry.unsafe_house,
        entry.safe_water,
        entry.water_hardship,
    ]
    text = json.dumps([household, people], ensure_ascii=False, separators=(",", ":"))
    return secrets.blind_index("household.content", text)
