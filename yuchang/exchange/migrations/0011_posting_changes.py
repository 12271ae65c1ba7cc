"""Each posting carries the transaction that last wrote it, for the indexes that processes hold in memory."""

from django.db import migrations, models

FORWARD = """
ALTER TABLE exchange_posting ADD COLUMN changed_in xid8;
ALTER TABLE exchange_posting ALTER COLUMN changed_in SET DEFAULT pg_current_xact_id();
CREATE INDEX exchange_posting_changed ON exchange_posting (changed_in);
CREATE FUNCTION exchange_posting_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_posting_changed BEFORE INSERT OR UPDATE ON exchange_posting
    FOR EACH ROW EXECUTE FUNCTION exchange_posting_changed();
"""
BACKWARD = """
DROP TRIGGER exchange_posting_changed ON exchange_posting;
DROP FUNCTION exchange_posting_changed();
ALTER TABLE exchange_posting DROP COLUMN changed_in;
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0010_order_deliveries")]

    operations = [
        migrations.RemoveIndex(model_name="posting", name="exchange_posting_terms"),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["updated_at"], name="exchange_posting_fresh"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
