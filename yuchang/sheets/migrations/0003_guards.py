"""What was frozen stays: reports, template editions and sendings are append-only, and so are their files."""

from django.db import migrations

from yuchang.core.grants import append_only

_FROZEN = """
CREATE FUNCTION sheets_keep_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        found := NEW.output_id;
    ELSIF TG_TABLE_NAME = 'sheets_output' THEN
        found := OLD.id;
    ELSE
        found := OLD.output_id;
    END IF;
    IF EXISTS (SELECT 1 FROM sheets_report WHERE output_id = found) THEN
        RAISE EXCEPTION 'output % is a frozen report', found USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sheets_output_frozen BEFORE UPDATE OR DELETE ON sheets_output
    FOR EACH ROW EXECUTE FUNCTION sheets_keep_frozen();
CREATE TRIGGER sheets_piece_frozen BEFORE INSERT OR DELETE ON sheets_outputpiece
    FOR EACH ROW EXECUTE FUNCTION sheets_keep_frozen();
ALTER TABLE sheets_outputpiece ALTER COLUMN sealed SET STORAGE EXTERNAL;
REVOKE UPDATE ON sheets_outputpiece FROM yuchang_app;
"""
_BACK = """
GRANT UPDATE ON sheets_outputpiece TO yuchang_app;
DROP TRIGGER sheets_piece_frozen ON sheets_outputpiece;
DROP TRIGGER sheets_output_frozen ON sheets_output;
DROP FUNCTION sheets_keep_frozen();
"""


class Migration(migrations.Migration):
    dependencies = [("sheets", "0002_outputs")]

    operations = [
        append_only("sheets_edition"),
        append_only("sheets_report"),
        append_only("sheets_sending"),
        migrations.RunSQL(_FROZEN, _BACK),
    ]
