"""What the public zone's role may do, and what even a hole in its pages cannot show."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.grants import APP, PORTAL, append_only, portal_inserts, portal_reads

TODAY = """
CREATE FUNCTION portal_today() RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (coalesce((SELECT clock_at FROM core_instance WHERE id = 1), now())
            AT TIME ZONE 'Asia/Shanghai')::date
$$;
"""

# An expired notice does not exist for the public role, whatever a page asks for.
EXPIRY = f"""
ALTER TABLE portal_publishednotice ENABLE ROW LEVEL SECURITY;
CREATE POLICY portal_notice_inside ON portal_publishednotice TO {APP} USING (true) WITH CHECK (true);
CREATE POLICY portal_notice_live ON portal_publishednotice FOR SELECT TO {PORTAL}
    USING (portal_today() BETWEEN opens_on AND expires_on);
ALTER TABLE portal_publishednoticeentry ENABLE ROW LEVEL SECURITY;
CREATE POLICY portal_entry_inside ON portal_publishednoticeentry TO {APP} USING (true) WITH CHECK (true);
CREATE POLICY portal_entry_live ON portal_publishednoticeentry FOR SELECT TO {PORTAL}
    USING (EXISTS (SELECT 1 FROM portal_publishednotice n WHERE n.id = notice_id
                   AND portal_today() BETWEEN n.opens_on AND n.expires_on));
"""  # noqa: S608
NO_EXPIRY = """
DROP POLICY portal_notice_inside ON portal_publishednotice;
DROP POLICY portal_notice_live ON portal_publishednotice;
ALTER TABLE portal_publishednotice DISABLE ROW LEVEL SECURITY;
DROP POLICY portal_entry_inside ON portal_publishednoticeentry;
DROP POLICY portal_entry_live ON portal_publishednoticeentry;
ALTER TABLE portal_publishednoticeentry DISABLE ROW LEVEL SECURITY;
"""

# Runs as the owner: the public role itself cannot read the intake that is counted here.
LIMIT = """
CREATE FUNCTION portal_bound_intake() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    NEW.collected_at := NULL;
    PERFORM pg_advisory_xact_lock(hashtext('portal_intake'), hashtext(NEW.sender_hash));
    IF (SELECT count(*) FROM portal_objectionintake
        WHERE sender_hash = NEW.sender_hash AND received_at > NEW.received_at - interval '1 hour') >= 5
    THEN
        RAISE EXCEPTION 'too many objections from one sender within an hour' USING ERRCODE = 'YC429';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM portal_publishednoticeentry e
                   JOIN portal_publishednotice n ON n.id = e.notice_id
                   WHERE e.code = NEW.entry_code AND portal_today() BETWEEN n.opens_on AND n.expires_on)
    THEN
        RAISE EXCEPTION 'no live notice entry %', NEW.entry_code USING ERRCODE = 'YC404';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER portal_intake_bounded BEFORE INSERT ON portal_objectionintake
    FOR EACH ROW EXECUTE FUNCTION portal_bound_intake();
"""
NO_LIMIT = """
DROP TRIGGER portal_intake_bounded ON portal_objectionintake; DROP FUNCTION portal_bound_intake();
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0001_initial"), ("core", "0001_initial")]
    operations = [
        migrations.RunSQL(TODAY, "DROP FUNCTION portal_today()"),
        migrations.RunSQL(EXPIRY, NO_EXPIRY),
        migrations.RunSQL(LIMIT, NO_LIMIT),
        append_only("portal_publishedcounty"),
        portal_reads("portal_publishedcounty"),
        portal_reads("portal_publishednotice"),
        portal_reads("portal_publishednoticeentry"),
        portal_reads("core_instance"),
        portal_inserts("portal_objectionintake"),
        # Django's INSERT asks for the new row's number.
        migrations.RunSQL(
            f"GRANT SELECT (id) ON portal_objectionintake TO {PORTAL}",
            f"REVOKE SELECT (id) ON portal_objectionintake FROM {PORTAL}",  # noqa: S608
        ),
    ]
