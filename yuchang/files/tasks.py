"""What files do by the clock: go on after a kill, expire, sweep."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.files import actions


@app.periodic(cron="*/5 * * * *")
@app.task(name="files.resume_stalled", queue="files", queueing_lock="files.resume_stalled")
def resume_stalled(timestamp: int) -> None:
    """Judge what a killed process left in quarantine."""
    actions.resume_stalled()


@app.periodic(cron="20 * * * *")
@app.task(name="files.tidy", queue="files", queueing_lock="files.tidy")
def tidy(timestamp: int) -> None:
    """End what is past its day, and remove bytes that belong to nothing."""
    actions.expire_due()
    actions.sweep()
