"""Everything that gives a person rights on a day, as a function: its plan is made once per connection.

Every request asks this, and to plan the view's branches takes PostgreSQL ten times as long as to answer.
"""

from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE FUNCTION accounts_rights(asked_user bigint, asked_on date)
RETURNS TABLE (hat text, role text, scope_kind text, target_id bigint,
               place_id bigint, place_level smallint, place_name text)
LANGUAGE plpgsql STABLE SET search_path = public AS $rights$
BEGIN
    RETURN QUERY
    SELECT h.id, h.role::text, h.scope_kind::text, h.target_id, p.id, p.level, p.name::text
    FROM accounts_hat h
    JOIN accounts_user u ON u.id = h.user_id
    LEFT JOIN places_place p ON p.id = h.place_id
    WHERE h.user_id = asked_user AND u.is_active AND h.state = 'live'
      AND h.valid_from <= asked_on AND (h.valid_to IS NULL OR h.valid_to >= asked_on)
    ORDER BY h.source, h.source_id, h.id;
END $rights$;
"""


class Migration(migrations.Migration):
    """``accounts_rights``, for ``accounts.queries.actor_for``."""

    dependencies = [("accounts", "0004_samples_given"), ("places", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION accounts_rights(bigint, date)")]
