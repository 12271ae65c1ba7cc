"""What tiles, maps and the big screen show comes from tallies: causes, postings, deals, orders, money."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.tallies import tallied
from yuchang.workbench.queries import tallied as kept


class Migration(migrations.Migration):
    dependencies = [
        ("workbench", "0002_saved_views"),
        ("core", "0004_tally_changes"),
        ("registry", "0002_guards"),
        ("exchange", "0002_guards"),
        ("market", "0002_guards"),
        ("ledger", "0002_guards"),
    ]
    operations = [
        tallied(
            "registry_household",
            kept.CAUSES,
            "coalesce(main_cause, '')",
            where="state <> 'removed'",
            name="registry_household_cause_tally",
        ),
        *(
            tallied(table, subject, key, amount, where=where, is_busy=True)
            for table, subject, key, amount, where in kept.BUSY
        ),
    ]
