# ruff: noqa: E501 - statements read better in whole lines
"""A whole register taken over at once: columns in, rows out, a million people in a minute or two.

The workbook door judges, explains and stages row by row, for people who must mend rows. This one is for a
register that another system keeps: the same refusals (``registry.columns``), the same writer
(``actions.store``), sealed secrets and an audit entry per household, and nothing in between. Whatever is
taken over still waits for this register's second person.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Any

import numpy as np
from django.db import connection
from django.utils.translation import gettext as _

from yuchang.accounts.doors import require
from yuchang.accounts.queries import place_filter
from yuchang.accounts.rules import Actor
from yuchang.core import clock, copying, secrets
from yuchang.core.actions import write
from yuchang.core.errors import invalid
from yuchang.places.models import Place
from yuchang.registry.actions.store import (
    HOUSEHOLD_COLUMNS,
    HOUSEHOLDS_SQL,
    MEMBER_COLUMNS,
    MEMBERS_SQL,
    Origin,
    run,
)
from yuchang.registry.columns import HouseholdColumns, IdColumns, MemberColumns, Refusal, read_ids, refusals
from yuchang.registry.documents import search_keys
from yuchang.registry.models import Household, HouseholdFacts, MemberFacts, Source

_STANDING = {"size", "attribute", "exit_attribute", "main_cause"}
_STATES = {Household.State.ENTERED, Household.State.LISTED, Household.State.EXITED}

_TABLES = """
DROP TABLE IF EXISTS pg_temp.incoming_household, pg_temp.incoming_member;
CREATE TEMPORARY TABLE incoming_household (group_number bigint, id bigint, is_new boolean DEFAULT true,
    place_id bigint, number text, hamlet text, state text, attribute text, exit_attribute text,
    exit_year smallint, size smallint, head_name text, main_cause text, other_causes text[], search_keys text[],
    content_hash bytea{household_facts}) ON COMMIT DROP;
CREATE TEMPORARY TABLE incoming_member (id bigint DEFAULT nextval('registry_member_id_seq'),
    is_new boolean DEFAULT true, household_id bigint, uid uuid, number text, name text, sex text, birth_on date,
    relation text, ethnicity text, id_sealed bytea, id_blind bytea, id_tail_blind bytea, phone_sealed bytea,
    phone_blind bytea, health text[], disability_kind text, disability_level smallint{member_facts}) ON COMMIT DROP;
"""
# What the register has already stays as it is; the newcomer is left out and named.
_OVERTAKEN = """
SELECT i.number, 'number_elsewhere' FROM incoming_household i JOIN registry_household h ON h.number = i.number
UNION
SELECT i.number, 'person_elsewhere' FROM incoming_member a JOIN registry_member m ON m.id_blind = a.id_blind
JOIN incoming_household i ON i.id = a.household_id WHERE m.left_on IS NULL
UNION
SELECT i.number, 'person_number_elsewhere' FROM incoming_member a JOIN registry_member m ON m.number = a.number
JOIN incoming_household i ON i.id = a.household_id WHERE m.left_on IS NULL
"""
_LEAVE_OUT = """
DELETE FROM incoming_member a USING incoming_household i WHERE i.id = a.household_id AND i.number = ANY(%(numbers)s);
DELETE FROM incoming_household WHERE number = ANY(%(numbers)s);
"""
# They are new: nothing they had before needs to be looked for.
_CAUSES = """
INSERT INTO registry_cause (household_id, code, is_main, since_on)
SELECT i.id, i.main_cause, true, %(on)s FROM incoming_household i ORDER BY i.id;
"""
_FACTS = """
INSERT INTO {table} ({owner}, observed_on, recorded_at, recorded_by_id, source, batch_id, {columns})
SELECT i.id, %(on)s, %(now)s, %(actor)s, %(source)s, %(batch)s, {columns} FROM {incoming} i ORDER BY i.id;
"""
_HEALTH = """
INSERT INTO registry_memberhealth (member_id, observed_on, recorded_at, recorded_by_id, source, batch_id,
    health, disability_kind, disability_level)
SELECT i.id, %(on)s, %(now)s, %(actor)s, %(source)s, %(batch)s, i.health, i.disability_kind, i.disability_level
FROM incoming_member i WHERE i.health IS NOT NULL ORDER BY i.id;
"""
_AUDIT = """
SELECT i.id::text, i.place_id, jsonb_build_object('number', i.number, 'as', 'taken over', 'state', i.state)
FROM incoming_household i
"""


@dataclass(frozen=True)
class TakenOver:
    """What came of one call: how many were written, and who was left out and why."""

    households: int
    members: int
    refused: tuple[Refusal, ...]


def take_over_households(
    *,
    actor: Actor,
    observed_on: date,
    households: HouseholdColumns,
    members: MemberColumns,
    source: str = Source.WORKBOOK,
) -> TakenOver:
    """Enter the households of one county as columns, all in one transaction.

    With ``registry.import`` they are entered; ``registry.take_over`` (the province) may bring households that
    are listed or exited elsewhere. Either way they wait for the second person. A household that a rule
    refuses, that the register has already, or one of whose people lives elsewhere is left out and returned.
    Raises Refused, or Invalid for villages of several counties, an unknown column, state or a day to come.
    """
    households = _completed(households)
    permission = _require(actor, observed_on, source, households, members)
    villages = _villages(actor, permission, households)
    ids = read_ids(members.id_number, observed_on)
    left_out = refusals(households, members, ids, frozenset(villages))
    with write("registry.take_over_households", actor) as audit:
        _stage(households, members, ids, left_out, villages)
        overtaken = _leave_out_overtaken()
        origin = Origin(actor.user_id, source, observed_on, clock.now())
        _write(origin, households, members)
        written = audit.add_bulk("household", _AUDIT)
        people = _count("incoming_member")
    refused = [Refusal(households.number[i], code) for i, code in sorted(left_out.items())]
    return TakenOver(written, people, (*refused, *overtaken))


def _completed(households: HouseholdColumns) -> HouseholdColumns:
    """Columns that were left empty, with their usual value."""
    count = len(households.number)
    return HouseholdColumns(
        **vars(households)
        | {
            "hamlet": households.hamlet if len(households.hamlet) else [""] * count,
            "exit_attribute": households.exit_attribute
            if len(households.exit_attribute)
            else ["not_exited"] * count,
            "state": households.state if len(households.state) else ["entered"] * count,
        }
    )


def _require(
    actor: Actor, on: date, source: str, households: HouseholdColumns, members: MemberColumns
) -> str:
    states = set(households.state)
    permission = "registry.import" if states <= {"entered"} else "registry.take_over"
    require(actor, permission)
    if on > clock.today():
        raise invalid("observed_on", _("日期在将来。"), _("请填写调查当天的日期。"))
    unknown = (set(households.facts) - set(HOUSEHOLD_COLUMNS)) | (set(members.facts) - set(MEMBER_COLUMNS))
    unknown |= set(households.facts) & _STANDING
    if unknown:
        raise invalid("facts", _("没有这些事实项:%(names)s。") % {"names": "、".join(sorted(unknown))})
    if not states <= _STATES or source not in Source.values:
        raise invalid("state", _("只能录入、纳入或退出,不能带入其他状态。"))
    return permission


def _villages(actor: Actor, permission: str, households: HouseholdColumns) -> dict[int, int]:
    """Village → county, of the villages within reach."""
    named = np.unique(np.asarray(households.village_id, dtype=np.int64)).tolist()
    mine = Place.objects.filter(place_filter(actor, permission), pk__in=named, level=Place.Level.VILLAGE)
    found = {pk: county for pk, county in mine.values_list("id", "county_id") if county is not None}
    if len(set(found.values())) > 1:
        raise invalid("village", _("一次只能办理一个县。"), _("请按县分别办理。"))
    return found


def _stage(
    homes: HouseholdColumns,
    people: MemberColumns,
    ids: IdColumns,
    left_out: dict[int, str],
    villages: dict[int, int],
) -> None:
    """Bring what may enter into the writer's temporary tables; secrets are sealed on the way."""
    types = {
        f.column: f.db_type(connection) for f in (*HouseholdFacts._meta.fields, *MemberFacts._meta.fields)
    }
    script = _TABLES.format(
        household_facts="".join(f", {name} {types[name]}" for name in homes.facts),
        member_facts="".join(f", {name} {types[name]}" for name in people.facts),
    )
    run(script, {})
    of = np.asarray(people.household, dtype=np.int64)
    keep = np.array([i for i in range(len(homes.number)) if i not in left_out], dtype=np.int64)
    rows = np.flatnonzero(~np.isin(of, list(left_out)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('registry_household_id_seq') FROM generate_series(1, %s)", [len(keep)])
        new_id = dict(zip(keep.tolist(), (int(pk) for (pk,) in cursor.fetchall()), strict=True))
        copying.copy_columns(cursor, "incoming_household", _household_columns(homes, people, keep, new_id))
        if len(rows):
            county_id = next(iter(villages.values()))
            columns = _member_columns(people, ids, rows, new_id, county_id)
            copying.copy_columns(cursor, "incoming_member", columns)
        cursor.execute(
            "ANALYZE incoming_household (id, number); ANALYZE incoming_member (household_id, number)"
        )


def _picked(values: Sequence[Any], rows: Iterable[int]) -> list[Any]:
    plain = values.tolist() if isinstance(values, np.ndarray) else values
    return [plain[i] for i in rows]


def _household_columns(
    homes: HouseholdColumns, people: MemberColumns, keep: Any, new_id: dict[int, int]
) -> dict[str, list[str]]:
    kept = keep.tolist()
    of = np.asarray(people.household, dtype=np.int64)
    sizes = np.bincount(of, minlength=len(homes.number)).tolist()
    starts = [0, *accumulate(sizes)]
    names = people.name.tolist() if isinstance(people.name, np.ndarray) else people.name
    is_head = np.asarray(people.relation) == "head"
    head = np.zeros(len(homes.number), dtype=np.int64)
    head[of[is_head]] = np.flatnonzero(is_head)
    numbers = _picked(homes.number, kept)
    keys = [search_keys(names[starts[i] : starts[i + 1]], n) for i, n in zip(kept, numbers, strict=True)]
    columns = {
        "group_number": copying.plain(kept),
        "id": copying.plain(new_id[i] for i in kept),
        "place_id": copying.plain(_picked(homes.village_id, kept)),
        "number": copying.texts(numbers),
        "hamlet": copying.texts(_picked(homes.hamlet, kept)),
        "size": copying.plain(sizes[i] for i in kept),
        "head_name": copying.texts(names[i] for i in head[keep].tolist()),
        "search_keys": copying.arrays(keys),
    }
    for name in ("state", "attribute", "exit_attribute", "main_cause"):
        columns[name] = copying.texts(_picked(getattr(homes, name), kept))
    return columns | {n: copying.plain(_picked(values, kept)) for n, values in homes.facts.items()}


def _member_columns(
    people: MemberColumns, ids: IdColumns, rows: Any, new_id: dict[int, int], county_id: int
) -> dict[str, list[str]]:
    at = rows.tolist()
    numbers: list[str] = [str(text) for text in _picked(people.id_number, at)]
    phones: list[str] = [str(text) for text in _picked(people.phone, at)]
    uids = _uids(len(at))
    known = [bool(number) for number in numbers]
    columns = {
        "household_id": copying.plain(new_id[i] for i in _picked(people.household, at)),
        "uid": uids,
        "sex": [
            "" if not k else "male" if m else "female"
            for k, m in zip(known, ids.is_male[rows].tolist(), strict=True)
        ],
        "birth_on": copying.plain(
            b if k else None for k, b in zip(known, ids.birth_on[rows].tolist(), strict=True)
        ),
        "id_sealed": _sealed(county_id, "member.id", uids, numbers),
        "id_blind": _blinded(
            "member.id", [p if k else "" for k, p in zip(known, ids.person[rows].tolist(), strict=True)]
        ),
        "id_tail_blind": _blinded("member.id_tail", [number[-6:] for number in numbers]),
        "phone_sealed": _sealed(county_id, "member.phone", uids, phones),
        "phone_blind": _blinded("member.phone", phones),
        "health": copying.arrays(h or None for h in _picked(people.health, at)),
    }
    for name in ("number", "name", "relation", "ethnicity"):
        columns[name] = copying.texts(_picked(getattr(people, name), at))
    return columns | {n: copying.plain(_picked(values, at)) for n, values in people.facts.items()}


def _uids(count: int) -> list[str]:
    """Random version-4 identifiers; ascending, so that neighbours meet in the index, too."""
    noise = np.frombuffer(os.urandom(16 * count), dtype=np.uint8).reshape(count, 16).copy()
    noise[:, 6] = noise[:, 6] & 0x0F | 0x40
    noise[:, 8] = noise[:, 8] & 0x3F | 0x80
    signs = noise.tobytes().hex()
    found = sorted(signs[i : i + 32] for i in range(0, 32 * count, 32))
    return [f"{s[:8]}-{s[8:12]}-{s[12:16]}-{s[16:20]}-{s[20:]}" for s in found]


def _sealed(county_id: int, label: str, uids: Sequence[str], values: Sequence[str]) -> list[str]:
    filled = [(uid, text) for uid, text in zip(uids, values, strict=True) if text]
    blobs = iter(secrets.seal_many(county_id, label, filled)) if filled else iter(())
    return copying.binary(next(blobs) if text else None for text in values)


def _blinded(label: str, values: Sequence[str]) -> list[str]:
    found = iter(secrets.blind_many(label, [text for text in values if text]))
    return copying.binary(next(found) if text else None for text in values)


def _leave_out_overtaken() -> list[Refusal]:
    with connection.cursor() as cursor:
        cursor.execute(_OVERTAKEN)
        found = {number: code for number, code in cursor.fetchall()}
    if found:
        run(_LEAVE_OUT, {"numbers": sorted(found)})
    return [Refusal(number, code) for number, code in sorted(found.items())]


def _write(origin: Origin, households: HouseholdColumns, members: MemberColumns) -> None:
    run(HOUSEHOLDS_SQL + MEMBERS_SQL + _CAUSES, origin.parameters)
    standing = [c for c in HOUSEHOLD_COLUMNS if c in _STANDING or c in households.facts]
    for table, owner, incoming, columns in (
        ("registry_householdfacts", "household_id", "incoming_household", standing),
        ("registry_memberfacts", "member_id", "incoming_member", list(members.facts)),
    ):
        if columns:
            run(
                _FACTS.format(table=table, owner=owner, incoming=incoming, columns=", ".join(columns)),
                origin.parameters,
            )
    run(_HEALTH, origin.parameters)


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own temporary table
        return int(cursor.fetchone()[0])
