"""Two who write files of one place no longer wait for each other's tally."""

from django.db import migrations

from yuchang.core.tallies import appending


class Migration(migrations.Migration):
    dependencies = [("files", "0002_guards"), ("core", "0006_tally_changes_by_county")]
    operations = [appending("files_storedfile", "files", "state", "size")]
