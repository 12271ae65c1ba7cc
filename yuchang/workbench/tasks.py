"""What runs by itself for the windows."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.core.tallies import fold


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="workbench.fold_tallies", pass_context=False)
def fold_tallies(timestamp: int) -> None:
    """Once a minute: add up what busy tables have appended to their tallies."""
    fold()
