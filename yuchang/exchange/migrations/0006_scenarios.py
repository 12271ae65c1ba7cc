import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0005_deal_guards"),
        ("places", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="clearing",
            name="draft",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="scenario_runs",
                to="exchange.clearing",
            ),
        ),
        migrations.AddField(
            model_name="clearing",
            name="name",
            field=models.CharField(blank=True, default="", max_length=60),
            preserve_default=False,
        ),
        migrations.AddField(model_name="clearing", name="parameters", field=models.JSONField(default=dict)),
        migrations.AddField(model_name="clearing", name="context", field=models.BinaryField(null=True)),
        migrations.AddField(
            model_name="clearing",
            name="context_hash",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(model_name="clearing", name="outcome", field=models.JSONField(default=dict)),
        migrations.AddConstraint(
            model_name="clearing",
            constraint=models.UniqueConstraint(
                Coalesce("draft", "id"),
                condition=models.Q(("state", "published")),
                name="exchange_clearing_one_published",
            ),
        ),
        migrations.CreateModel(
            name="Scenario",
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
                ("name", models.CharField(max_length=60)),
                ("parameters", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "排队中"),
                            ("running", "计算中"),
                            ("done", "已算完"),
                            ("failed", "不能计算"),
                            ("cancelled", "已停止"),
                        ],
                        default="queued",
                        max_length=20,
                    ),
                ),
                ("stage", models.CharField(blank=True, max_length=30)),
                ("percent", models.PositiveSmallIntegerField(default=0)),
                ("message", models.CharField(blank=True, max_length=300)),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scenarios",
                        to="exchange.clearing",
                    ),
                ),
                (
                    "run",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scenario",
                        to="exchange.clearing",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("run__isnull", False), ("state", "done")),
                            models.Q(
                                ("run__isnull", True),
                                ("state__in", ["queued", "running", "failed", "cancelled"]),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_scenario_done_has_run",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("percent__lte", 100)), name="exchange_scenario_percent"
                    ),
                    models.UniqueConstraint(fields=("draft", "name"), name="exchange_scenario_name_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Emergency",
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
                ("province_id", models.BigIntegerField(null=True)),
                ("prefecture_id", models.BigIntegerField(null=True)),
                ("county_id", models.BigIntegerField(null=True)),
                ("township_id", models.BigIntegerField(null=True)),
                ("village_id", models.BigIntegerField(null=True)),
                ("quantity", models.BigIntegerField()),
                ("until", models.DateField()),
                ("reason", models.CharField(max_length=300)),
                ("radius_km", models.PositiveIntegerField(null=True)),
                ("help_fen", models.BigIntegerField(default=0)),
                ("fund_fen", models.BigIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[("live", "滞销应急中"), ("ended", "已结束")], default="live", max_length=10
                    ),
                ),
                ("declared_by_id", models.BigIntegerField(null=True)),
                ("declared_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_reason", models.CharField(blank=True, max_length=300)),
                (
                    "category",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="exchange.category"
                    ),
                ),
                (
                    "place",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="places.place"
                    ),
                ),
                (
                    "posting",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="emergencies",
                        to="exchange.posting",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["county_id", "-id"], name="exchange_emergency_county"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0), ("quantity__lte", 1000000000)),
                        name="exchange_emergency_quantity",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("help_fen__gte", 0),
                            ("help_fen__lte", 100000000),
                            ("fund_fen__gte", 0),
                            ("fund_fen__lte", 100000000000),
                        ),
                        name="exchange_emergency_money",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "live")),
                            models.Q(("ended_at__isnull", False), ("state", "ended")),
                            _connector="OR",
                        ),
                        name="exchange_emergency_state",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "live")),
                        fields=("posting",),
                        name="exchange_emergency_posting_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("posting__isnull", True), ("state", "live")),
                        fields=("county_id", "category"),
                        name="exchange_emergency_category_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EmergencyHelp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("help_fen", models.BigIntegerField()),
                (
                    "emergency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="helps",
                        to="exchange.emergency",
                    ),
                ),
                (
                    "match",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="emergency_help",
                        to="exchange.match",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("help_fen__gte", 0)), name="exchange_emergencyhelp_money"
                    ),
                ],
            },
        ),
    ]
