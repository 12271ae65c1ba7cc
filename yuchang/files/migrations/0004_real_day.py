"""A day's uploads are counted by real time, also where the working day is simulated and stands still."""

from django.db import migrations, models

import yuchang.accounts.factors

# What came before is taken as having come on its working day, but not after today.
KNOWN = "UPDATE files_storedfile SET arrived_at = least(received_at, now())"


class Migration(migrations.Migration):
    dependencies = [("files", "0003_tally_appends")]
    operations = [
        migrations.AddField(
            "storedfile", "arrived_at", models.DateTimeField(default=yuchang.accounts.factors.real_now)
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
        migrations.RemoveIndex("storedfile", "files_uploader"),
        migrations.AddIndex(
            "storedfile", models.Index(fields=["uploaded_by", "arrived_at"], name="files_arrived")
        ),
    ]
