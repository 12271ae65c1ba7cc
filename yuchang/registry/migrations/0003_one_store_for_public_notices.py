"""The portal's published tables are the only public copy of a notice; its intake is the only intake."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_guards")]
    operations = [
        # What waited here was always taken in by the transaction that brought it: nothing is lost.
        migrations.RunSQL("DROP VIEW registry_public_notice", migrations.RunSQL.noop),
        migrations.DeleteModel(name="PublicNotice"),
        migrations.DeleteModel(name="ObjectionIntake"),
    ]
