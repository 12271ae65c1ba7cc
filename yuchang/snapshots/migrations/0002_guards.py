"""What is frozen stays as it was."""

from django.db import migrations

from yuchang.core.grants import append_only


class Migration(migrations.Migration):
    dependencies = [("snapshots", "0001_initial")]
    operations = [append_only("snapshots_snapshot")]
