"""Background care of the background tasks themselves."""

from __future__ import annotations

import logging

from django.db import connection
from procrastinate.contrib.django import app

from yuchang.core import sendings

logger = logging.getLogger("yuchang.tasks")
MOST_ATTEMPTS = 5
# A worker says every ten seconds that it lives; one killed leaves its tasks in “doing” for ever.
STALLED = """
SELECT j.id, j.task_name FROM procrastinate_jobs j
LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
WHERE j.status = 'doing' AND j.attempts < %s
  AND (w.id IS NULL OR w.last_heartbeat < now() - interval '60 seconds')
ORDER BY j.id LIMIT 500
"""


def retry_stalled() -> int:
    """Hand tasks of workers that died to the living; returns how many.

    Each task writes in transactions of its own and looks at what is done before it begins, so running it
    once more does no harm.
    """
    with connection.cursor() as cursor:
        cursor.execute(STALLED, [MOST_ATTEMPTS])
        found = list(cursor.fetchall())
        for number, name in found:
            cursor.execute("SELECT procrastinate_retry_job_v2(%s, now(), NULL, NULL, NULL)", [number])
            logger.warning("task %s (%s) was left by a worker that died; it runs again", number, name)
    return len(found)


@app.periodic(cron="* * * * *")
@app.task(name="core.retry_stalled", queueing_lock="core.retry_stalled", pass_context=False)
def retry_stalled_tasks(timestamp: int) -> None:
    """Every minute."""
    retry_stalled()


@app.periodic(cron="37 3 * * *")
@app.task(name="core.forget_sendings", queueing_lock="core.forget_sendings", pass_context=False)
def forget_sendings(timestamp: int) -> None:
    """Every night."""
    sendings.forget_old()
