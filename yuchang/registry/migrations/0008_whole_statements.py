"""What an observation names is looked for once per statement; a first main cause is not counted again.

A county brings 110,000 people at once. Foreign keys asked six questions for each of them, one by one, at
the commit, and were a third of the whole. The observations are append-only and nobody who uses the
application may delete households, people or users; so the same guard is kept from both sides by triggers:
a statement that adds observations locks all it names (FOR KEY SHARE, as a foreign key does) and is refused
when one is missing, and who would remove or renumber something named is refused at the commit.
"""

from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import PROTECT

OBSERVED = {
    "registry_householdfacts": ("household_id", "registry_household"),
    "registry_memberfacts": ("member_id", "registry_member"),
    "registry_memberhealth": ("member_id", "registry_member"),
}

# The planner's choice of the first call is kept: one by number suits one row and a hundred thousand.
NAMED = """
CREATE FUNCTION {table}_named() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO public, pg_temp SET enable_seqscan TO off SET enable_hashjoin TO off
    SET enable_mergejoin TO off AS $$
DECLARE wanted bigint; found bigint;
BEGIN
    SELECT count(*) INTO wanted FROM new_rows;
    PERFORM FROM new_rows r JOIN {parent} p ON p.id = r.{column} FOR KEY SHARE OF p;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> wanted THEN
        RAISE EXCEPTION 'an observation names a row that {parent} does not hold'
            USING ERRCODE = 'foreign_key_violation', TABLE = '{table}', CONSTRAINT = '{table}_{column}';
    END IF;
    SELECT count(DISTINCT recorded_by_id) INTO wanted FROM new_rows;
    PERFORM FROM accounts_user u WHERE u.id IN (SELECT recorded_by_id FROM new_rows) FOR KEY SHARE OF u;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> wanted THEN
        RAISE EXCEPTION 'an observation names a user that does not exist'
            USING ERRCODE = 'foreign_key_violation', TABLE = '{table}', CONSTRAINT = '{table}_recorded_by_id';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {table}_named_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_named();
CREATE TRIGGER {table}_named_update AFTER UPDATE ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_named();
"""
NOT_NAMED = """
DROP TRIGGER {table}_named_insert ON {table};
DROP TRIGGER {table}_named_update ON {table};
DROP FUNCTION {table}_named();
"""

# A snapshot of the whole transaction would not show what was observed since: see the isolation.
KEPT = """
CREATE FUNCTION registry_keep_named() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO public, pg_temp AS $$
DECLARE is_named boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'what observations may name is removed in READ COMMITTED only'
            USING ERRCODE = 'feature_not_supported';
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %I = $1) AND NOT EXISTS (SELECT FROM %I WHERE id = $1)',
                   TG_ARGV[0], TG_ARGV[1], TG_TABLE_NAME) INTO is_named USING OLD.id;
    IF is_named THEN
        RAISE EXCEPTION '% % is named by %', TG_TABLE_NAME, OLD.id, TG_ARGV[0]
            USING ERRCODE = 'foreign_key_violation', TABLE = TG_ARGV[0],
                  CONSTRAINT = TG_ARGV[0] || '_' || TG_ARGV[1];
    END IF;
    RETURN NULL;
END $$;
"""
KEEPING = """
CREATE CONSTRAINT TRIGGER {table}_{column} AFTER DELETE OR UPDATE OF id ON {parent}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_keep_named('{table}', '{column}');
"""
NOT_KEEPING = "DROP TRIGGER {table}_{column} ON {parent};"

# A new main cause can only be one too many, which a unique index refuses; every other change is counted.
CAUSES = """
DROP TRIGGER registry_cause_count ON registry_cause;
CREATE CONSTRAINT TRIGGER registry_cause_count AFTER INSERT ON registry_cause
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NOT (NEW.is_main AND NEW.until_on IS NULL))
    EXECUTE FUNCTION registry_check_causes();
CREATE CONSTRAINT TRIGGER registry_cause_recount AFTER UPDATE ON registry_cause
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_check_causes();
"""
ALL_CAUSES = """
DROP TRIGGER registry_cause_count ON registry_cause;
DROP TRIGGER registry_cause_recount ON registry_cause;
CREATE CONSTRAINT TRIGGER registry_cause_count AFTER INSERT OR UPDATE ON registry_cause
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_check_causes();
"""


def _reference(model: str, field: str, to: str, related_name: str) -> migrations.AlterField:
    return migrations.AlterField(
        model,
        field,
        models.ForeignKey(
            to,
            null=field == "recorded_by",
            on_delete=PROTECT,
            related_name=related_name,
            db_index=False,
            db_constraint=False,
        ),
    )


def _batch(model: str, name: str) -> list[migrations.operations.base.Operation]:
    """What no import brought, nobody looks for by its import."""
    condition = models.Q(batch_id__isnull=False)
    return [
        migrations.RemoveIndex(model, name),
        migrations.AddIndex(model, models.Index(fields=["batch_id"], condition=condition, name=name)),
    ]


def _both_sides() -> list[migrations.operations.base.Operation]:
    found = [migrations.RunSQL(KEPT, "DROP FUNCTION registry_keep_named();")]
    for table, (column, parent) in OBSERVED.items():
        sides = [(column, parent), ("recorded_by_id", "accounts_user")]
        there = NAMED.format(table=table, column=column, parent=parent)
        back = NOT_NAMED.format(table=table)
        there += "".join(KEEPING.format(table=table, column=c, parent=p) for c, p in sides)
        back += "".join(NOT_KEEPING.format(table=table, column=c, parent=p) for c, p in sides)
        found.append(migrations.RunSQL(there, back))
    return found


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0007_searches_by_windows"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        *_both_sides(),
        _reference("householdfacts", "household", "registry.household", "facts"),
        _reference("memberfacts", "member", "registry.member", "facts"),
        _reference("memberhealth", "member", "registry.member", "health"),
        *(
            _reference(model, "recorded_by", settings.AUTH_USER_MODEL, "+")
            for model in ("householdfacts", "memberfacts", "memberhealth")
        ),
        *_batch("household", "registry_hh_batch"),
        *_batch("householdfacts", "registry_hhfacts_batch"),
        *_batch("memberfacts", "registry_mfacts_batch"),
        *_batch("memberhealth", "registry_mhealth_batch"),
        migrations.RunSQL(CAUSES, ALL_CAUSES),
    ]
