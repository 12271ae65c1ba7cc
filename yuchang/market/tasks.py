"""What the market does by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.market.actions.orders import release_expired


@app.periodic(cron="* * * * *")
@app.task(name="market.release_expired", queueing_lock="market.release_expired")
def sweep_holds(timestamp: int) -> None:
    """Give back the goods of orders whose time to pay is over."""
    release_expired()
