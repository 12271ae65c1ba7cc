# ruff: noqa: E501, S608 - statements read better in whole lines; the names in them are our own
"""The one writer of households and members: documents in, rows out, set-wise.

A form brings one household, the official workbook four thousand at a time; both become two
temporary tables and the same statements. The caller has opened the action's transaction, judged
the entries and locked what exists.

The first workbook of a new county fills an empty register, and the planner takes a table to be as large as
it is when a statement begins: looking for a row there by reading all of it seems to cost nothing, and costs
more with each row that the same statement adds. So what is new is written without looking for anything,
what is looked for in a table being filled is looked for by index, and the temporary tables have indexes
and statistics of their own: whatever is believed of the register, nothing is read once for each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from yuchang.registry.models import HouseholdFacts, MemberFacts, Observation

_BASE = {f.name for f in Observation._meta.fields} | {"id", "household", "member"}
HOUSEHOLD_COLUMNS = [str(f.column) for f in HouseholdFacts._meta.fields if f.name not in _BASE]
MEMBER_COLUMNS = [str(f.column) for f in MemberFacts._meta.fields if f.name not in _BASE]

_BY_INDEX = "SET LOCAL enable_seqscan = off;\n{looking}\nSET LOCAL enable_seqscan = on;\n"

_TABLES = """
DROP TABLE IF EXISTS pg_temp.incoming_household, pg_temp.incoming_member;
CREATE TEMPORARY TABLE incoming_household ON COMMIT DROP AS
SELECT s.group_number, coalesce(d.household_id, nextval('registry_household_id_seq')) AS id,
       d.household_id IS NULL AS is_new, d.place_id, d.number, d.hamlet, 'entered' AS state, d.attribute, d.exit_attribute,
       d.exit_year, d.size, d.head_name, d.main_cause, d.other_causes, d.search_keys,
       decode(d.content_hash, 'hex') AS content_hash, d.facts
FROM ({source}) s (group_number, document),
     jsonb_to_record(s.document -> 'household') AS d(
        household_id bigint, place_id bigint, number text, hamlet text, attribute text, exit_attribute text,
        exit_year smallint, size smallint, head_name text, main_cause text, other_causes text[],
        search_keys text[], content_hash text, facts jsonb)
WHERE s.document ? 'household';
{household_indexes}ANALYZE incoming_household (id, group_number, is_new);
CREATE TEMPORARY TABLE incoming_member ON COMMIT DROP AS
SELECT coalesce(d.member_id, nextval('registry_member_id_seq')) AS id, d.member_id IS NULL AS is_new,
       h.id AS household_id, h.is_new AS in_new_household, d.uid, d.number, d.name, d.sex, d.birth_on,
       d.relation, d.ethnicity, decode(d.id_sealed, 'hex') AS id_sealed, decode(d.id_blind, 'hex') AS id_blind,
       decode(d.id_tail_blind, 'hex') AS id_tail_blind, decode(d.phone_sealed, 'hex') AS phone_sealed,
       decode(d.phone_blind, 'hex') AS phone_blind, d.facts, d.health, d.disability_kind, d.disability_level
FROM ({source}) s (group_number, document)
JOIN incoming_household h ON h.group_number = s.group_number,
     jsonb_to_record(s.document -> 'member') AS d(
        member_id bigint, uid uuid, number text, name text, sex text, birth_on date, relation text,
        ethnicity text, id_sealed text, id_blind text, id_tail_blind text, phone_sealed text,
        phone_blind text, facts jsonb, health text[], disability_kind text, disability_level smallint);
{member_indexes}ANALYZE incoming_member (id, household_id, is_new);
"""

_INDEXES = {
    "household_indexes": "CREATE UNIQUE INDEX ON incoming_household (id);\n"
    "CREATE UNIQUE INDEX ON incoming_household (group_number);\n",
    "member_indexes": "CREATE UNIQUE INDEX ON incoming_member (id);\n",
}
_NO_INDEXES = dict.fromkeys(_INDEXES, "")

HOUSEHOLDS_SQL = """
INSERT INTO registry_household (id, uid, version, created_at, updated_at, place_id, province_id, prefecture_id,
    county_id, township_id, village_id, number, public_code, hamlet, state, attribute, exit_attribute, exit_year,
    size, head_name, main_cause, search_keys, content_hash, batch_id, entered_by_id, entered_at, removed_reason)
SELECT i.id, gen_random_uuid(), 1, %(now)s, %(now)s, p.id, p.province_id, p.prefecture_id, p.county_id,
    p.township_id, p.village_id, i.number, upper(left(replace(gen_random_uuid()::text, '-', ''), 12)), i.hamlet,
    i.state, i.attribute, i.exit_attribute, i.exit_year, i.size, i.head_name, i.main_cause, i.search_keys,
    i.content_hash, %(batch)s, %(actor)s, %(now)s, ''
FROM incoming_household i JOIN places_place p ON p.id = i.place_id WHERE i.is_new ORDER BY i.id;
"""

_CORRECTIONS = """
UPDATE registry_household h SET version = h.version + 1, updated_at = %(now)s, hamlet = i.hamlet,
    state = CASE WHEN h.state = 'verified' THEN 'entered' ELSE h.state END,
    attribute = i.attribute, exit_attribute = i.exit_attribute, exit_year = i.exit_year, size = i.size,
    head_name = i.head_name, main_cause = i.main_cause, search_keys = i.search_keys,
    content_hash = i.content_hash, batch_id = %(batch)s, entered_by_id = %(actor)s, entered_at = %(now)s,
    verified_by_id = NULL, verified_at = NULL
FROM incoming_household i WHERE h.id = i.id AND NOT i.is_new;

UPDATE registry_member m SET left_on = %(on)s, version = m.version + 1, updated_at = %(now)s, batch_id = %(batch)s
FROM incoming_household h
WHERE m.household_id = h.id AND NOT h.is_new AND m.left_on IS NULL
  AND NOT EXISTS (SELECT 1 FROM incoming_member i WHERE i.id = m.id);
"""

# Heads last: the old head must step down before the new one stands up.
_MEMBER_CORRECTION = """
UPDATE registry_member m SET version = m.version + 1, updated_at = %(now)s, number = i.number, name = i.name,
    sex = coalesce(nullif(i.sex, ''), m.sex), birth_on = coalesce(i.birth_on, m.birth_on),
    relation = i.relation, ethnicity = i.ethnicity, batch_id = %(batch)s,
    id_sealed = CASE WHEN m.id_blind IS DISTINCT FROM i.id_blind OR m.id_sealed IS NULL
        OR m.id_tail_blind IS DISTINCT FROM i.id_tail_blind THEN i.id_sealed ELSE m.id_sealed END,
    id_blind = i.id_blind, id_tail_blind = i.id_tail_blind,
    phone_sealed = CASE WHEN m.phone_blind IS DISTINCT FROM i.phone_blind
        THEN i.phone_sealed ELSE m.phone_sealed END,
    phone_blind = i.phone_blind
FROM incoming_member i
WHERE m.id = i.id AND NOT i.is_new AND {heads}
  AND (m.number, m.name, m.relation, m.ethnicity, m.id_blind, m.id_tail_blind, m.phone_blind,
       coalesce(nullif(i.sex, ''), m.sex), coalesce(i.birth_on, m.birth_on))
      IS DISTINCT FROM
      (i.number, i.name, i.relation, i.ethnicity, i.id_blind, i.id_tail_blind, i.phone_blind, m.sex, m.birth_on);
"""
_MEMBER_CORRECTIONS = _MEMBER_CORRECTION.format(heads="i.relation <> 'head'") + _MEMBER_CORRECTION.format(
    heads="i.relation = 'head'"
)

MEMBERS_SQL = """
INSERT INTO registry_member (id, uid, version, created_at, updated_at, household_id, number, name, sex, birth_on,
    relation, ethnicity, id_sealed, id_blind, id_tail_blind, phone_sealed, phone_blind, joined_on, batch_id)
SELECT id, uid, 1, %(now)s, %(now)s, household_id, number, name, sex, birth_on, relation, ethnicity, id_sealed,
    id_blind, id_tail_blind, phone_sealed, phone_blind, %(on)s, %(batch)s
FROM incoming_member WHERE is_new ORDER BY id;
"""

CAUSES_SQL = """
UPDATE registry_cause c SET until_on = %(on)s
FROM incoming_household h
WHERE c.household_id = h.id AND NOT h.is_new AND c.until_on IS NULL
  AND ((c.is_main AND c.code <> h.main_cause) OR (NOT c.is_main AND c.code = h.main_cause)
       OR (NOT c.is_main AND h.other_causes IS NOT NULL AND c.code <> ALL (h.other_causes)));
INSERT INTO registry_cause (household_id, code, is_main, since_on)
SELECT h.id, w.code, w.is_main, %(on)s
FROM incoming_household h, LATERAL ({causes}) w
LEFT JOIN LATERAL (SELECT c.id FROM registry_cause c
                   WHERE c.household_id = h.id AND c.code = w.code AND c.until_on IS NULL LIMIT 1) stands ON true
WHERE NOT h.is_new AND stands.id IS NULL;
INSERT INTO registry_cause (household_id, code, is_main, since_on)
SELECT h.id, w.code, w.is_main, %(on)s FROM incoming_household h, LATERAL ({causes}) w WHERE h.is_new;
""".format(
    causes="SELECT h.main_cause AS code, true AS is_main"
    " UNION ALL SELECT other, false FROM unnest(h.other_causes) AS other"
)


def _carry_over(table: str, owner: str, columns: list[str], incoming: str) -> str:
    """Insert the latest observation with the named facts replaced, where that changes anything."""
    names = ", ".join(columns)
    new = ", ".join(f"n.{c}" for c in columns)
    old = ", ".join(f"(l.row_).{c}" for c in columns)
    return f"""
INSERT INTO {table} ({owner}, observed_on, recorded_at, recorded_by_id, source, batch_id, {names})
SELECT i.id, %(on)s, %(now)s, %(actor)s, %(source)s, %(batch)s, {new}
FROM {incoming} i, LATERAL jsonb_populate_record(NULL::{table}, i.facts) n
WHERE i.is_new AND i.facts <> '{{}}'::jsonb ORDER BY i.id;
INSERT INTO {table} ({owner}, observed_on, recorded_at, recorded_by_id, source, batch_id, {names})
SELECT i.id, %(on)s, %(now)s, %(actor)s, %(source)s, %(batch)s, {new}
FROM {incoming} i
LEFT JOIN LATERAL (SELECT f AS row_ FROM {table} f WHERE f.{owner} = i.id AND f.observed_on <= %(on)s
                   ORDER BY f.observed_on DESC, f.id DESC LIMIT 1) l ON true,
     LATERAL jsonb_populate_record(l.row_, i.facts) n
WHERE NOT i.is_new AND i.facts <> '{{}}'::jsonb AND (l.row_ IS NULL OR ({new}) IS DISTINCT FROM ({old})
       OR (%(renews)s AND (l.row_).observed_on < %(on)s))
ORDER BY i.id;
"""


_HEALTH = """
INSERT INTO registry_memberhealth (member_id, observed_on, recorded_at, recorded_by_id, source, batch_id,
    health, disability_kind, disability_level)
SELECT i.id, %(on)s, %(now)s, %(actor)s, %(source)s, %(batch)s, i.health, i.disability_kind, i.disability_level
FROM incoming_member i WHERE i.is_new AND i.health IS NOT NULL ORDER BY i.id;
INSERT INTO registry_memberhealth (member_id, observed_on, recorded_at, recorded_by_id, source, batch_id,
    health, disability_kind, disability_level)
SELECT i.id, %(on)s, %(now)s, %(actor)s, %(source)s, %(batch)s, i.health,
    coalesce(i.disability_kind, (l.row_).disability_kind),
    coalesce(i.disability_level, (l.row_).disability_level)
FROM incoming_member i
LEFT JOIN LATERAL (SELECT f AS row_ FROM registry_memberhealth f
                   WHERE f.member_id = i.id AND f.observed_on <= %(on)s
                   ORDER BY f.observed_on DESC, f.id DESC LIMIT 1) l ON true
WHERE NOT i.is_new AND i.health IS NOT NULL
  AND (l.row_ IS NULL OR ((l.row_).health)::text[] IS DISTINCT FROM i.health
       OR (%(renews)s AND (l.row_).observed_on < %(on)s)
       OR (i.disability_level IS NOT NULL AND (l.row_).disability_level IS DISTINCT FROM i.disability_level))
ORDER BY i.id;
"""
HOUSEHOLD_FACTS_SQL = _carry_over(
    "registry_householdfacts", "household_id", HOUSEHOLD_COLUMNS, "incoming_household"
)
MEMBER_FACTS_SQL = _carry_over("registry_memberfacts", "member_id", MEMBER_COLUMNS, "incoming_member")


@dataclass(frozen=True)
class Origin:
    """Who writes, from which source, for which day.

    ``renews``: somebody looked again, so equal facts of a later day are an observation, too; they would
    otherwise grow too old to decide upon.
    """

    actor_id: int | None
    source: str
    observed_on: date
    now: datetime
    batch_id: int | None = None
    renews: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "actor": self.actor_id,
            "source": self.source,
            "on": self.observed_on,
            "now": self.now,
            "batch": self.batch_id,
            "renews": self.renews,
        }


def store(
    source_sql: str, source_parameters: dict[str, Any], origin: Origin, *, is_single: bool = False
) -> None:
    """Write the documents of ``source_sql``, which yields (group number, document) rows.

    ``is_single``: they are those of one household, for which indexes would cost more than the rest.
    Leaves ``incoming_household`` (id, is_new, group_number, place_id …) for the caller's own use.
    """
    run(_TABLES.format(source=source_sql, **(_NO_INDEXES if is_single else _INDEXES)), source_parameters)
    run(HOUSEHOLDS_SQL + _CORRECTIONS + _MEMBER_CORRECTIONS + MEMBERS_SQL, origin.parameters)
    run(_BY_INDEX.format(looking=CAUSES_SQL), origin.parameters)
    store_facts(origin)


def store_facts(origin: Origin) -> None:
    """Add the observations of ``incoming_household`` and ``incoming_member`` that say something new."""
    run(_BY_INDEX.format(looking=HOUSEHOLD_FACTS_SQL + MEMBER_FACTS_SQL + _HEALTH), origin.parameters)


def run(script: str, parameters: dict[str, Any]) -> None:
    """Execute the statements of a script one after the other with the same named parameters."""
    with connection.cursor() as cursor:
        for statement in script.split(";\n"):
            if statement.strip():
                cursor.execute(statement.strip().removesuffix(";"), parameters)
