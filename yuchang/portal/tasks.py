"""What the portal does by the clock."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from procrastinate.contrib.django import app

from yuchang.accounts.rules import SYSTEM
from yuchang.portal.actions import (
    collect_objections,
    collect_registrations,
    publish_receipts,
    withdraw_expired,
)
from yuchang.portal.folder import carry


@app.periodic(cron="*/10 * * * *")
@app.task(name="portal.keep_up", queueing_lock="portal.keep_up")
def keep_up(timestamp: int) -> None:
    """Take in what arrived, say what became of it, withdraw what expired; carry, if a folder is watched."""
    if settings.ZONE_FOLDER:
        carry(Path(settings.ZONE_FOLDER))
    while collect_objections(actor=SYSTEM):
        pass
    collect_registrations(actor=SYSTEM)
    publish_receipts(actor=SYSTEM)
    withdraw_expired(actor=SYSTEM)
    if settings.ZONE_FOLDER:
        carry(Path(settings.ZONE_FOLDER))
