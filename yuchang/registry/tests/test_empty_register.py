"""A register that is filled for the first time: the planner knows it as empty, and nothing is read once per row."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import connection

from tests.people import villages, wang
from yuchang.registry.actions import record_facts_set
from yuchang.registry.models import Household, HouseholdFacts, Member, MemberFacts, Source
from yuchang.registry.tests.test_import import bring_in
from yuchang.registry.tests.workbooks import ON, families, family

pytestmark = pytest.mark.django_db

# As ANALYZE leaves an empty table, and staged rows that were deleted; unlike ANALYZE it ends with the test.
# Other tests have left empty blocks: without TRUNCATE the tables would not be small.
_KNOWN_AS_EMPTY = """
TRUNCATE registry_household CASCADE;
TRUNCATE registry_householdfacts, registry_memberfacts, registry_memberhealth;
SET LOCAL allow_system_table_mods = on;
UPDATE pg_class SET reltuples = 0, relpages = CASE WHEN relname ~ '^sheets' THEN 1000 ELSE 0 END
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname ~ '^(registry|sheets|procedures)_';
"""
# Small tables that stay small are best read whole, row or no row.
_SCANS = """
SELECT relname, seq_scan FROM pg_stat_xact_user_tables
WHERE relname ~ '^registry_|^sheets_staged|^procedures_case|^incoming|^arriving|^portion|^overtaken'
"""
HOUSEHOLDS, A_STATEMENT_OR_TWO = 150, 12


def scans() -> Counter[str]:
    """How often each table was read from beginning to end in this transaction, its checks included."""
    found: Counter[str] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(_SCANS)
        for table, count in cursor.fetchall():
            found[table] = max(found[table], count)
    return found


@pytest.fixture
def known_as_empty():
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute(_KNOWN_AS_EMPTY)
        cursor.execute("SET ROLE yuchang_app")


def require_few(before: Counter[str]) -> None:
    often = {table: n for table, n in (scans() - before).items() if n > A_STATEMENT_OR_TWO}
    assert not often, f"read whole, for {HOUSEHOLDS} households: {often}"


@pytest.mark.usefixtures("known_as_empty")
def test_a_first_household_does_not_fix_how_a_county_is_checked():
    officer = wang()
    bring_in(officer, families(8))
    before = scans()
    bring_in(officer, families(HOUSEHOLDS, start=301))
    assert Household.objects.count() == 8 + HOUSEHOLDS
    require_few(before)


@pytest.mark.usefixtures("known_as_empty")
def test_workbook_corrections_and_visits_read_no_table_once_for_each_row():
    officer, places = wang(), villages()[:3]
    before = scans()
    assert bring_in(officer, families(HOUSEHOLDS)).counts["created"] == HOUSEHOLDS
    assert Member.objects.count() == 3 * HOUSEHOLDS == MemberFacts.objects.count()
    require_few(before)
    rows = [
        row
        for n in range(1, HOUSEHOLDS + 1)
        for row in family(n, places[n % 3], main_cause="因残", work_months=3, has_serious_illness_cover="否")
    ]
    before = scans()
    assert bring_in(officer, rows, on=ON.replace(year=2025)).counts["changed"] == HOUSEHOLDS
    require_few(before)
    before = scans()
    ids = Household.objects.values_list("pk", flat=True)
    record_facts_set(
        actor=officer.actor,
        observed_on=ON.replace(year=2026),
        source=Source.VISIT,
        columns=("debt_fen",),
        rows=[(pk, 100) for pk in ids],
    )
    assert HouseholdFacts.objects.count() == 3 * HOUSEHOLDS
    require_few(before)
