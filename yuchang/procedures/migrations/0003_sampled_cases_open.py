"""The files of a drawn case open to whoever was given the sample: of those drawn before, too."""

from django.db import migrations

OPEN = """
    INSERT INTO accounts_scopeitem (scope_kind, scope_id, object_kind, object_id, is_exclusive, valid_from)
    SELECT 'sample', r.sample_id, 'procedures.case', r.case_id, false,
           (s.drawn_at AT TIME ZONE 'Asia/Shanghai')::date
    FROM procedures_samplerow r JOIN procedures_sample s ON s.id = r.sample_id WHERE r.is_drawn;
"""
SHUT = "DELETE FROM accounts_scopeitem WHERE scope_kind = 'sample' AND object_kind = 'procedures.case';"


class Migration(migrations.Migration):
    dependencies = [("procedures", "0002_guards"), ("accounts", "0004_samples_given")]
    operations = [migrations.RunSQL(OPEN, SHUT)]
