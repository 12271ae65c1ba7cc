"""What the database itself refuses: a changed run, changed agreed terms, more agreed than offered."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from yuchang.core.grants import APP, append_only
from yuchang.exchange.catalogue import read_categories

FREEZE_CLEARING = """
CREATE FUNCTION exchange_freeze_clearing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - ARRAY['state','version','updated_at','published_by_id','published_at'])
       IS DISTINCT FROM
       (to_jsonb(OLD) - ARRAY['state','version','updated_at','published_by_id','published_at'])
       OR (OLD.state <> 'computed' AND NEW.state <> OLD.state) THEN
        RAISE EXCEPTION 'clearing % is frozen', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_clearing_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_clearing_frozen BEFORE UPDATE ON exchange_clearing
    FOR EACH ROW EXECUTE FUNCTION exchange_freeze_clearing();
"""
THAW_CLEARING = """
DROP TRIGGER exchange_clearing_frozen ON exchange_clearing; DROP FUNCTION exchange_freeze_clearing();
"""

FREEZE_AGREEMENT = """
CREATE FUNCTION exchange_freeze_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('agreed', 'fulfilled', 'refused') AND (
       (to_jsonb(NEW) - ARRAY['state','version','updated_at'])
         IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['state','version','updated_at'])
       OR (NEW.state <> OLD.state AND NOT (OLD.state = 'agreed' AND NEW.state = 'fulfilled'))) THEN
        RAISE EXCEPTION 'agreement % holds and never changes', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_agreement_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_agreement_frozen BEFORE UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_freeze_agreement();

CREATE FUNCTION exchange_check_agreed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE offered bigint; needed bigint;
BEGIN
    SELECT coalesce(sum(quantity), 0) INTO offered FROM exchange_agreement
    WHERE offer_id = NEW.offer_id AND state IN ('agreed', 'fulfilled');
    SELECT coalesce(sum(quantity), 0) INTO needed FROM exchange_agreement
    WHERE need_id = NEW.need_id AND state IN ('agreed', 'fulfilled');
    IF EXISTS (SELECT 1 FROM exchange_posting WHERE id = NEW.offer_id AND agreed_quantity <> offered)
       OR EXISTS (SELECT 1 FROM exchange_posting WHERE id = NEW.need_id AND agreed_quantity <> needed) THEN
        RAISE EXCEPTION 'the agreements of postings % and % do not sum to what they hold',
            NEW.offer_id, NEW.need_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_agreed_quantity_sums';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER exchange_agreement_sums AFTER INSERT OR UPDATE ON exchange_agreement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state IN ('agreed', 'fulfilled'))
    EXECUTE FUNCTION exchange_check_agreed();
"""
THAW_AGREEMENT = """
DROP TRIGGER exchange_agreement_sums ON exchange_agreement; DROP FUNCTION exchange_check_agreed();
DROP TRIGGER exchange_agreement_frozen ON exchange_agreement; DROP FUNCTION exchange_freeze_agreement();
"""

KEPT = "exchange_posting, exchange_clearing, exchange_match, exchange_talk, exchange_agreement"


def load_categories(apps: Any, schema_editor: Any) -> None:
    """Ship the category tree."""
    model = apps.get_model("exchange", "Category")
    model.objects.bulk_create([model(**category) for category in read_categories()])


class Migration(migrations.Migration):
    dependencies = [("exchange", "0001_initial"), ("core", "0001_initial")]

    operations = [
        append_only("exchange_leftover"),
        append_only("exchange_message"),
        migrations.RunSQL(f"REVOKE DELETE ON {KEPT} FROM {APP}", f"GRANT DELETE ON {KEPT} TO {APP}"),
        migrations.RunSQL(FREEZE_CLEARING, THAW_CLEARING),
        migrations.RunSQL(FREEZE_AGREEMENT, THAW_AGREEMENT),
        migrations.RunPython(load_categories, migrations.RunPython.noop),
    ]
