"""What the database itself refuses: a scenario over other inputs than its draft's, a lost emergency."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.grants import APP, append_only

KEPT = "exchange_scenario, exchange_emergency"
SAME_INPUTS = """
CREATE FUNCTION exchange_check_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM exchange_clearing d
        WHERE d.id = NEW.draft_id AND d.draft_id IS NULL AND d.inputs_hash = NEW.inputs_hash
          AND d.context_hash = NEW.context_hash AND d.county_id IS NOT DISTINCT FROM NEW.county_id
    ) THEN
        RAISE EXCEPTION 'a scenario has the inputs of its draft %', NEW.draft_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_clearing_same_inputs';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_clearing_same_inputs BEFORE INSERT ON exchange_clearing
    FOR EACH ROW WHEN (NEW.draft_id IS NOT NULL) EXECUTE FUNCTION exchange_check_draft();
"""
UNDO = """
DROP TRIGGER exchange_clearing_same_inputs ON exchange_clearing; DROP FUNCTION exchange_check_draft();
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0006_scenarios"), ("core", "0001_initial")]

    operations = [
        append_only("exchange_emergencyhelp"),
        migrations.RunSQL(f"REVOKE DELETE ON {KEPT} FROM {APP}", f"GRANT DELETE ON {KEPT} TO {APP}"),
        migrations.RunSQL(SAME_INPUTS, UNDO),
    ]
