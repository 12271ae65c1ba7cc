"""What procedures do by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.procedures.actions import escalate_overdue


@app.periodic(cron="10 * * * *")
@app.task(name="procedures.escalate_overdue", queueing_lock="procedures.escalate_overdue")
def escalate(timestamp: int) -> None:
    """Report overdue cases upwards."""
    escalate_overdue()
