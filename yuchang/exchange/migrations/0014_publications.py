"""Runs are published portion by portion; the database holds what is decided and not out yet.

Disputes have sides like the deals they are about (``DealSide``), so that their list is read by its indexes.
"""

import django.db.models.deletion
from django.db import migrations, models

from yuchang.core.grants import APP

KEPT = """
CREATE FUNCTION exchange_keep_publication() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'publication % is over', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_publication_kept';
END $$;
CREATE TRIGGER exchange_publication_kept BEFORE UPDATE ON exchange_publication
    FOR EACH ROW WHEN (OLD.state = 'done') EXECUTE FUNCTION exchange_keep_publication();

CREATE FUNCTION exchange_check_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'published' AND EXISTS (SELECT 1 FROM exchange_unsent u WHERE u.clearing_id = NEW.id) THEN
        RAISE EXCEPTION 'proposals of clearing % have not reached their sides', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_clearing_all_sent';
    END IF;
    IF NEW.state = 'discarded' AND EXISTS (
        SELECT 1 FROM exchange_publication p WHERE p.clearing_id = NEW.id AND p.decided_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'clearing % is decided', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_clearing_decided';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_clearing_sent BEFORE UPDATE ON exchange_clearing
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION exchange_check_published();
"""
LET_GO = """
DROP TRIGGER exchange_clearing_sent ON exchange_clearing; DROP FUNCTION exchange_check_published();
DROP TRIGGER exchange_publication_kept ON exchange_publication; DROP FUNCTION exchange_keep_publication();
"""

SETTINGS = (  # as in 0012: never a plan that reads the whole table
    "SET search_path = public SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off"
)
KEYS = ("province_id", "prefecture_id", "county_id", "township_id", "village_id")
_LIST = ", ".join(KEYS)


def _rows(source: str) -> str:
    """Both sides of disputes, and a third row for those who look after the place."""
    of = {name: ", ".join(f"{name}.{key}" for key in KEYS) for name in ("p", "n")}
    return f"""
        INSERT INTO exchange_dealside (deal, deal_id, side, state, organisation_id, {_LIST})
        SELECT 'dispute', n.id, s.side, n.state, p.organisation_id, {of["p"]}
        FROM {source} n JOIN exchange_agreement a ON a.id = n.agreement_id
        CROSS JOIN LATERAL (VALUES ('offer', a.offer_id), ('need', a.need_id)) AS s(side, posting)
        JOIN exchange_posting p ON p.id = s.posting ORDER BY p.id FOR SHARE OF p;
        INSERT INTO exchange_dealside (deal, deal_id, side, state, organisation_id, {_LIST})
        SELECT 'dispute', n.id, 'place', n.state, NULL, {of["n"]} FROM {source} n;
    """  # noqa: S608 - names of this module only


_MOVED = " OR ".join(f"OLD.{key} IS DISTINCT FROM NEW.{key}" for key in KEYS)
_NEW = ", ".join(f"{key} = NEW.{key}" for key in KEYS)
DISPUTES = f"""
CREATE FUNCTION exchange_dispute_sides() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
BEGIN
    {_rows("new_rows")}
    RETURN NULL;
END $$;
CREATE FUNCTION exchange_dispute_sides_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM exchange_dealside WHERE deal = 'dispute' AND deal_id = OLD.id;
    ELSIF NEW.agreement_id <> OLD.agreement_id THEN
        RAISE EXCEPTION 'disputes keep their agreement'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_dispute_sides';
    ELSE
        UPDATE exchange_dealside SET state = NEW.state WHERE deal = 'dispute' AND deal_id = NEW.id;
        UPDATE exchange_dealside SET {_NEW} WHERE deal = 'dispute' AND deal_id = NEW.id AND side = 'place';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER exchange_dispute_sides_insert AFTER INSERT ON exchange_dispute
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION exchange_dispute_sides();
CREATE TRIGGER exchange_dispute_sides_update AFTER UPDATE ON exchange_dispute FOR EACH ROW
    WHEN (NEW.state <> OLD.state OR NEW.agreement_id <> OLD.agreement_id OR {_MOVED})
    EXECUTE FUNCTION exchange_dispute_sides_changed();
CREATE TRIGGER exchange_dispute_sides_delete AFTER DELETE ON exchange_dispute FOR EACH ROW
    EXECUTE FUNCTION exchange_dispute_sides_changed();

CREATE FUNCTION exchange_posting_disputes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
BEGIN
    UPDATE exchange_dealside s SET organisation_id = NEW.organisation_id, {_NEW}
    FROM exchange_agreement a JOIN exchange_dispute d ON d.agreement_id = a.id
    WHERE s.deal = 'dispute' AND s.deal_id = d.id
        AND (a.offer_id = NEW.id AND s.side = 'offer' OR a.need_id = NEW.id AND s.side = 'need');
    RETURN NULL;
END $$;
CREATE TRIGGER exchange_posting_disputes AFTER UPDATE ON exchange_posting FOR EACH ROW
    WHEN (OLD.organisation_id IS DISTINCT FROM NEW.organisation_id OR {_MOVED})
    EXECUTE FUNCTION exchange_posting_disputes();
{_rows("exchange_dispute")}
"""  # noqa: S608 - names of this module only
NO_DISPUTES = """
DROP TRIGGER exchange_posting_disputes ON exchange_posting; DROP FUNCTION exchange_posting_disputes();
DROP TRIGGER exchange_dispute_sides_insert ON exchange_dispute;
DROP TRIGGER exchange_dispute_sides_update ON exchange_dispute;
DROP TRIGGER exchange_dispute_sides_delete ON exchange_dispute;
DROP FUNCTION exchange_dispute_sides(); DROP FUNCTION exchange_dispute_sides_changed();
DELETE FROM exchange_dealside WHERE deal = 'dispute';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0013_replays"),
    ]

    operations = [
        migrations.CreateModel(
            name="Publication",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "排队中"),
                            ("running", "发布中"),
                            ("done", "已发完"),
                            ("failed", "未能发布"),
                        ],
                        default="queued",
                        max_length=20,
                    ),
                ),
                ("stage", models.CharField(blank=True, max_length=30)),
                ("percent", models.PositiveSmallIntegerField(default=0)),
                ("message", models.CharField(blank=True, max_length=300)),
                ("total", models.PositiveIntegerField(default=0)),
                ("sent", models.PositiveIntegerField(default=0)),
                ("seen", models.PositiveIntegerField(default=0)),
                ("explained", models.PositiveIntegerField(default=0)),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_by_name", models.CharField(max_length=60)),
                ("asked_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("turn", models.PositiveIntegerField(null=True, unique=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "clearing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="publication",
                        to="exchange.clearing",
                    ),
                ),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="publications",
                        to="exchange.clearing",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("percent__lte", 100)), name="exchange_publication_percent"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("turn__isnull", True)),
                            models.Q(("decided_at__isnull", False), ("turn__isnull", False)),
                            _connector="OR",
                        ),
                        name="exchange_publication_turn",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("sent__lte", models.F("total")),
                            models.Q(("decided_at__isnull", False), ("total", 0), _connector="OR"),
                        ),
                        name="exchange_publication_sent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(("decided_at__isnull", False), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="exchange_publication_done",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "running", "done"]),
                            ("decided_at__isnull", False),
                            _connector="OR",
                        ),
                        fields=("draft",),
                        name="exchange_publication_one",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Unsent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("offer_id", models.BigIntegerField()),
                ("need_id", models.BigIntegerField()),
                ("category_id", models.CharField(max_length=60)),
                ("quantity", models.BigIntegerField()),
                ("price_fen", models.BigIntegerField()),
                ("transport_fen", models.BigIntegerField()),
                ("offer_gain_fen", models.BigIntegerField()),
                ("need_gain_fen", models.BigIntegerField()),
                ("distance_km", models.PositiveIntegerField(null=True)),
                ("window_from", models.DateField()),
                ("window_to", models.DateField()),
                ("reason", models.JSONField()),
                ("emergency_id", models.BigIntegerField(null=True)),
                ("help_fen", models.BigIntegerField(null=True)),
                (
                    "clearing",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="unsent",
                        to="exchange.clearing",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["clearing", "id"], name="exchange_unsent_next"),
                    models.Index(fields=["offer_id"], name="exchange_unsent_offer"),
                    models.Index(fields=["need_id"], name="exchange_unsent_need"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clearing", "offer_id", "need_id"), name="exchange_unsent_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            f"REVOKE DELETE ON exchange_publication FROM {APP}",
            f"GRANT DELETE ON exchange_publication TO {APP}",
        ),
        migrations.RunSQL(
            f"REVOKE UPDATE ON exchange_unsent FROM {APP}", f"GRANT UPDATE ON exchange_unsent TO {APP}"
        ),
        migrations.RunSQL(KEPT, LET_GO),
        migrations.AlterField(
            model_name="dealside",
            name="deal",
            field=models.CharField(
                choices=[("match", "match"), ("agreement", "agreement"), ("dispute", "dispute")],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="dealside",
            name="side",
            field=models.CharField(
                choices=[("offer", "供方"), ("need", "需方"), ("place", "place")], max_length=10
            ),
        ),
        migrations.RunSQL(DISPUTES, NO_DISPUTES),
    ]
