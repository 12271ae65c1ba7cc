"""A county's alerts are counted from a few rows, not from one for each village, kind and day."""

from django.db import migrations

from yuchang.core.tallies import tallied
from yuchang.monitoring.queries import TALLY, TALLY_KEY


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0004_live_alerts"), ("core", "0006_tally_changes_by_county")]
    operations = [
        tallied(
            "monitoring_alert", TALLY, TALLY_KEY, name="monitoring_alert_county", is_busy=True, by_county=True
        )
    ]
