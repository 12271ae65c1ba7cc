"""A township lies in one county: told so, the planner does not read two indexes to find its households."""

from django.db import migrations

MAKE = """
    CREATE STATISTICS registry_household_places (dependencies)
        ON province_id, prefecture_id, county_id, township_id, village_id FROM registry_household;
"""
DROP = "DROP STATISTICS registry_household_places;"


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_fewer_indexes")]
    operations = [migrations.RunSQL(MAKE, DROP)]
