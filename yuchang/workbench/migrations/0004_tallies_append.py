"""Two who write households of one village no longer wait for each other's tally."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.tallies import appending
from yuchang.workbench.queries.sources import HOUSEHOLDS_KEY, HOUSEHOLDS_TALLY
from yuchang.workbench.queries.tallied import CAUSES


class Migration(migrations.Migration):
    dependencies = [("workbench", "0003_more_tallies"), ("core", "0006_tally_changes_by_county")]
    operations = [
        appending("registry_household", HOUSEHOLDS_TALLY, HOUSEHOLDS_KEY),
        appending(
            "registry_household",
            CAUSES,
            "coalesce(main_cause, '')",
            where="state <> 'removed'",
            name="registry_household_cause_tally",
        ),
    ]
