"""Each minute: lay out what the audit log gained, and send what is due."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.api import actions
from yuchang.api.delivering import send

AT_ONCE = 500


@app.periodic(cron="* * * * *")
@app.task(name="api.deliver", queue="api", queueing_lock="api.deliver")
def deliver(timestamp: int) -> None:
    """One round; what is left waits for the next minute."""
    actions.enqueue_deliveries()
    for _turn in range(AT_ONCE):
        if not deliver_next():
            return


def deliver_next() -> bool:
    """Send the next due delivery. Returns whether there was one."""
    row = actions.claim_delivery()
    if row is None:
        return False
    is_taken, answer = send(row)
    actions.record_attempt(delivery_id=row.pk, attempt=row.attempts, is_taken=is_taken, answer=answer)
    return True
