"""Cases found by their title in a village or township, without reading those of the whole country."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("procedures", "0005_turns_of_regions")]
    operations = [
        migrations.AddIndex(
            "case", models.Index(fields=[f"{level}_id", "-id"], name=f"procedures_case_{level}")
        )
        for level in ("county", "township", "village")
    ]
