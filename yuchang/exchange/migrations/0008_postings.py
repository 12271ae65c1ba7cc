"""Postings: minimum lots, certificates, entered units, repetition, no twins, pictures; unread notes are found."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from yuchang.core.grants import append_only


def _plain(name: str, field: models.Field) -> migrations.AddField:  # type: ignore[type-arg]
    return migrations.AddField(model_name="posting", name=name, field=field)


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0007_scenario_guards"),
        ("files", "0002_guards"),
    ]

    operations = [
        _plain("min_lot", models.BigIntegerField(db_default=1, default=1)),
        _plain(
            "certificates",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20), db_default=[], default=list, size=None
            ),
        ),
        _plain("entered_unit", models.CharField(blank=True, db_default="", default="", max_length=20)),
        _plain(
            "repeats",
            models.CharField(
                blank=True,
                choices=[("year", "每年"), ("month", "每月")],
                db_default="",
                default="",
                max_length=5,
            ),
        ),
        _plain("repeat_until", models.DateField(blank=True, null=True)),
        _plain("first_from", models.DateField(blank=True, null=True)),
        _plain("first_to", models.DateField(blank=True, null=True)),
        _plain(
            "previous",
            models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="next_one",
                to="exchange.posting",
            ),
        ),
        _plain("content_key", models.CharField(blank=True, db_default="", default="", max_length=32)),
        _plain("import_batch_id", models.BigIntegerField(blank=True, null=True)),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(("min_lot__gte", 1), ("min_lot__lte", models.F("quantity"))),
                name="exchange_posting_min_lot",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("previous__isnull", True), ("repeats", "")),
                    models.Q(
                        ("first_from__isnull", False),
                        ("first_to__isnull", False),
                        ("repeats__in", ["year", "month"]),
                    ),
                    _connector="OR",
                ),
                name="exchange_posting_repeats",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("state__in", ["draft", "open"]), models.Q(("content_key", ""), _negated=True)
                ),
                fields=("content_key",),
                name="exchange_posting_no_twin",
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["draft", "open"]), ("terms", []), models.Q(("note", ""), _negated=True)
                ),
                fields=["id"],
                name="exchange_posting_unread_note",
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("repeats", ""), _negated=True),
                fields=["window_to", "id"],
                name="exchange_posting_repeating",
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("import_batch_id__isnull", False)),
                fields=["import_batch_id"],
                name="exchange_posting_import",
            ),
        ),
        migrations.CreateModel(
            name="PostingPhoto",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "file",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="files.storedfile"
                    ),
                ),
                (
                    "posting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="photos",
                        to="exchange.posting",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["posting", "id"], name="exchange_photo_posting")],
            },
        ),
        append_only("exchange_postingphoto"),
    ]
