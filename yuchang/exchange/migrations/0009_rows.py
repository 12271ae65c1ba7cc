"""Budgets of organisations; what a published run saw of every posting; runs are read without their bytes."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from yuchang.core.grants import APP, append_only


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0008_postings"),
        ("partners", "0002_think_tank"),
    ]

    operations = [
        migrations.AlterModelOptions(name="clearing", options={"base_manager_name": "objects"}),
        migrations.CreateModel(
            name="Budget",
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
                ("amount_fen", models.BigIntegerField()),
                ("until", models.DateField()),
                ("set_at", models.DateTimeField()),
                ("set_by_id", models.BigIntegerField()),
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="budget",
                        to="partners.organisation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_fen__gte", 0), ("amount_fen__lte", 10000000000000)),
                        name="exchange_budget_amount",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Seen",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("posting_id", models.BigIntegerField()),
                ("is_offer", models.BooleanField()),
                ("category_id", models.CharField(max_length=60)),
                ("owner", models.BigIntegerField()),
                ("county_id", models.BigIntegerField()),
                ("limit_fen", models.BigIntegerField()),
                ("window_from", models.DateField()),
                ("window_to", models.DateField()),
                ("radius_km", models.IntegerField()),
                ("certificates", models.IntegerField()),
                ("dual_fen", models.BigIntegerField()),
                (
                    "apart",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                (
                    "clearing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seen",
                        to="exchange.clearing",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["clearing", "category_id", "is_offer", "county_id", "posting_id"],
                        name="exchange_seen_opposite",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("clearing", "posting_id"), name="exchange_seen_once"),
                ],
            },
        ),
        append_only("exchange_seen"),
        migrations.RunSQL(
            f"REVOKE DELETE ON exchange_budget FROM {APP}", f"GRANT DELETE ON exchange_budget TO {APP}"
        ),
    ]
