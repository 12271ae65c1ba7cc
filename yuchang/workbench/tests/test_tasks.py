"""Background tasks as the system administrator sees them: no contents, and a failed one runs again."""

import pytest
from django.db import connection
from django.test import override_settings

from tests.people import administrator, wang
from yuchang.core import readings
from yuchang.core.models import AuditEntry
from yuchang.core.tasks import retry_stalled

pytestmark = pytest.mark.django_db


def task(status="failed", attempts=1, args='{"household": "4711-secret"}'):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)"
            " VALUES ('imports', 'sheets.write', %s, %s, %s) RETURNING id",
            [args, status, attempts],
        )
        return cursor.fetchone()[0]


def status_of(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs WHERE id = %s", [number])
        return cursor.fetchone()[0]


def test_the_administrator_sees_failed_tasks_without_what_they_are_about():
    number = task()
    page = administrator().client().get("/operations/tasks").content.decode()
    assert str(number) in page
    assert "sheets.write" in page
    assert "4711-secret" not in page


def test_a_failed_task_runs_again_and_the_log_says_who_wanted_it():
    number = task()
    reply = administrator().client().post(f"/operations/tasks/{number}/retry")
    assert reply.status_code == 302
    assert status_of(number) == "todo"
    entry = AuditEntry.objects.get(action="operations.retry_task")
    assert entry.object_id == str(number)


@pytest.mark.parametrize("status", ["todo", "succeeded"])
def test_a_task_that_did_not_fail_is_left_alone(status):
    number = task(status)
    assert administrator().client().post(f"/operations/tasks/{number}/retry").status_code == 404
    assert status_of(number) == status


def test_an_officer_sees_no_tasks():
    number = task()
    browser = wang().client()
    assert browser.get("/operations/tasks").status_code == 403
    assert browser.post(f"/operations/tasks/{number}/retry").status_code == 403
    assert status_of(number) == "failed"


def test_tasks_of_a_worker_that_died_are_handed_on_and_given_up_after_five_attempts():
    left, tired = task("doing"), task("doing", attempts=5)
    assert retry_stalled() == 1
    assert status_of(left) == "todo"
    assert status_of(tired) == "doing"


def test_a_task_of_a_living_worker_stays_with_it():
    number = task("doing")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        worker = cursor.fetchone()[0]
        cursor.execute("UPDATE procrastinate_jobs SET worker_id = %s WHERE id = %s", [worker, number])
    assert retry_stalled() == 0


@override_settings(DEBUG=False)
def test_the_health_page_names_tasks_disk_and_backups():
    page = administrator().client().get("/operations").content.decode()
    for word in ("失败的任务", "磁盘剩余", "最近一次备份", "审计日志待排序"):
        assert word in page


@override_settings(DEBUG=False)
def test_with_a_server_of_ones_own_no_backup_left_behind_is_called_the_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://yuchang_app@db.example/yuchang")
    assert readings.newest_backup() is None and readings.backup_age() is None
    assert "由数据库服务器自己备份" in administrator().client().get("/operations").content.decode()
