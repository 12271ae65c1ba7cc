"""Organisations ask in public to be registered; what the public role may do with it."""

from django.db import migrations, models

import yuchang.portal.models
from yuchang.core.grants import PORTAL, portal_inserts

# The bounds hold for the public role; what a bundle brings inside was bounded where it was received.
DOOR = """
CREATE FUNCTION portal_check_registration(sender text, received timestamptz, host text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('portal_registration'), hashtext(host));
    IF (SELECT count(*) FROM portal_registrationintake
        WHERE sender_hash = sender AND received_at > received - interval '1 hour') >= 5
       OR (SELECT count(*) FROM portal_registrationintake
           WHERE host_code = host AND received_at > received - interval '1 day') >= 50
    THEN
        RAISE EXCEPTION 'too many registrations' USING ERRCODE = 'YC429';
    END IF;
END $$;
CREATE FUNCTION portal_registration_door() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = '{portal}' THEN
        NEW.received_at := now();
        NEW.collected_at := NULL;
        NEW.organisation_id := NULL;
        NEW.sent_in := NULL;
        NEW.carried_in := NULL;
        PERFORM portal_check_registration(NEW.sender_hash, NEW.received_at, NEW.host_code);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER portal_registration_bounded BEFORE INSERT ON portal_registrationintake
    FOR EACH ROW EXECUTE FUNCTION portal_registration_door();
ALTER TABLE portal_registrationintake ADD CONSTRAINT portal_registration_size
    CHECK (octet_length(sealed) <= 20000);
""".replace("{portal}", PORTAL)
NO_DOOR = """
ALTER TABLE portal_registrationintake DROP CONSTRAINT portal_registration_size;
DROP TRIGGER portal_registration_bounded ON portal_registrationintake;
DROP FUNCTION portal_registration_door(); DROP FUNCTION portal_check_registration(text, timestamptz, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0004_zone_guards"),
    ]

    operations = [
        migrations.AlterField(
            model_name="bundle",
            name="stream",
            field=models.CharField(
                choices=[
                    ("publications", "公开内容，由内到外"),
                    ("intake", "收到的异议和机构登记，由外到内"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="publishedreceipt",
            name="state",
            field=models.CharField(
                choices=[
                    ("received", "已收到，正在核实"),
                    ("upheld", "核实属实，已更正"),
                    ("rejected", "经核实，与反映的不符"),
                    ("closed", "公示已结束，已转乡镇处理"),
                    ("checking", "登记已送达，正在审核"),
                    ("admitted", "已通过核验，引荐县会联系您开通账号"),
                    ("declined", "未通过核验"),
                    ("unfit", "未受理：登记内容有误，或该机构已登记"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="RegistrationIntake",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "receipt",
                    models.CharField(default=yuchang.portal.models.receipt_code, max_length=10, unique=True),
                ),
                ("host_code", models.CharField(max_length=12)),
                ("sealed", models.BinaryField()),
                ("sender_hash", models.CharField(max_length=64)),
                ("received_at", models.DateTimeField()),
                ("collected_at", models.DateTimeField(null=True)),
                ("organisation_id", models.BigIntegerField(null=True, unique=True)),
                ("sent_in", models.IntegerField(null=True)),
                ("carried_in", models.IntegerField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("collected_at__isnull", True)),
                        fields=["id"],
                        name="portal_registration_waiting",
                    ),
                    models.Index(fields=["sender_hash", "received_at"], name="portal_registration_sender"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("host_code__regex", "^[0-9]{12}$")),
                        name="portal_registration_host",
                    )
                ],
            },
        ),
        migrations.RunSQL(DOOR, NO_DOOR),
        portal_inserts("portal_registrationintake"),
        # Django's INSERT asks for the new row's number.
        migrations.RunSQL(
            f"GRANT SELECT (id) ON portal_registrationintake TO {PORTAL}",
            f"REVOKE SELECT (id) ON portal_registrationintake FROM {PORTAL}",  # noqa: S608
        ),
    ]
