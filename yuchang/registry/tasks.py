"""Background steps of the register."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.registry.actions.cases import await_second_persons
from yuchang.registry.actions.likenesses import find_asked


@app.periodic(cron="* * * * *")
@app.task(
    name="registry.await_second_persons", queue="imports", queueing_lock="registry.await_second_persons"
)
def await_verification(timestamp: int) -> None:
    """Give every household that waits for a second person its case, a portion at a time."""
    while await_second_persons():
        pass


@app.task(name="registry.find_likenesses", queue="imports")
def find_likenesses(user_id: int, area_id: int) -> None:
    """Search an area for people who may be entered twice, for whoever asked."""
    find_asked(user_id=user_id, area_id=area_id)
