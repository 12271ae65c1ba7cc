"""Kept replies are never changed."""

from django.db import migrations

from yuchang.core.grants import append_only


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]
    operations = [append_only("api_storedreply")]
