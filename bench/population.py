"""Fills a database with any number of made-up households, straight by SQL. For measuring pages only."""

from __future__ import annotations

from django.db import connection

from yuchang.places.models import Place

HOUSEHOLDS = """
INSERT INTO registry_household (version, created_at, updated_at, uid, number, public_code, hamlet, state,
    attribute, exit_attribute, size, head_name, main_cause, search_keys, entered_at, removed_reason,
    place_id, province_id, prefecture_id, county_id, township_id, village_id)
SELECT 1, now(), now(), gen_random_uuid(), 'B' || lpad(n::text, 10, '0'), upper(lpad(to_hex(n), 12, '0')), '',
    (ARRAY['entered','listed','listed','listed','exited'])[1 + n %% 5], 'ordinary', 'not_exited', 3,
    s.name, (ARRAY['illness','skill','capital','labour','disability'])[1 + (n / 7) %% 5],
    ARRAY[s.name, left(s.name, 1), right(s.name, 1), left(s.name, 2)], now(), '',
    v.id, v.province_id, v.prefecture_id, v.county_id, v.township_id, v.village_id
FROM generate_series(%(first)s::int, %(last)s::int) AS n
JOIN (SELECT *, row_number() OVER (ORDER BY code) - 1 AS rank, count(*) OVER () AS villages
      FROM places_place WHERE level = 5 AND valid_to IS NULL) v ON v.rank = n %% v.villages
CROSS JOIN LATERAL (SELECT (ARRAY['王','李','张','刘','陈','杨','赵','黄'])[1 + n %% 8]
      || (ARRAY['小满','大雪','谷雨','清明','白露','寒露','霜降','立春','芒种'])[1 + (n / 8) %% 9] AS name) s
"""
MEMBERS = """
INSERT INTO registry_member (version, created_at, updated_at, uid, number, name, sex, relation, ethnicity,
    joined_on, household_id)
SELECT 1, now(), now(), gen_random_uuid(), h.number || lpad(k::text, 2, '0'), h.head_name, 'male',
    CASE WHEN k = 1 THEN 'head' ELSE 'son' END, '01', '2026-01-01', h.id
FROM registry_household h CROSS JOIN generate_series(1, 3) AS k WHERE h.number BETWEEN %(low)s AND %(high)s
"""
FACTS = """
INSERT INTO registry_householdfacts (observed_on, recorded_at, source, household_id, size,
    net_income_per_head_fen, unsafe_house, safe_water)
SELECT date '2025-12-31' - k, now(), 'form', h.id, 3, 300000 + (h.id %% 1500) * 1000, 'no', true
FROM registry_household h CROSS JOIN generate_series(0, 2) AS k WHERE h.number BETWEEN %(low)s AND %(high)s
"""
CAUSES = """
INSERT INTO registry_cause (code, is_main, since_on, household_id)
SELECT h.main_cause, true, '2026-01-01', h.id
FROM registry_household h WHERE h.number BETWEEN %(low)s AND %(high)s
"""


def grow_to(households: int) -> None:
    """Add households until there are this many, evenly over all loaded villages; then ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_household")
        have = int(cursor.fetchone()[0])
        if have < households:
            cursor.execute(HOUSEHOLDS, {"first": have + 1, "last": households})
            span = {"low": f"B{have + 1:010d}", "high": f"B{households:010d}"}
            for statement in (MEMBERS, FACTS, CAUSES):
                cursor.execute(statement, span)
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("ANALYZE")
        cursor.execute("SET ROLE yuchang_app")


def busiest_county() -> Place:
    """A county with households."""
    return Place.objects.get(code="621221000000", valid_to=None)
