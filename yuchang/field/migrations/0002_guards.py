"""A photo stays with the report it came for."""

from django.db import migrations

from yuchang.core.grants import append_only


class Migration(migrations.Migration):
    dependencies = [("field", "0001_initial")]
    operations = [append_only("field_photo")]
