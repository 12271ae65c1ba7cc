"""Stored runs computed once more by a task; the database keeps what came of it."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from yuchang.core.grants import APP

KEPT = """
CREATE FUNCTION exchange_keep_replay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'replay % has its result', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_replay_kept';
END $$;
CREATE TRIGGER exchange_replay_kept BEFORE UPDATE ON exchange_replay
    FOR EACH ROW WHEN (OLD.state IN ('done', 'failed')) EXECUTE FUNCTION exchange_keep_replay();
"""
LET_GO = "DROP TRIGGER exchange_replay_kept ON exchange_replay; DROP FUNCTION exchange_keep_replay();"


class Migration(migrations.Migration):
    dependencies = [("exchange", "0012_sides")]

    operations = [
        migrations.CreateModel(
            name="Replay",
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
                            ("running", "计算中"),
                            ("done", "已算完"),
                            ("failed", "不能计算"),
                        ],
                        default="queued",
                        max_length=20,
                    ),
                ),
                ("stage", models.CharField(blank=True, max_length=30)),
                ("percent", models.PositiveSmallIntegerField(default=0)),
                ("message", models.CharField(blank=True, max_length=300)),
                ("is_same", models.BooleanField(null=True)),
                ("is_accepted", models.BooleanField(null=True)),
                ("result_hash", models.CharField(blank=True, max_length=64)),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_by_name", models.CharField(max_length=60)),
                ("asked_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "clearing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replays",
                        to="exchange.clearing",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["clearing", "-id"], name="exchange_replay_clearing")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(
                            Q(
                                ("is_accepted__isnull", False),
                                ("is_same__isnull", False),
                                ("state", "done"),
                                Q(("result_hash", ""), _negated=True),
                            ),
                            Q(
                                ("is_accepted__isnull", True),
                                ("is_same__isnull", True),
                                ("state__in", ["queued", "running", "failed"]),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_replay_done_has_result",
                    ),
                    models.CheckConstraint(condition=Q(percent__lte=100), name="exchange_replay_percent"),
                    models.UniqueConstraint(
                        fields=["clearing"],
                        condition=Q(state__in=["queued", "running"]),
                        name="exchange_replay_one_at_a_time",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            f"REVOKE DELETE ON exchange_replay FROM {APP}", f"GRANT DELETE ON exchange_replay TO {APP}"
        ),
        migrations.RunSQL(KEPT, LET_GO),
    ]
