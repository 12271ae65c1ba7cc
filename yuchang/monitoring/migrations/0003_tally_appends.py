"""Two who write alerts of one village no longer wait for each other's tally."""

from django.db import migrations

from yuchang.core.tallies import appending
from yuchang.monitoring.queries import TALLY, TALLY_KEY


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0002_guards"), ("core", "0006_tally_changes_by_county")]
    operations = [appending("monitoring_alert", TALLY, TALLY_KEY)]
