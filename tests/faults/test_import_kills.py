"""An import is checked and written by a process that is killed again and again.

Killed (SIGKILL) at any SQL statement, before or after it, also right after a commit before anybody is
told: whoever runs it again ends with exactly the register that an uninterrupted run leaves.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from tests.databases import empty_tables
from tests.people import Person, county, wang
from yuchang.market.tests.processes import fork
from yuchang.registry.actions.imports import HOUSEHOLD_WORKBOOK
from yuchang.registry.models import Cause, Household, HouseholdFacts, Member, MemberFacts, MemberHealth
from yuchang.registry.tests.workbooks import ON, families, workbook
from yuchang.sheets import actions as sheets
from yuchang.sheets.models import ImportBatch, StagedRow

pytestmark = pytest.mark.django_db(transaction=True)
HOUSEHOLDS = 24


def first_workbook() -> list[dict[str, Any]]:
    return families(HOUSEHOLDS // 2)


def second_workbook() -> list[dict[str, Any]]:
    """Half of the households again, some changed, and as many new ones; one is rejected."""
    rows = families(HOUSEHOLDS)
    for row in rows[:9]:
        row["net_income_per_head_fen"] = 5555
    rows[-1]["id_number"] = "123"
    return rows


def upload(person: Person, rows: list[dict[str, Any]]) -> int:
    batch = sheets.start_import(
        actor=person.actor,
        kind=HOUSEHOLD_WORKBOOK,
        area_id=county().pk,
        file_name="台账.xlsx",
        content=workbook(rows),
        observed_on=ON,
    )
    sheets.confirm_mapping(actor=person.actor, batch_id=batch.pk, version=batch.version)
    return batch.pk


def finish(batch_id: int) -> None:
    """Every step that is left; steps done before are not done again. What a worker and a click do."""
    sheets.check_import(batch_id)
    batch = ImportBatch.objects.get(pk=batch_id)
    if batch.state == ImportBatch.State.CHECKED:
        person = Person(batch.created_by)
        sheets.confirm_import(actor=person.actor, batch_id=batch_id, version=batch.version)
    sheets.write_import(batch_id)


def content() -> str:
    """The register without numbers and times that differ from run to run, hashed."""
    number_of = dict(Household.objects.values_list("id", "number"))
    person_of = dict(Member.objects.values_list("id", "number"))
    found = {
        "households": sorted(
            Household.objects.values_list(
                *(
                    "number",
                    "state",
                    "size",
                    "head_name",
                    "main_cause",
                    "version",
                    "hamlet",
                    "entered_by__display_name",
                )
            )
        ),
        "members": sorted(
            (number_of[h], n, name, relation, bytes(blind).hex(), version)
            for h, n, name, relation, blind, version in Member.objects.values_list(
                *("household_id", "number", "name", "relation", "id_blind", "version")
            )
        ),
        "facts": sorted(
            (number_of[h], income, str(on))
            for h, income, on in HouseholdFacts.objects.values_list(
                "household_id", "net_income_per_head_fen", "observed_on"
            )
        ),
        "member_facts": sorted(
            (person_of[m], w) for m, w in MemberFacts.objects.values_list("member_id", "work_months")
        ),
        "health": sorted(
            (person_of[m], h) for m, h in MemberHealth.objects.values_list("member_id", "health")
        ),
        "causes": sorted(
            (number_of[h], c, m) for h, c, m in Cause.objects.values_list("household_id", "code", "is_main")
        ),
        "batches": list(ImportBatch.objects.order_by("id").values_list("state", "counts", "progress_done")),
        "staged": StagedRow.objects.count(),
        "written": _audited(),
    }
    return hashlib.sha256(json.dumps(found, ensure_ascii=False, default=str).encode()).hexdigest()


def _audited() -> list[tuple[str, int]]:
    """How often each household was written, as the audit log says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT body::jsonb -> 'details' ->> 'number', count(*) FROM core_auditentry"
            " WHERE action = 'registry.import_households' AND object_kind = 'household' GROUP BY 1 ORDER BY 1"
        )
        return list(cursor.fetchall())


class Killer:
    """Kills its own process at the n-th statement, before or after it is executed."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.left, self.after = at, after

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = execute(sql, params, many, context)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


@contextmanager
def watched(watcher: Any) -> Iterator[None]:
    """``watcher`` sees each statement of this process, whichever thread's connection sends it."""

    def join(connection: Any, **_kwargs: Any) -> None:
        connection.execute_wrappers.append(watcher)

    connection_created.connect(join)
    try:
        with connection.execute_wrapper(watcher):
            yield
    finally:
        connection_created.disconnect(join)


def killed_at(batch_id: int, at: int, *, after: bool) -> bool:
    """Run the rest in a process killed at a statement; whether it finished before that."""

    def run() -> bool:
        sheets.PORTION = 5
        connection.ensure_connection()
        with watched(Killer(at, after=after)):
            finish(batch_id)
        return True

    child = fork(run)
    child.go()
    return bool(child.wait())


def killed_after_commit(batch_id: int, commits: int) -> bool:
    """The same, killed right after the n-th commit, before anybody is told of it."""

    def run() -> bool:
        sheets.PORTION = 5
        left, commit = commits, type(connection)._commit

        def and_die(self: Any) -> None:
            nonlocal left
            commit(self)
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        type(connection)._commit = and_die
        finish(batch_id)
        return True

    child = fork(run)
    child.go()
    return bool(child.wait())


def scene() -> int:
    """A register with twelve households, and a second workbook waiting to be checked."""
    officer = wang()
    finish(upload(officer, first_workbook()))
    return upload(officer, second_workbook())


def undisturbed() -> tuple[str, int]:
    """What an uninterrupted run leaves, and how many statements it takes."""
    batch_id = scene()
    counted = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal counted
        counted += 1
        return execute(sql, params, many, context)

    with watched(count):
        finish(batch_id)
    found = content()
    empty_tables()
    return found, counted


def kill_and_finish(random_: random.Random, batch_id: int, statements: int) -> int:
    """Kill at random points until the rest goes through; how often it was killed."""
    for kills in range(200):
        if random_.random() < 0.3:
            done = killed_after_commit(batch_id, random_.randint(1, 9))
        else:
            done = killed_at(batch_id, random_.randint(1, statements), after=random_.random() < 0.5)
        if done:
            return kills
    raise AssertionError("the import never came to its end")


def _repeat(times: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sheets, "PORTION", 5)
    expected, statements = undisturbed()
    random_, kills = random.Random(seed), 0
    while kills < times:
        batch_id = scene()
        kills += kill_and_finish(random_, batch_id, statements)
        assert content() == expected
        finish(batch_id)
        assert content() == expected, "running it once more changed something"
        empty_tables()
    return kills


def test_an_import_killed_at_random_points_ends_like_an_uninterrupted_one(monkeypatch):
    assert _repeat(3, 2026, monkeypatch) >= 3


def test_several_writers_share_a_batch_and_write_everything_once(monkeypatch):
    monkeypatch.setattr(sheets, "PORTION", 1)
    monkeypatch.setattr(sheets, "WRITERS", 4)
    person, writers = wang(), set()
    batch_id = upload(person, first_workbook())

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT INTO registry_household " in sql:
            writers.add(context["connection"].connection.info.backend_pid)
        return execute(sql, params, many, context)

    with watched(note):
        finish(batch_id)
    batch = ImportBatch.objects.get(pk=batch_id)
    assert (batch.state, batch.progress_done) == (ImportBatch.State.DONE, batch.progress_total)
    assert Household.objects.count() == HOUSEHOLDS // 2
    assert {n for _number, n in _audited()} == {1}
    assert len(writers) > 1


@pytest.mark.nightly
def test_fifty_kills_lose_and_double_nothing(monkeypatch):
    assert _repeat(50, 7, monkeypatch) >= 50
