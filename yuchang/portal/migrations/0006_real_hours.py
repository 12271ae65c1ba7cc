"""Objections are bounded per hour of real time, also where the working day is simulated and stands still."""

from django.db import migrations, models

import yuchang.accounts.factors
from yuchang.core.grants import PORTAL

# What came before is taken as having come on its working day, but not after today.
DOOR = """
UPDATE portal_objectionintake SET arrived_at = least(received_at, now());
CREATE OR REPLACE FUNCTION portal_check_intake(sender text, received timestamptz, entry text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('portal_intake'), hashtext(sender));
    IF (SELECT count(*) FROM portal_objectionintake
        WHERE sender_hash = sender AND arrived_at > received - interval '1 hour') >= 5
    THEN
        RAISE EXCEPTION 'too many objections from one sender within an hour' USING ERRCODE = 'YC429';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM portal_publishednoticeentry e
                   JOIN portal_publishednotice n ON n.id = e.notice_id
                   WHERE e.code = entry AND portal_today() BETWEEN n.opens_on AND n.expires_on)
    THEN
        RAISE EXCEPTION 'no live notice entry %', entry USING ERRCODE = 'YC404';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION portal_intake_door() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = '{portal}' THEN
        NEW.arrived_at := now();
        NEW.collected_at := NULL;
        NEW.objection_id := NULL;
        NEW.sent_in := NULL;
        NEW.carried_in := NULL;
        PERFORM portal_check_intake(NEW.sender_hash, NEW.arrived_at, NEW.entry_code);
    END IF;
    RETURN NEW;
END $$;
""".replace("{portal}", PORTAL)


class Migration(migrations.Migration):
    dependencies = [("portal", "0005_registrations")]
    operations = [
        migrations.AddField(
            "objectionintake", "arrived_at", models.DateTimeField(default=yuchang.accounts.factors.real_now)
        ),
        migrations.RemoveIndex("objectionintake", "portal_intake_sender"),
        migrations.AddIndex(
            "objectionintake",
            models.Index(fields=["sender_hash", "arrived_at"], name="portal_intake_arrived"),
        ),
        migrations.RunSQL(DOOR, migrations.RunSQL.noop),
    ]
