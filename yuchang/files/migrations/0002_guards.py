"""What the database holds true about files, whoever writes: what was taken in keeps its owner and content."""

from django.db import migrations

from yuchang.core.grants import APP
from yuchang.core.tallies import tallied

KEPT = f"""
REVOKE DELETE ON files_storedfile FROM {APP};
REVOKE UPDATE ON files_blob FROM {APP};
GRANT UPDATE (created_at) ON files_blob TO {APP};
CREATE FUNCTION files_storedfile_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.about_kind <> OLD.about_kind OR NEW.about_id <> OLD.about_id OR NEW.purpose <> OLD.purpose
       OR NEW.uploaded_by_id <> OLD.uploaded_by_id OR NEW.received_sha256 <> OLD.received_sha256
       OR NEW.place_id <> OLD.place_id THEN
        RAISE EXCEPTION 'a file stays with its object, purpose and place'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'files_storedfile_kept';
    END IF;
    IF OLD.state <> NEW.state AND NOT (
           (OLD.state = 'quarantined' AND NEW.state IN ('ready', 'refused'))
           OR (OLD.state = 'ready' AND NEW.state IN ('expired', 'removed'))) THEN
        RAISE EXCEPTION 'a file does not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'files_storedfile_way';
    END IF;
    IF OLD.state = 'ready' AND NEW.state = 'ready' AND NEW.blob_id <> OLD.blob_id THEN
        RAISE EXCEPTION 'the content of a file never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'files_storedfile_content';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER files_storedfile_kept BEFORE UPDATE ON files_storedfile
    FOR EACH ROW EXECUTE FUNCTION files_storedfile_kept();
"""
BACK = f"""
DROP TRIGGER files_storedfile_kept ON files_storedfile; DROP FUNCTION files_storedfile_kept();
REVOKE UPDATE (created_at) ON files_blob FROM {APP};
GRANT UPDATE ON files_blob TO {APP}; GRANT DELETE ON files_storedfile TO {APP};
"""


class Migration(migrations.Migration):
    dependencies = [("files", "0001_initial"), ("core", "0003_tally")]

    operations = [
        migrations.RunSQL(KEPT, BACK),
        tallied("files_storedfile", "files", "state", "size"),
    ]
