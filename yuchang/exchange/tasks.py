"""What the exchange does by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.exchange.actions import expire_postings, note_duals, tell_searches


@app.periodic(cron="10 0 * * *")
@app.task(name="exchange.expire_postings", queueing_lock="exchange.expire_postings")
def expire(timestamp: int) -> None:
    """Close the postings whose window ended yesterday."""
    expire_postings(actor=SYSTEM, on=clock.today())


@app.periodic(cron="*/5 * * * *")
@app.task(name="exchange.tell_searches", queueing_lock="exchange.tell_searches")
def tell(timestamp: int) -> None:
    """Notices of new postings to those who saved a search."""
    tell_searches(actor=SYSTEM)


@app.periodic(cron="*/10 * * * *")
@app.task(name="exchange.note_duals", queueing_lock="exchange.note_duals")
def take_over_duals(timestamp: int) -> None:
    """What the newest published clearings say partners are worth."""
    note_duals(actor=SYSTEM)
