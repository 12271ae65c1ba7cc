"""Busy tables append changes of their tallies; the view adds them, the function folds them in."""

from django.db import migrations, models

FOLD = """
    CREATE VIEW core_tallynow AS
        SELECT id, subject, province_id, prefecture_id, county_id, township_id, village_id, key, n, amount FROM core_tally UNION ALL SELECT -id, subject, province_id, prefecture_id, county_id, township_id, village_id, key, n, amount FROM core_tallydelta;
    CREATE FUNCTION core_fold_tallies() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public AS $fold$
    DECLARE folded integer;
    BEGIN
        WITH taken AS (
            DELETE FROM core_tallydelta WHERE id IN (
                SELECT id FROM core_tallydelta ORDER BY id LIMIT 100000 FOR UPDATE SKIP LOCKED
            ) RETURNING *
        ), summed AS (
            INSERT INTO core_tally AS t (subject, province_id, prefecture_id, county_id, township_id, village_id, key, n, amount)
            SELECT subject, province_id, prefecture_id, county_id, township_id, village_id, key, sum(n), sum(amount) FROM taken GROUP BY subject, province_id, prefecture_id, county_id, township_id, village_id, key ORDER BY subject, province_id, prefecture_id, county_id, township_id, village_id, key
            ON CONFLICT (subject, province_id, prefecture_id, county_id, township_id, village_id, key)
            DO UPDATE SET n = t.n + excluded.n, amount = t.amount + excluded.amount
        )
        SELECT count(*) INTO folded FROM taken;
        RETURN folded;
    END $fold$;
    REVOKE INSERT, UPDATE, DELETE ON core_tallydelta FROM yuchang_app;
"""
UNDO = "DROP FUNCTION core_fold_tallies(); DROP VIEW core_tallynow;"
FIELDS = [
    ("subject", models.CharField(max_length=40)),
    ("province_id", models.BigIntegerField()),
    ("prefecture_id", models.BigIntegerField()),
    ("county_id", models.BigIntegerField()),
    ("township_id", models.BigIntegerField()),
    ("village_id", models.BigIntegerField()),
    ("key", models.CharField(max_length=80)),
    ("n", models.BigIntegerField()),
]
PRIMARY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [("core", "0003_tally")]
    operations = [
        migrations.CreateModel(
            name="TallyDelta",
            fields=[("id", PRIMARY), *FIELDS, ("amount", models.BigIntegerField(default=0))],
        ),
        migrations.CreateModel(
            name="TallyNow",
            fields=[("id", PRIMARY), *FIELDS, ("amount", models.BigIntegerField())],
            options={"db_table": "core_tallynow", "managed": False},
        ),
        migrations.RunSQL(FOLD, UNDO),
    ]
