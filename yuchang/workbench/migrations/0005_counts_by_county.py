"""A county's and a province's figures are read from a few rows, not from one for each village, key and month."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.tallies import tallied
from yuchang.workbench.queries.sources import HOUSEHOLDS_KEY, HOUSEHOLDS_TALLY
from yuchang.workbench.queries.tallied import BUSY, CAUSES, PAID

_PAID = next(busy for busy in BUSY if busy[1] == PAID)


class Migration(migrations.Migration):
    dependencies = [("workbench", "0004_tallies_append"), ("core", "0006_tally_changes_by_county")]
    operations = [
        tallied(table, subject, key, amount, where=where, name=f"{name}_county", is_busy=True, by_county=True)
        for name, (table, subject, key, amount, where) in (
            ("registry_household", ("registry_household", HOUSEHOLDS_TALLY, HOUSEHOLDS_KEY, "0", "true")),
            (
                "registry_household_cause",
                ("registry_household", CAUSES, "coalesce(main_cause, '')", "0", "state <> 'removed'"),
            ),
            ("ledger_leg", _PAID),
        )
    ]
