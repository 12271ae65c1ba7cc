"""A sample is given to an evaluator: the assignment names it, and the view of all hats turns it into its scope."""

from __future__ import annotations

import re
from importlib import import_module

from django.db import migrations, models
from django.db.models import Q

BEFORE = import_module("yuchang.accounts.migrations.0003_guards").VIEW.replace(
    "CREATE VIEW", "CREATE OR REPLACE VIEW"
)
AN_ASSIGNMENT = re.compile(r"'assignment', NULL, false,\s+a\.id")
A_SAMPLE_TOO = (
    "CASE WHEN a.sample_id IS NULL THEN 'assignment' ELSE 'sample' END, NULL, false,"
    " coalesce(a.sample_id, a.id)"
)
AFTER = AN_ASSIGNMENT.sub(A_SAMPLE_TOO, BEFORE)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_guards")]

    operations = [
        migrations.AddField("assignment", "sample_id", models.BigIntegerField(null=True)),
        migrations.AddConstraint(
            "assignment",
            models.CheckConstraint(
                condition=Q(sample_id__isnull=True) | Q(role="evaluator"),
                name="accounts_assignment_sample_role",
            ),
        ),
        migrations.AddIndex(
            "assignment",
            models.Index(
                fields=["sample_id", "id"],
                condition=Q(sample_id__isnull=False),
                name="accounts_assignment_sample",
            ),
        ),
        migrations.RunSQL(AFTER, BEFORE),
    ]
