"""What the exchange does by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.exchange.actions import expire_postings


@app.periodic(cron="10 0 * * *")
@app.task(name="exchange.expire_postings", queueing_lock="exchange.expire_postings")
def expire(timestamp: int) -> None:
    """Close the postings whose window ended yesterday."""
    expire_postings(actor=SYSTEM, on=clock.today())
