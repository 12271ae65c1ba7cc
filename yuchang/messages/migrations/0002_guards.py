"""What the database holds true about messages, whoever writes.

What a message says never changes and nobody is written into another's inbox afterwards; read, archived and
settled are set once. Digest runs are append-only.
"""

from django.db import migrations

from yuchang.core.grants import APP, append_only

FROZEN = f"""
REVOKE UPDATE, DELETE ON inbox_message FROM {APP};
GRANT UPDATE (read_at, archived_at, settled_at) ON inbox_message TO {APP};
CREATE FUNCTION inbox_message_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.read_at IS NOT NULL AND NEW.read_at IS DISTINCT FROM OLD.read_at)
       OR (OLD.archived_at IS NOT NULL AND NEW.archived_at IS DISTINCT FROM OLD.archived_at)
       OR (OLD.settled_at IS NOT NULL AND NEW.settled_at IS DISTINCT FROM OLD.settled_at) THEN
        RAISE EXCEPTION 'a message is read, archived and settled once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inbox_message_set_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inbox_message_once BEFORE UPDATE ON inbox_message
    FOR EACH ROW EXECUTE FUNCTION inbox_message_once();

REVOKE DELETE ON inbox_delivery FROM {APP};
CREATE FUNCTION inbox_delivery_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.idempotency_key <> OLD.idempotency_key OR NEW.channel <> OLD.channel
       OR NEW.message_id IS DISTINCT FROM OLD.message_id OR NEW.recipient_id IS DISTINCT FROM OLD.recipient_id
       OR (OLD.state = 'sent' AND NEW.state <> 'sent') THEN
        RAISE EXCEPTION 'a delivery keeps its key, channel and recipient, and what was sent stays sent'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inbox_delivery_kept';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inbox_delivery_kept BEFORE UPDATE ON inbox_delivery
    FOR EACH ROW EXECUTE FUNCTION inbox_delivery_kept();
"""
BACK = f"""
DROP TRIGGER inbox_delivery_kept ON inbox_delivery; DROP FUNCTION inbox_delivery_kept();
DROP TRIGGER inbox_message_once ON inbox_message; DROP FUNCTION inbox_message_once();
REVOKE UPDATE (read_at, archived_at, settled_at) ON inbox_message FROM {APP};
GRANT UPDATE, DELETE ON inbox_message TO {APP}; GRANT DELETE ON inbox_delivery TO {APP};
"""


class Migration(migrations.Migration):
    dependencies = [("inbox", "0001_initial")]

    operations = [migrations.RunSQL(FROZEN, BACK), append_only("inbox_digestrun")]
