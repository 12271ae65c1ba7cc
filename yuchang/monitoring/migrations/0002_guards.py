from django.db import migrations

from yuchang.core.grants import append_only


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]

    operations = [append_only("monitoring_visit")]
