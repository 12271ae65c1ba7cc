"""What the rules cost: a county's run at 20,000 and 200,000 households, and the explanation of one.

The peer of the set-wise run is the single-row evaluator of the same plan over the same frozen rows; both
must give the same masks for every household. Run: ``make bench`` or ``python -m bench.policy``;
``--sizes 2000`` for a quick look. All households are made up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402

from tests import people  # noqa: E402
from tests.databases import cloned, own_name  # noqa: E402
from yuchang.core.models import Instance  # noqa: E402
from yuchang.policy.actions import decide_household, run_policy, run_rows  # noqa: E402
from yuchang.policy.explain import explain  # noqa: E402
from yuchang.policy.inputs import PLACE_COLUMNS, frozen_rows  # noqa: E402
from yuchang.policy.rules import InputRow, decide, read_plan  # noqa: E402
from yuchang.registry.models import Household  # noqa: E402

DAY = date(2026, 6, 1)
HOUSEHOLDS = """
INSERT INTO registry_household (version, created_at, updated_at, uid, number, public_code, hamlet, state,
    attribute, exit_attribute, size, head_name, main_cause, search_keys, entered_at, removed_reason,
    place_id, province_id, prefecture_id, county_id, township_id, village_id)
SELECT 1, now(), now(), gen_random_uuid(), 'P' || n, upper(lpad(to_hex(n), 12, '0')), '', 'listed',
    'ordinary', (ARRAY['not_exited','exited','exited_no_policy','returned'])[1 + n %% 4], 4, '某', 'illness',
    '{}', now(), '',
    v.id, v.province_id, v.prefecture_id, v.county_id, v.township_id, v.village_id
FROM generate_series(%(first)s::int, %(last)s::int) AS n
JOIN (SELECT *, row_number() OVER (ORDER BY code) - 1 AS rank, count(*) OVER () AS villages
      FROM places_place WHERE level = 5 AND valid_to IS NULL AND county_id = %(county)s) v
  ON v.rank = n %% v.villages
"""
FACTS = """
INSERT INTO registry_householdfacts (observed_on, recorded_at, source, household_id, size,
    net_income_per_head_fen, compliant_medical_spending_fen, unsafe_house, safe_water, water_hardship)
SELECT date '2026-03-01', now(), 'form', id, 4,
    CASE WHEN id %% 50 > 0 THEN 300000 + (id * 7919 %% 1500000) END,
    CASE WHEN id %% 9 = 0 THEN 2000000 END, (ARRAY['no','no','no','c'])[1 + id %% 4],
    id %% 31 > 0, id %% 40 = 0
FROM registry_household WHERE number LIKE 'P%%'
  AND NOT EXISTS (SELECT 1 FROM registry_householdfacts f WHERE f.household_id = registry_household.id)
"""
MEMBERS = """
INSERT INTO registry_member (version, created_at, updated_at, uid, number, name, sex, relation, ethnicity,
    birth_on, joined_on, household_id)
SELECT 1, now(), now(), gen_random_uuid(), h.number || '-' || k, '某', 'male',
    CASE WHEN k = 1 THEN 'head' ELSE 'son' END, '01',
    date '1950-01-01' + ((h.id * 37 + k * 7001) %% 26000)::int,
    date '2026-01-01', h.id
FROM registry_household h CROSS JOIN generate_series(1, 4) AS k
WHERE NOT EXISTS (SELECT 1 FROM registry_member m WHERE m.household_id = h.id)
"""
MEMBER_FACTS = """
INSERT INTO registry_memberfacts (observed_on, recorded_at, source, member_id, labour, enrolment,
    has_serious_illness_cover)
SELECT date '2026-03-01', now(), 'form', id, (ARRAY['ordinary','skilled','weak','lost','none'])[1 + id %% 5],
    (ARRAY['not_enrolled','not_enrolled','primary','senior'])[1 + id %% 4], id %% 20 > 0
FROM registry_member m WHERE NOT EXISTS (SELECT 1 FROM registry_memberfacts f WHERE f.member_id = m.id)
"""
HEALTH = """
INSERT INTO registry_memberhealth (observed_on, recorded_at, source, member_id, health)
SELECT date '2026-03-01', now(), 'form', id,
    CASE WHEN id %% 17 = 0 THEN ARRAY['serious'] WHEN id %% 23 = 0 THEN ARRAY['disabled']
         ELSE ARRAY['healthy'] END
FROM registry_member m WHERE NOT EXISTS (SELECT 1 FROM registry_memberhealth f WHERE f.member_id = m.id)
"""


def grow_to(size: int, county_id: int) -> None:
    """Fill one county up to this many households of four, each with one observation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM registry_household")
        have = int(cursor.fetchone()[0])
        cursor.execute(HOUSEHOLDS, {"first": have + 1, "last": size, "county": county_id})
        for statement in (FACTS, MEMBERS, MEMBER_FACTS, HEALTH):
            cursor.execute(statement, {})
        cursor.execute("SET ROLE yuchang_owner")
        cursor.execute("ANALYZE")
        cursor.execute("SET ROLE yuchang_app")


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """(CPU seconds of this process, wall seconds, result)."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - cpu, time.perf_counter() - wall, result


def run_at(size: int, person: people.Person) -> tuple[list[str], bool]:
    """One line of the table, and whether both evaluators agreed on every household."""
    grow_to(size, people.county().pk)
    cpu, wall, run = timed(lambda: run_policy(actor=person.actor, county=people.county(), on=DAY))
    plan = read_plan(run.plan.source)
    sql_cpu, sql_wall, by_sql = timed(lambda: list(run_rows(plan, run.snapshot, run.on)))
    rows = list(frozen_rows(run.snapshot, plan.pack.facts))
    row_cpu, _, by_row = timed(lambda: [(key, decide(plan, row, DAY)) for key, row in rows])
    first = 1 + len(PLACE_COLUMNS)
    agreed = [(r[0], r[first], r[first + 1]) for r in by_sql] == [
        (key, o.met_mask, o.unknown_mask) for key, o in by_row
    ]
    cells = [f"{size:,}", f"{wall:.1f}", f"{cpu:.1f}", f"{sql_wall:.2f}", f"{sql_cpu:.2f}", f"{row_cpu:.1f}"]
    return [*cells, f"{row_cpu / sql_cpu:.0f}×", "yes" if agreed else "NO"], agreed


def one_household(person: people.Person, count: int) -> list[float]:
    """Milliseconds: a stored decision (median wall, CPU), its explanation (CPU), the 95th percentile."""
    numbers = list(Household.objects.order_by("id").values_list("pk", flat=True)[:count])
    actor, whole, busy, explained = person.actor, [], [], []
    for number in numbers:
        cpu, wall, decision = timed(lambda n=number: decide_household(actor=actor, household_id=n, on=DAY))
        whole.append(wall * 1000)
        busy.append(cpu * 1000)
        plan = read_plan(decision.plan.source)
        row = InputRow.read(decision.input_row)
        outcome = decide(plan, row, DAY)
        explaining = timed(lambda p=plan, r=row, o=outcome: explain(p, r, DAY, o))
        explained.append(explaining[0] * 1000)
    medians = [statistics.median(times) for times in (whole, busy, explained)]
    return [*medians, statistics.quantiles(whole, n=20)[-1]]


def main() -> int:
    """Print the tables; 1 when the evaluators disagree anywhere."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--single", type=int, default=200)
    options = parser.parse_args()
    all_agreed = True
    with cloned(own_name("yc_bench_policy")):
        Instance.objects.update_or_create(pk=1, defaults={"is_simulated": True})
        person = people.wang()
        heads = ["households", "run, wall s", "run, CPU s", "rules in SQL, wall s", "CPU s"]
        print(f"| {' | '.join([*heads, 'row by row, CPU s', 'ratio', 'agree'])} |")
        print("|---|---|---|---|---|---|---|---|")
        for size in options.sizes:
            cells, agreed = run_at(size, person)
            all_agreed &= agreed
            print(f"| {' | '.join(cells)} |", flush=True)
        whole, busy, explained, p95 = one_household(person, options.single)
    print(f"\none household decided and stored: {whole:.1f} ms (p95 {p95:.1f}), CPU {busy:.1f} ms,", end=" ")
    print(f"of which explained {explained:.1f} ms")
    return 0 if all_agreed else 1


if __name__ == "__main__":
    sys.exit(main())
