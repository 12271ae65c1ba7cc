"""Every tally appends its changes now (see ``core.tallies``): a county's are found without reading all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0005_fold_rights")]
    operations = [
        migrations.AddIndex(
            "tallydelta", models.Index(fields=["subject", "county_id"], name="core_tallydelta_county")
        )
    ]
