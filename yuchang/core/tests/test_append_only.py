"""What is declared append-only stays so: no later migration, grant or column right gives the program more."""

import re

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from config.environment import ROOT

DECLARED = sorted(
    name
    for path in (ROOT / "yuchang").glob("*/migrations/*.py")
    for name in re.findall(r'append_only\("(\w+)"\)', path.read_text())
)
# The log, the book, the facts, what was decided, acted, drawn and published.
ALWAYS = {
    *("core_auditentry", "core_auditleaf", "core_auditcheckpoint", "ledger_transaction", "ledger_leg"),
    *("registry_householdfacts", "registry_memberfacts", "registry_memberhealth", "registry_rowversion"),
    *("policy_decision", "policy_run", "policy_runresult", "procedures_steprecord", "procedures_sample"),
    *("procedures_samplerow", "procedures_samplecheck", "market_payment", "market_settlement"),
    *("monitoring_visit", "sheets_report", "snapshots_snapshot", "portal_publishedtable"),
}
# An account's name and place follow its household's; what is booked in it does not.
COLUMNS = {
    "ledger_account": {
        *("name", "place_id", "province_id", "prefecture_id", "county_id", "township_id", "village_id")
    }
}


def columns_of(table: str) -> set[str]:
    """The columns that the program's role may change."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND has_column_privilege('yuchang_app', attrelid, attnum, 'UPDATE')",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}


def allowed(right: str) -> set[str]:
    """Tables on which the program's role, or any of its columns, has this right."""
    check = "has_table_privilege" if right in ("DELETE", "TRUNCATE") else "has_any_column_privilege"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND {check}('yuchang_app', oid, %s)",
            [right],
        )
        return {name for (name,) in cursor.fetchall()}


def test_what_must_never_change_is_declared() -> None:
    assert set(DECLARED) >= ALWAYS


def test_no_declared_table_can_be_changed_in_any_column_or_lose_a_row(db) -> None:
    assert allowed("UPDATE") & set(DECLARED) == set(COLUMNS)
    for table, columns in COLUMNS.items():
        assert columns_of(table) == columns
    assert not allowed("DELETE") & set(DECLARED)


def test_no_table_at_all_can_be_emptied_at_once(db) -> None:
    assert not allowed("TRUNCATE")


def test_the_program_owns_no_table_and_makes_none(db) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = 'yuchang_app'")
        assert cursor.fetchone() == (0,)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE public.of_our_own (id int)")


def test_every_declared_table_exists() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert set(DECLARED) <= tables | {"registry_rowversion"}
