"""An observation names a household or person and a user that exist, and they stay: the database sees to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, NotSupportedError, connection, transaction

from tests.people import wang
from yuchang.registry.models import Household, Member
from yuchang.registry.tests.test_import import bring_in
from yuchang.registry.tests.workbooks import families

NOBODY = 10**12
OBSERVED = {
    "registry_householdfacts": "household_id",
    "registry_memberfacts": "member_id",
    "registry_memberhealth": "member_id",
}
ROW = """
INSERT INTO {table} ({column}, observed_on, recorded_at, recorded_by_id, source{more})
SELECT n, '2024-01-01', now(), %s, 'form'{values} FROM unnest(%s::bigint[]) AS n
"""


def observe(run: Callable[..., Any], table: str, named: list[int], user: int | None) -> None:
    health = table == "registry_memberhealth"
    more, values = (", health", ", ARRAY['healthy']") if health else ("", "")
    run(ROW.format(table=table, column=OBSERVED[table], more=more, values=values), [user, named])


def execute(sql: str, parameters: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def one_of(table: str) -> tuple[int, str]:
    """Something the table observes, and the table it stands in."""
    if OBSERVED[table] == "member_id":
        return Member.objects.values_list("pk", flat=True)[0], "registry_member"
    return Household.objects.values_list("pk", flat=True)[0], "registry_household"


@pytest.mark.parametrize("table", OBSERVED)
def test_whom_an_observation_names_must_exist(db: None, table: str) -> None:
    officer = wang()
    bring_in(officer, families(2))
    pk, _ = one_of(table)
    for named, user in (([pk, NOBODY], officer.user.pk), ([pk], NOBODY)):
        with pytest.raises(IntegrityError, match="an observation names"), transaction.atomic():
            observe(execute, table, named, user)
    observe(execute, table, [pk, pk], officer.user.pk)
    observe(execute, table, [pk], None)


@pytest.mark.parametrize("table", OBSERVED)
def test_who_is_named_is_neither_removed_nor_renumbered(db: None, as_role: Any, table: str) -> None:
    officer = wang()
    bring_in(officer, families(2))
    pk, parent = one_of(table)
    for column, owner, named in (
        (OBSERVED[table], parent, pk),
        ("recorded_by_id", "accounts_user", officer.user.pk),
    ):
        for change in (f"DELETE FROM {owner} WHERE id = %s", f"UPDATE {owner} SET id = -1 WHERE id = %s"):
            with (
                as_role("owner"),
                pytest.raises(IntegrityError, match=f"is named by {table}"),
                transaction.atomic(),
            ):
                execute("SET CONSTRAINTS ALL DEFERRED")
                execute(change, [named])
                execute(f"SET CONSTRAINTS {table}_{column} IMMEDIATE")
    with as_role("owner"), transaction.atomic():
        execute("SET CONSTRAINTS ALL DEFERRED")
        execute(f"UPDATE {parent} SET id = id WHERE id = %s", [pk])
        execute(f"SET CONSTRAINTS {table}_{OBSERVED[table]} IMMEDIATE")


def test_of_two_at_once_who_observes_and_who_removes_one_waits(transactional_db: None) -> None:
    bring_in(wang(), families(1))
    pk = Member.objects.values_list("pk", flat=True)[0]
    officer, owner = (psycopg.connect(**connection.get_connection_params()) for _n in range(2))
    with officer, owner:
        owner.execute("SET ROLE yuchang_owner")
        for one in (officer, owner):
            one.execute("SET lock_timeout = '50ms'")
            one.commit()
        observe(officer.execute, "registry_memberfacts", [pk], None)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute("DELETE FROM registry_member WHERE id = %s", [pk])
        owner.rollback()
        officer.rollback()
        owner.execute("DELETE FROM registry_member WHERE id = %s", [pk])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            observe(officer.execute, "registry_memberfacts", [pk], None)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            owner.commit()


def test_from_an_old_snapshot_nobody_is_removed(transactional_db: None, as_role: Any) -> None:
    bring_in(wang(), families(1))
    with as_role("owner"), pytest.raises(NotSupportedError, match="READ COMMITTED"), transaction.atomic():
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        execute("DELETE FROM registry_memberhealth")
        execute("DELETE FROM registry_member")
