"""Only the application folds the tallies: functions are everybody's until somebody says otherwise."""

from django.db import migrations

from yuchang.core.grants import APP

DO = f"""
    REVOKE ALL ON FUNCTION core_fold_tallies() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION core_fold_tallies() TO {APP};
"""
UNDO = "GRANT EXECUTE ON FUNCTION core_fold_tallies() TO PUBLIC;"


class Migration(migrations.Migration):
    dependencies = [("core", "0004_tally_changes")]
    operations = [migrations.RunSQL(DO, UNDO)]
