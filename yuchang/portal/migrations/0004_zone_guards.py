"""What the public role may do with the new tables; every published change is noted for the next bundle."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.grants import APP, PORTAL, append_only, portal_reads

PUBLISHED = (
    "portal_publishedcounty",
    "portal_publishednotice",
    "portal_publishednoticeentry",
    "portal_publishedround",
    "portal_publishedgoods",
    "portal_publishedtable",
    "portal_publishedfile",
    "portal_publishedreceipt",
)
# What has expired does not exist for the public role, whatever a page asks for.
EXPIRING = {
    "portal_publishedround": "expires_on >= portal_today()",
    "portal_publishedgoods": "EXISTS (SELECT 1 FROM portal_publishedround r"
    " WHERE r.id = round_id AND r.expires_on >= portal_today())",
    "portal_publishedtable": "expires_on >= portal_today()",
    "portal_publishedfile": "expires_on >= portal_today()",
    "portal_publishedreceipt": "expires_on >= portal_today()",
}

# On the outside the rows come from a bundle and need not be noted again.
NOTE = """
CREATE FUNCTION portal_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('yuchang.applying', true) = 'on' THEN
        RETURN NULL;
    END IF;
    INSERT INTO portal_outbox (table_name, row_id)
    VALUES (TG_TABLE_NAME, CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END);
    RETURN NULL;
END $$;
"""
TRIGGERS = "".join(
    f"CREATE TRIGGER portal_noted AFTER INSERT OR UPDATE OR DELETE ON {table}"
    " FOR EACH ROW EXECUTE FUNCTION portal_note_change();"
    for table in PUBLISHED
)
NO_NOTE = (
    "".join(f"DROP TRIGGER portal_noted ON {table};" for table in PUBLISHED)
    + "DROP FUNCTION portal_note_change();"
)

# The bounds hold for the public role; what a bundle brings inside was bounded where it was received.
DOOR = """
CREATE FUNCTION portal_check_intake(sender text, received timestamptz, entry text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('portal_intake'), hashtext(sender));
    IF (SELECT count(*) FROM portal_objectionintake
        WHERE sender_hash = sender AND received_at > received - interval '1 hour') >= 5
    THEN
        RAISE EXCEPTION 'too many objections from one sender within an hour' USING ERRCODE = 'YC429';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM portal_publishednoticeentry e
                   JOIN portal_publishednotice n ON n.id = e.notice_id
                   WHERE e.code = entry AND portal_today() BETWEEN n.opens_on AND n.expires_on)
    THEN
        RAISE EXCEPTION 'no live notice entry %%', entry USING ERRCODE = 'YC404';
    END IF;
END $$;
CREATE FUNCTION portal_intake_door() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = '{portal}' THEN
        NEW.collected_at := NULL;
        NEW.objection_id := NULL;
        NEW.sent_in := NULL;
        NEW.carried_in := NULL;
        PERFORM portal_check_intake(NEW.sender_hash, NEW.received_at, NEW.entry_code);
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER portal_intake_bounded ON portal_objectionintake;
DROP FUNCTION portal_bound_intake();
CREATE TRIGGER portal_intake_bounded BEFORE INSERT ON portal_objectionintake
    FOR EACH ROW EXECUTE FUNCTION portal_intake_door();
""".replace("{portal}", PORTAL).replace("%%", "%")


def expiry(table: str, condition: str) -> migrations.RunSQL:
    """Everything for the application, what is live for the public role."""
    name = table.removeprefix("portal_published")
    return migrations.RunSQL(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY portal_{name}_inside ON {table} TO {APP} USING (true) WITH CHECK (true);"
        f"CREATE POLICY portal_{name}_live ON {table} FOR SELECT TO {PORTAL} USING ({condition})",
        migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    dependencies = [("portal", "0003_zones"), ("core", "0002_guards")]
    operations = [
        migrations.RunSQL(NOTE + TRIGGERS, NO_NOTE),
        migrations.RunSQL(DOOR, migrations.RunSQL.noop),
        *(expiry(table, condition) for table, condition in EXPIRING.items()),
        # Named one by one: whoever looks for what the public may read finds it here.
        portal_reads("portal_publishedround"),
        portal_reads("portal_publishedgoods"),
        portal_reads("portal_publishedtable"),
        portal_reads("portal_publishedfile"),
        portal_reads("portal_publishedreceipt"),
        append_only("portal_publishedtable"),
        append_only("portal_release"),
        append_only("portal_peer"),
        migrations.RunSQL(f"REVOKE DELETE ON portal_bundle FROM {APP}", migrations.RunSQL.noop),
    ]
