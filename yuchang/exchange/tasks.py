"""What the exchange does by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from yuchang.accounts.rules import SYSTEM
from yuchang.core import clock
from yuchang.exchange.actions import (
    carry_out_publication,
    compute_replay,
    compute_scenario,
    end_emergencies,
    expire_postings,
    note_duals,
    read_notes,
    repeat_postings,
    tell_searches,
)


@app.periodic(cron="10 0 * * *")
@app.task(name="exchange.expire_postings", queueing_lock="exchange.expire_postings")
def expire(timestamp: int) -> None:
    """Close the postings whose window ended yesterday."""
    expire_postings(actor=SYSTEM, on=clock.today())


@app.periodic(cron="20 0 * * *")
@app.task(name="exchange.repeat_postings", queueing_lock="exchange.repeat_postings")
def repeat(timestamp: int) -> None:
    """The next of every repeating posting whose window has ended."""
    repeat_postings(actor=SYSTEM, on=clock.today())


@app.periodic(cron="*/5 * * * *")
@app.task(name="exchange.read_notes", queueing_lock="exchange.read_notes")
def read_unread(timestamp: int) -> None:
    """The words of notes from before searching, a portion at a time."""
    while read_notes(actor=SYSTEM):
        pass


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


@app.task(name="exchange.compute_scenario", queue="clearings")
def compute(scenario_id: int) -> None:
    """Compute one what-if. A worker that dies leaves it to ``core.retry_stalled``: the inputs are frozen."""
    compute_scenario(scenario_id)


@app.task(name="exchange.recompute", queue="clearings")
def recompute(replay_id: int) -> None:
    """Compute a stored run again. A worker that dies leaves it to ``core.retry_stalled``: it begins anew."""
    compute_replay(replay_id)


@app.task(name="exchange.publish", queue="clearings")
def publish(publication_id: int) -> None:
    """Send a run's proposals to both sides. A worker that dies leaves it to ``core.retry_stalled``."""
    carry_out_publication(publication_id)


@app.periodic(cron="15 0 * * *")
@app.task(name="exchange.end_emergencies", queueing_lock="exchange.end_emergencies")
def end_due_emergencies(timestamp: int) -> None:
    """End the emergencies whose last day was yesterday."""
    end_emergencies(actor=SYSTEM, on=clock.today())
