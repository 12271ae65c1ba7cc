"""A search reads its first page window by window of the households' numbers."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_place_statistics")]
    operations = [
        migrations.AddIndex(
            "household",
            BrinIndex(autosummarize=True, fields=["id"], name="registry_hh_numbers", pages_per_range=16),
        )
    ]
