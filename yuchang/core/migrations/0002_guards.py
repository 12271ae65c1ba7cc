"""What the database itself enforces for the audit log and the data keys."""

from django.db import migrations

from yuchang.core.grants import APP, append_only, portal_reads

ENTRY_COLUMNS = "at, actor_id, actor_name, action, object_kind, object_id, place_id, body, leaf_hash"


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [
        append_only("core_auditentry"),
        append_only("core_auditleaf"),
        append_only("core_auditcheckpoint"),
        # Nobody but the database names the transaction of an entry, or its number.
        migrations.RunSQL(
            f"REVOKE INSERT ON core_auditentry FROM {APP};"
            f"GRANT INSERT ({ENTRY_COLUMNS}) ON core_auditentry TO {APP}",
            f"GRANT INSERT ON core_auditentry TO {APP}",
        ),
        migrations.RunSQL(
            "ALTER TABLE core_auditentry ADD CONSTRAINT core_auditentry_hash_of_body "
            "CHECK (leaf_hash = sha256('\\x00'::bytea || convert_to(body, 'UTF8')))",
            "ALTER TABLE core_auditentry DROP CONSTRAINT core_auditentry_hash_of_body",
        ),
        migrations.RunSQL(
            "ALTER TABLE core_auditleaf ADD CONSTRAINT core_auditleaf_hash_length "
            "CHECK (octet_length(leaf_hash) = 32)",
            "ALTER TABLE core_auditleaf DROP CONSTRAINT core_auditleaf_hash_length",
        ),
        # A lost data key is lost data: it can be rewrapped, never removed.
        migrations.RunSQL(
            f"REVOKE DELETE, TRUNCATE ON core_datakey FROM {APP};"
            f"REVOKE UPDATE ON core_datakey FROM {APP};"
            f"GRANT UPDATE (wrapped, master_key_id) ON core_datakey TO {APP}",
            f"GRANT UPDATE, DELETE ON core_datakey TO {APP}",
        ),
        portal_reads("core_instance"),
    ]
