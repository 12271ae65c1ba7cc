"""Counts of households that cost the same at any size (see ``core.tallies``)."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.tallies import tallied
from yuchang.workbench.queries.sources import HOUSEHOLDS_KEY, HOUSEHOLDS_TALLY


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_guards"), ("core", "0003_tally")]
    operations = [tallied("registry_household", HOUSEHOLDS_TALLY, HOUSEHOLDS_KEY)]
