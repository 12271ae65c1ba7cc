"""Plans, decisions and runs are kept as they were made."""

from django.db import migrations

from yuchang.core.grants import append_only


class Migration(migrations.Migration):
    dependencies = [("policy", "0001_initial")]
    operations = [
        append_only("policy_plan"),
        append_only("policy_decision"),
        append_only("policy_run"),
        append_only("policy_runresult"),
    ]
