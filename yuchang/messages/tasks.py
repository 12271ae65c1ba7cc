"""What messages do by the clock: send, remind, make digests, forget old codes, put old messages away."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.messages import actions


@app.periodic(cron="* * * * *")
@app.task(name="messages.deliver", queue="messages", queueing_lock="messages.deliver")
def deliver(timestamp: int) -> None:
    """Send what is due."""
    actions.deliver_due()


@app.periodic(cron="5 * * * *")
@app.task(name="messages.remind_due", queue="messages", queueing_lock="messages.remind_due")
def remind_due(timestamp: int) -> None:
    """Remind of what is due, and make the digests whose hour has come."""
    actions.remind_due()
    actions.make_digests()


@app.periodic(cron="40 3 * * *")
@app.task(name="messages.purge", queue="messages", queueing_lock="messages.purge")
def purge(timestamp: int) -> None:
    """Forget old one-time codes, and put away what was read long ago."""
    actions.purge_codes()
    actions.archive_old()
