"""Background steps of an import. A worker that dies leaves its job to ``resume_stalled``."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError
from django.db.models.functions import Now
from procrastinate.contrib.django import app

from yuchang.sheets import actions, outputs, reads
from yuchang.sheets.models import ImportBatch

_log = logging.getLogger("yuchang.sheets")
STALLED_AFTER = timedelta(minutes=2)


@app.task(name="sheets.check", queue="imports")
def check(batch_id: int) -> None:
    """Check every row of a batch."""
    actions.check_import(batch_id)


@app.task(name="sheets.write", queue="imports")
def write(batch_id: int) -> None:
    """Write a confirmed batch."""
    actions.write_import(batch_id)


@app.periodic(cron="* * * * *")
@app.task(name="sheets.resume_stalled", queue="imports", queueing_lock="sheets.resume_stalled")
def resume_stalled(timestamp: int) -> None:
    """Go on with batches whose worker was killed: nothing moved on them for two minutes."""
    stalled = ImportBatch.objects.filter(
        state__in=["checking", "writing"], updated_at__lt=Now() - STALLED_AFTER
    )
    for batch in stalled:
        if batch.state == ImportBatch.State.CHECKING:
            actions.check_import(batch.pk)
        else:
            actions.write_import(batch.pk)


@app.task(name="sheets.make", queue="exports")
def make(output_id: int) -> None:
    """Make an output."""
    outputs.make_output(output_id)


@app.task(name="sheets.compare", queue="exports")
def compare(readback_id: int) -> None:
    """Compare the superior system's workbook with the register."""
    outputs.compare_readback(readback_id)


@app.periodic(cron="* * * * *")
@app.task(name="sheets.resume_outputs", queue="exports", queueing_lock="sheets.resume_outputs")
def resume_outputs(timestamp: int) -> None:
    """Go on with outputs and read-backs whose worker was killed."""
    for output_id in reads.stalled_outputs():
        try:
            outputs.make_output(output_id)
        except DatabaseError:
            raise
        except Exception:  # noqa: BLE001 - whatever it was, it is written down
            # Nobody was killed: the same would happen every minute, and hold up those behind it.
            _log.exception("output %s could not be made", output_id)
            outputs.give_up(output_id)
    for readback_id in reads.stalled_readbacks():
        outputs.compare_readback(readback_id)


@app.periodic(cron="20 1 * * *")
@app.task(name="sheets.nightly", queue="exports", queueing_lock="sheets.nightly")
def nightly(timestamp: int) -> None:
    """Freeze last month's reports that are due, and drop files whose day has passed."""
    outputs.freeze_due()
    while outputs.expire_outputs():
        pass
