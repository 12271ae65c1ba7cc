"""What the database itself refuses: a changed definition or record, a step twice, the same person twice."""

from django.db import migrations

from yuchang.core.grants import APP, append_only

DEFINITION = """
CREATE FUNCTION procedures_keep_definition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - 'valid_to') IS DISTINCT FROM (to_jsonb(OLD) - 'valid_to') THEN
        RAISE EXCEPTION 'definition % % is kept as it began', OLD.code, OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_definition_kept';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER procedures_definition_kept BEFORE UPDATE ON procedures_definition
    FOR EACH ROW EXECUTE FUNCTION procedures_keep_definition();
"""
NO_DEFINITION = """
DROP TRIGGER procedures_definition_kept ON procedures_definition;
DROP FUNCTION procedures_keep_definition();
"""

# The record comes first and names the version that the case will have; the case follows. The planner has no
# statistics of rows that the same transaction wrote: told so, it uses the keys instead of reading whole tables.
CASE = """
CREATE FUNCTION procedures_keep_case() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF (NEW.definition_id, NEW.code, NEW.subject_kind, NEW.subject_id, NEW.opened_at, NEW.place_id)
       IS DISTINCT FROM
       (OLD.definition_id, OLD.code, OLD.subject_kind, OLD.subject_id, OLD.opened_at, OLD.place_id)
       OR NEW.opened_by_id IS DISTINCT FROM OLD.opened_by_id THEN
        RAISE EXCEPTION 'case % keeps its definition and its subject', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_case_kept';
    END IF;
    IF (NEW.state, NEW.step) IS DISTINCT FROM (OLD.state, OLD.step) AND (
        OLD.state <> 'open' OR NEW.version <> OLD.version + 1 OR NOT EXISTS (
            SELECT 1 FROM procedures_steprecord r WHERE r.case_id = NEW.id AND r.number = NEW.version)) THEN
        RAISE EXCEPTION 'case % moves only with a record', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_case_with_record';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER procedures_case_kept BEFORE UPDATE ON procedures_case
    FOR EACH ROW EXECUTE FUNCTION procedures_keep_case();
"""
NO_CASE = """
DROP TRIGGER procedures_case_kept ON procedures_case; DROP FUNCTION procedures_keep_case();
"""

# Set-wise, so that 20,000 records cost three statements. The lock makes a second connection wait, and every
# statement after it sees what the first one committed.
RECORDS = """
CREATE FUNCTION procedures_check_records() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE wrong bigint;
BEGIN
    PERFORM 1 FROM procedures_case c WHERE c.id IN (SELECT case_id FROM fresh) ORDER BY c.id FOR UPDATE;
    SELECT f.case_id INTO wrong FROM fresh f JOIN procedures_case c ON c.id = f.case_id
    WHERE (f.kind = 'opened' AND f.number <> 1)
       OR (f.kind <> 'opened' AND (c.state <> 'open' OR f.number <> c.version + 1))
       OR (f.kind IN ('opened', 'advanced', 'returned') AND f.step <> c.step) LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'case % does not stand where the record says', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_record_of_step';
    END IF;
    SELECT f.case_id INTO wrong FROM fresh f JOIN procedures_case c ON c.id = f.case_id
    JOIN procedures_definition d ON d.id = c.definition_id
    WHERE f.kind IN ('advanced', 'returned', 'track') AND d.pairs ? f.step
      AND (f.by_id IS NULL OR EXISTS (
        SELECT 1 FROM procedures_steprecord r
        WHERE r.case_id = f.case_id AND r.by_id = f.by_id AND r.number < f.number
          AND r.kind IN ('opened', 'advanced', 'returned', 'track')
          AND (d.pairs -> f.step) ? (CASE r.kind WHEN 'opened' THEN 'opened' ELSE r.step END))) LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'case % needs another person in this step', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_record_two_people';
    END IF;
    SELECT f.case_id INTO wrong FROM fresh f JOIN procedures_case c ON c.id = f.case_id
    JOIN procedures_definition d ON d.id = c.definition_id
    WHERE f.kind = 'advanced' AND d.waits ? f.step AND EXISTS (
        SELECT 1 FROM procedures_track t
        WHERE t.case_id = f.case_id AND t.state = 'open' AND (d.waits -> f.step) ? t.step) LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'case % has a notice or parallel step that is not over', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_record_waits';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER procedures_records_checked AFTER INSERT ON procedures_steprecord
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION procedures_check_records();
"""
NO_RECORDS = """
DROP TRIGGER procedures_records_checked ON procedures_steprecord; DROP FUNCTION procedures_check_records();
"""

TRACK = """
CREATE FUNCTION procedures_keep_track() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF (to_jsonb(NEW) - 'state' - 'closed_on') IS DISTINCT FROM (to_jsonb(OLD) - 'state' - 'closed_on')
       OR OLD.state <> 'open' THEN
        RAISE EXCEPTION 'track % keeps its days', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_track_kept';
    END IF;
    IF NEW.state = 'done' AND EXISTS (
        SELECT 1 FROM procedures_case o WHERE o.subject_kind = 'procedures.track' AND o.subject_id = OLD.id
          AND o.state = 'open') THEN
        RAISE EXCEPTION 'an objection to track % is open', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procedures_track_objection';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER procedures_track_kept BEFORE UPDATE ON procedures_track
    FOR EACH ROW EXECUTE FUNCTION procedures_keep_track();
"""
NO_TRACK = """
DROP TRIGGER procedures_track_kept ON procedures_track; DROP FUNCTION procedures_keep_track();
"""


class Migration(migrations.Migration):
    dependencies = [("procedures", "0001_initial")]
    operations = [
        migrations.RunSQL(DEFINITION, NO_DEFINITION),
        migrations.RunSQL(CASE, NO_CASE),
        migrations.RunSQL(RECORDS, NO_RECORDS),
        migrations.RunSQL(TRACK, NO_TRACK),
        append_only("procedures_steprecord"),
        append_only("procedures_sample"),
        append_only("procedures_samplerow"),
        append_only("procedures_samplecheck"),
        append_only("procedures_holiday"),
        migrations.RunSQL(
            f"REVOKE DELETE ON procedures_definition, procedures_case, procedures_track FROM {APP}",
            migrations.RunSQL.noop,
        ),
    ]
