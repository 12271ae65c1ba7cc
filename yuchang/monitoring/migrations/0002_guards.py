from django.db import migrations

from yuchang.core.grants import append_only
from yuchang.core.tallies import tallied
from yuchang.monitoring.queries import TALLY, TALLY_KEY


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial"), ("core", "0003_tally")]

    operations = [append_only("monitoring_visit"), tallied("monitoring_alert", TALLY, TALLY_KEY)]
