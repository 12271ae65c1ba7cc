"""A sample is given to an evaluator: the assignment names it, and the view of all hats turns it into its scope."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

# The part of ``accounts_hat`` (0003_guards) about assignments; "{kind}" and "{target}" are what changes.
VIEW = """
CREATE OR REPLACE VIEW accounts_hat AS
SELECT 'grant:' || g.id AS id, 'grant' AS source, g.id AS source_id, g.user_id, g.role, g.state,
       g.scope_kind, g.place_id, g.is_nation, g.target_id, g.valid_from, g.valid_to
FROM accounts_rolegrant g
UNION ALL
SELECT 'post:' || i.id, 'post', i.id, i.user_id, p.role, i.state,
       CASE WHEN p.organisation_id IS NULL THEN 'place' ELSE 'organisation' END,
       CASE WHEN p.organisation_id IS NULL THEN p.place_id END, false, p.organisation_id,
       i.valid_from, least(i.valid_to, p.closed_on)
FROM accounts_incumbency i JOIN accounts_post p ON p.id = i.post_id
UNION ALL
SELECT 'deputy:' || d.id, 'deputy', d.id, d.user_id, p.role,
       CASE WHEN i.state = 'live' THEN d.state ELSE 'refused' END,
       CASE WHEN p.organisation_id IS NULL THEN 'place' ELSE 'organisation' END,
       CASE WHEN p.organisation_id IS NULL THEN p.place_id END, false, p.organisation_id,
       greatest(d.valid_from, i.valid_from), least(d.valid_to, i.valid_to, p.closed_on)
FROM accounts_deputy d
JOIN accounts_incumbency i ON i.id = d.incumbency_id
JOIN accounts_post p ON p.id = i.post_id
UNION ALL
SELECT 'team:' || m.id, 'team', m.id, m.user_id, 'work_team', m.state, 'place', t.place_id, false, NULL,
       m.valid_from, least(m.valid_to, t.dissolved_on)
FROM accounts_teammember m JOIN accounts_team t ON t.id = m.team_id
WHERE t.kind = 'work_team'
UNION ALL
SELECT 'work:' || a.id, 'work', a.id, a.user_id, a.role, 'live', {kind}, NULL, false, {target},
       a.valid_from, a.valid_to
FROM accounts_assignment a WHERE a.user_id IS NOT NULL
UNION ALL
SELECT 'chair:' || a.id || ':' || i.id, 'work', a.id, i.user_id, a.role, i.state, {kind}, NULL, false,
       {target}, greatest(a.valid_from, i.valid_from), least(a.valid_to, i.valid_to)
FROM accounts_assignment a JOIN accounts_incumbency i ON i.post_id = a.post_id
UNION ALL
SELECT 'stand:' || a.id || ':' || d.id, 'work', a.id, d.user_id, a.role,
       CASE WHEN i.state = 'live' THEN d.state ELSE 'refused' END, {kind}, NULL, false,
       {target}, greatest(a.valid_from, i.valid_from, d.valid_from), least(a.valid_to, i.valid_to, d.valid_to)
FROM accounts_assignment a
JOIN accounts_incumbency i ON i.post_id = a.post_id
JOIN accounts_deputy d ON d.incumbency_id = i.id
"""
WITH_SAMPLES = VIEW.format(
    kind="CASE WHEN a.sample_id IS NULL THEN 'assignment' ELSE 'sample' END",
    target="coalesce(a.sample_id, a.id)",
)
WITHOUT_SAMPLES = VIEW.format(kind="'assignment'", target="a.id")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_guards")]

    operations = [
        migrations.AddField("assignment", "sample_id", models.BigIntegerField(null=True)),
        migrations.AddConstraint(
            "assignment",
            models.CheckConstraint(
                condition=Q(sample_id__isnull=True) | Q(role="evaluator"),
                name="accounts_assignment_sample_role",
            ),
        ),
        migrations.AddIndex(
            "assignment",
            models.Index(
                fields=["sample_id", "id"],
                condition=Q(sample_id__isnull=False),
                name="accounts_assignment_sample",
            ),
        ),
        migrations.RunSQL(WITH_SAMPLES, WITHOUT_SAMPLES),
    ]
