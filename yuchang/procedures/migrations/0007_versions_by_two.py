"""A place's own version of a procedure is proposed by one person and put in force by another."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

KEPT = """
CREATE OR REPLACE FUNCTION procedures_keep_definition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE free text[] := ARRAY['valid_to', 'version', 'updated_at'];
BEGIN
    IF OLD.state = 'proposed' THEN
        free := free || ARRAY['state', 'valid_from', 'vetted_by_id', 'vetted_at', 'vetting_note'];
    END IF;
    IF (to_jsonb(NEW) - free) IS DISTINCT FROM (to_jsonb(OLD) - free) THEN
        RAISE EXCEPTION 'definition % % is kept as it began', OLD.code, OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_definition_kept';
    END IF;
    RETURN NEW;
END $$;
"""
KEPT_BEFORE = """
CREATE OR REPLACE FUNCTION procedures_keep_definition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'valid_to') IS DISTINCT FROM (to_jsonb(OLD) - 'valid_to') THEN
        RAISE EXCEPTION 'definition % % is kept as it began', OLD.code, OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_definition_kept';
    END IF;
    RETURN NEW;
END $$;
"""
# Set-wise: one look at the few definitions of however many cases.
BEGUN = """
CREATE FUNCTION procedures_check_begun() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM procedures_definition d WHERE d.state <> 'live'
               AND d.id IN (SELECT f.definition_id FROM fresh f)) THEN
        RAISE EXCEPTION 'no case begins under a version that is not in force'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_case_in_force';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER procedures_case_begun AFTER INSERT ON procedures_case
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION procedures_check_begun();
"""
NO_BEGUN = """
DROP TRIGGER procedures_case_begun ON procedures_case; DROP FUNCTION procedures_check_begun();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("places", "0001_initial"),
        ("procedures", "0006_cases_of_an_area"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="definition",
            name="proposed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="definition",
            name="state",
            field=models.CharField(
                choices=[
                    ("proposed", "待批准"),
                    ("live", "有效"),
                    ("refused", "未批准"),
                    ("ended", "当日撤回"),
                ],
                default="live",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="definition",
            name="updated_at",
            field=models.DateTimeField(auto_now=True),
        ),
        migrations.AddField(
            model_name="definition",
            name="version",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="definition",
            name="vetted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="definition",
            name="vetted_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="definition",
            name="vetting_note",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddConstraint(
            model_name="definition",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "live", "refused", "ended"])),
                name="procedures_definition_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="definition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("vetted_by__isnull", True),
                    ("proposed_by__isnull", True),
                    models.Q(("vetted_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="procedures_definition_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="definition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "live"), _negated=True),
                    ("proposed_by__isnull", True),
                    ("vetted_by__isnull", False),
                    _connector="OR",
                ),
                name="procedures_definition_lives_when_vetted",
            ),
        ),
        migrations.AddConstraint(
            model_name="definition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("vetted_at__isnull", True), ("vetted_by__isnull", True)),
                    models.Q(("vetted_at__isnull", False), ("vetted_by__isnull", False)),
                    _connector="OR",
                ),
                name="procedures_definition_vetted_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="definition",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "proposed")),
                fields=("code", "place"),
                name="procedures_definition_one_waits",
            ),
        ),
        migrations.RunSQL(KEPT, KEPT_BEFORE),
        migrations.RunSQL(BEGUN, NO_BEGUN),
    ]
