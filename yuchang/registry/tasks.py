"""Background steps of the register."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.registry.actions.cases import await_second_persons


@app.periodic(cron="* * * * *")
@app.task(
    name="registry.await_second_persons", queue="imports", queueing_lock="registry.await_second_persons"
)
def await_verification(timestamp: int) -> None:
    """Give every household that waits for a second person its case, a portion at a time."""
    while await_second_persons():
        pass
