"""From the register to what rules see: one wide row per household, one per member, on a day.

The same two SELECTs serve a single decision and the freezing of a county, so both see the same rows.
The latest observation on or before the day counts, as a whole row; what it does not say is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.db import connection

from yuchang.policy.rules import InputRow
from yuchang.rulelang.nodes import Entity, Fact
from yuchang.snapshots.models import Snapshot
from yuchang.snapshots.queries import query
from yuchang.snapshots.rules import Extract

PLACE_COLUMNS = ("province_id", "prefecture_id", "county_id", "township_id", "village_id")

_HOUSEHOLDS = """
SELECT h.id AS household_id, h.province_id, h.prefecture_id, h.county_id, h.township_id, h.village_id,
       h.state, coalesce(f.size, h.size)::bigint AS size,
       coalesce(f.attribute, h.attribute) AS attribute,
       coalesce(f.exit_attribute, h.exit_attribute) AS exit_attribute,
       coalesce(f.main_cause, h.main_cause) AS main_cause,
       f.observed_on,
       f.net_income_per_head_fen AS net_income_per_head,
       f.wage_income_fen AS wage_income,
       f.business_income_fen AS business_income,
       f.transfer_income_fen AS transfer_income,
       f.property_income_fen AS property_income,
       f.production_expense_fen AS production_expense,
       f.compliant_medical_spending_fen AS medical_spending,
       f.insurance_claims_fen AS insurance_claims,
       f.disaster_loss_fen AS disaster_loss,
       f.debt_fen AS debt,
       f.unsafe_house, f.safe_water, f.water_hardship,
       f.arable_land_mu_tenths::bigint AS arable_land,
       f.house_area_sqm::bigint AS house_area
FROM registry_household h
LEFT JOIN LATERAL (
    SELECT * FROM registry_householdfacts o
    WHERE o.household_id = h.id AND o.observed_on <= %(on)s
    ORDER BY o.observed_on DESC, o.id DESC LIMIT 1) f ON true
"""
_MEMBERS = """
SELECT m.id AS member_id, m.household_id, m.birth_on, m.relation,
       f.observed_on AS member_observed_on, f.enrolment, f.labour, f.work_status,
       f.work_months::bigint AS work_months, f.has_medical_insurance, f.has_serious_illness_cover,
       x.observed_on AS health_observed_on,
       'healthy' = ANY(x.health) AS is_healthy,
       'chronic' = ANY(x.health) AS has_chronic_illness,
       'serious' = ANY(x.health) AS has_serious_illness,
       'disabled' = ANY(x.health) AS is_disabled
FROM registry_member m
JOIN registry_household h ON h.id = m.household_id
LEFT JOIN LATERAL (
    SELECT * FROM registry_memberfacts o
    WHERE o.member_id = m.id AND o.observed_on <= %(on)s
    ORDER BY o.observed_on DESC, o.id DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (
    SELECT * FROM registry_memberhealth o
    WHERE o.member_id = m.id AND o.observed_on <= %(on)s
    ORDER BY o.observed_on DESC, o.id DESC LIMIT 1) x ON true
WHERE m.joined_on <= %(on)s AND (m.left_on IS NULL OR m.left_on > %(on)s)
"""


def county_extracts(county_id: int, on: date) -> tuple[Extract, Extract]:
    """What a run freezes: pseudonymous rows, no name, number, address or contact."""
    parameters = {"on": on, "county": county_id}
    return (
        Extract("households", _HOUSEHOLDS + "WHERE h.county_id = %(county)s", ("household_id",), parameters),
        Extract(
            "members", _MEMBERS + "AND h.county_id = %(county)s", ("household_id", "member_id"), parameters
        ),
    )


def input_row(household_id: int, on: date, facts: Mapping[str, Fact]) -> InputRow:
    """What the rules see of one household: the vocabulary's facts as known on the day. Two queries."""
    parameters = {"on": on, "household": household_id}
    households = _rows(_HOUSEHOLDS + "WHERE h.id = %(household)s", parameters)
    members = _rows(_MEMBERS + "AND m.household_id = %(household)s ORDER BY m.id", parameters)
    return InputRow(
        _known(households[0] if households else {}, facts, Entity.HOUSEHOLD),
        tuple(_known(member, facts, Entity.MEMBER) for member in members),
    )


def frozen_row(snapshot: Snapshot, household_id: int, facts: Mapping[str, Fact]) -> InputRow:
    """What the rules saw of one household in a frozen snapshot. Raises Conflict when it was touched."""
    households = query(snapshot, "SELECT * FROM households WHERE household_id = ?", [household_id])
    members = query(
        snapshot, "SELECT * FROM members WHERE household_id = ? ORDER BY member_id", [household_id]
    )
    found = [dict(zip(households.columns, row, strict=True)) for row in households.rows]
    people = [dict(zip(members.columns, row, strict=True)) for row in members.rows]
    return InputRow(
        _known(found[0] if found else {}, facts, Entity.HOUSEHOLD),
        tuple(_known(person, facts, Entity.MEMBER) for person in people),
    )


def frozen_rows(snapshot: Snapshot, facts: Mapping[str, Fact]) -> Iterator[tuple[int, InputRow]]:
    """Every household of a frozen snapshot as the rules saw it, by id. Holds all members in memory."""
    people: dict[int, list[dict[str, Any]]] = {}
    members = query(snapshot, "SELECT * FROM members ORDER BY member_id")
    for row in members.rows:
        person = dict(zip(members.columns, row, strict=True))
        people.setdefault(person["household_id"], []).append(_known(person, facts, Entity.MEMBER))
    households = query(snapshot, "SELECT * FROM households ORDER BY household_id")
    for row in households.rows:
        found = dict(zip(households.columns, row, strict=True))
        key = found["household_id"]
        yield key, InputRow(_known(found, facts, Entity.HOUSEHOLD), tuple(people.get(key, ())))


def _rows(sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _known(row: Mapping[str, Any], facts: Mapping[str, Fact], entity: Entity) -> dict[str, Any]:
    """Known values by fact name, dates as text, so that the row has one canonical form."""
    names = [f.name for f in facts.values() if f.entity is entity and row.get(f.name) is not None]
    return {n: row[n].isoformat() if isinstance(row[n], date) else row[n] for n in names}
