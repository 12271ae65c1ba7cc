"""What the database itself refuses: changed facts, two main causes, a leaking notice."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.grants import APP, PORTAL, append_only, portal_inserts, portal_reads

CAUSES = """
CREATE FUNCTION registry_check_causes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE mains integer; others integer;
BEGIN
    SELECT count(*) FILTER (WHERE is_main), count(*) FILTER (WHERE NOT is_main) INTO mains, others
    FROM registry_cause WHERE household_id = NEW.household_id AND until_on IS NULL;
    IF mains + others > 0 AND (mains <> 1 OR others > 2) THEN
        RAISE EXCEPTION 'household % needs exactly one main cause and at most two others', NEW.household_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'registry_cause_one_main_two_others';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER registry_cause_count AFTER INSERT OR UPDATE ON registry_cause
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_check_causes();
"""
NO_CAUSES = """
DROP TRIGGER registry_cause_count ON registry_cause; DROP FUNCTION registry_check_causes();
"""

HISTORY = """
CREATE FUNCTION registry_keep_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO registry_rowversion (table_name, row_id, version, batch_id, content)
    VALUES (TG_TABLE_NAME, OLD.id, OLD.version, NEW.batch_id, to_jsonb(OLD));
    RETURN NULL;
END $$;
CREATE TRIGGER registry_household_history AFTER UPDATE ON registry_household
    FOR EACH ROW EXECUTE FUNCTION registry_keep_row();
CREATE TRIGGER registry_member_history AFTER UPDATE ON registry_member
    FOR EACH ROW EXECUTE FUNCTION registry_keep_row();
"""
NO_HISTORY = """
DROP TRIGGER registry_household_history ON registry_household;
DROP TRIGGER registry_member_history ON registry_member;
DROP FUNCTION registry_keep_row();
"""

# Views run with the rights of their owner, so the public zone needs none on the tables behind.
VIEW = """
CREATE VIEW registry_public_notice WITH (security_barrier) AS
SELECT e.public_code AS entry_code, n.public_code AS notice_code, n.opens_on, n.closes_on,
       n.county_id, n.township_id, n.village_id, p.name AS village_name,
       e.masked_name, e.size, e.cause_group
FROM registry_noticeentry e
JOIN registry_notice n ON n.id = e.notice_id
JOIN places_place p ON p.id = n.place_id
CROSS JOIN LATERAL (
    SELECT (coalesce((SELECT clock_at FROM core_instance WHERE id = 1), now())
            AT TIME ZONE 'Asia/Shanghai')::date AS day) today
WHERE n.state = 'open' AND e.outcome = 'pending' AND today.day BETWEEN n.opens_on AND n.closes_on;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0001_initial"),
        ("core", "0001_initial"),
        ("places", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(CAUSES, NO_CAUSES),
        migrations.RunSQL(HISTORY, NO_HISTORY),
        migrations.RunSQL(VIEW, "DROP VIEW registry_public_notice"),
        append_only("registry_householdfacts"),
        append_only("registry_memberfacts"),
        append_only("registry_memberhealth"),
        append_only("registry_rowversion"),
        migrations.RunSQL(
            f"REVOKE DELETE ON registry_household, registry_member, registry_cause, registry_notice,"
            f" registry_noticeentry, registry_objection FROM {APP};"
            f"REVOKE ALL ON registry_memberhealth FROM {PORTAL};",
            migrations.RunSQL.noop,
        ),
        portal_reads("registry_public_notice"),
        portal_inserts("registry_objectionintake"),
        # Django's INSERT asks for the new row's number.
        migrations.RunSQL(
            f"GRANT SELECT (id) ON registry_objectionintake TO {PORTAL}",
            f"REVOKE SELECT (id) ON registry_objectionintake FROM {PORTAL}",  # noqa: S608
        ),
    ]
