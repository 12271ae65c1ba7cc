"""The background steps: a stalled batch is taken up again, a finished one is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.people import county, wang
from yuchang.registry.models import Household
from yuchang.registry.tests.workbooks import ON, families, workbook
from yuchang.sheets import actions, tasks
from yuchang.sheets.models import ImportBatch

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch():
    officer = wang()
    found = actions.start_import(
        actor=officer.actor,
        kind="registry.households",
        area_id=county().pk,
        file_name="台账.xlsx",
        content=workbook(families(2)),
        observed_on=ON,
    )
    return actions.confirm_mapping(actor=officer.actor, batch_id=found.pk, version=found.version)


def test_the_stored_workbook_and_the_staged_rows_show_no_id_number(batch):
    from django.db import connection

    actions.check_import(batch.pk)
    number = families(1)[0]["id_number"]
    with connection.cursor() as cursor:
        for table in (
            "sheets_batchfile",
            "sheets_stagedrow",
            "sheets_importbatch",
            "sheets_finding",
            "procrastinate_jobs",
        ):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{number[:14]}%"])
            assert cursor.fetchone()[0] == 0, table
    assert batch.staged.count() == 6


def test_a_stalled_batch_is_taken_up_again_and_a_moving_one_left_alone(batch):
    tasks.resume_stalled(0)
    batch.refresh_from_db()
    assert batch.state == "checking"
    ImportBatch.objects.update(updated_at=Now() - timedelta(minutes=3))
    tasks.resume_stalled(0)
    batch.refresh_from_db()
    assert batch.state == "checked" and batch.counts["created"] == 2
    actions.confirm_import(actor=wang().actor, batch_id=batch.pk, version=batch.version)
    ImportBatch.objects.update(updated_at=Now() - timedelta(minutes=3))
    tasks.resume_stalled(0)
    assert Household.objects.count() == 2
    tasks.write(batch.pk)
    tasks.check(batch.pk)
    assert Household.objects.count() == 2


def test_a_household_that_changed_since_the_check_is_skipped_and_said_so(batch):
    from yuchang.registry.tests.test_import import bring_in

    actions.check_import(batch.pk)
    bring_in(wang(), families(1))
    batch.refresh_from_db()
    actions.confirm_import(actor=wang().actor, batch_id=batch.pk, version=batch.version)
    actions.write_import(batch.pk)
    batch.refresh_from_db()
    assert batch.counts["skipped"] == 1 and batch.counts["created"] == 1
    assert batch.findings.get(code="changed_since_check").level == "rejected"


def test_a_batch_given_up_keeps_nothing(batch):
    actions.check_import(batch.pk)
    batch.refresh_from_db()
    actions.cancel_import(actor=wang().actor, batch_id=batch.pk, version=batch.version)
    assert not batch.staged.exists() and not ImportBatch.objects.filter(stored_file__isnull=False).exists()


def test_a_batch_that_another_worker_is_checking_is_left_to_it(batch):
    import psycopg
    from django.db import connection

    from config.environment import database_url

    info = psycopg.conninfo.conninfo_to_dict(database_url("admin"))
    with psycopg.connect(**(info | {"dbname": connection.settings_dict["NAME"]})) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [actions._CHECKING, batch.pk])
        actions.check_import(batch.pk)
        batch.refresh_from_db()
        assert batch.state == "checking" and not batch.staged.exists()
        other.execute("SELECT pg_advisory_unlock_all()")
    actions.check_import(batch.pk)
    batch.refresh_from_db()
    assert batch.state == "checked" and batch.staged.exists()
