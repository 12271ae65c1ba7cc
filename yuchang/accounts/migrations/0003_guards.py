"""What the database itself refuses: two of the three administrators in one person, an approval by anybody
else than a security administrator, a changed consent, a post that becomes another."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.grants import APP

# Every right of everyone. The application's actor and the check below read the same rows.
VIEW = """
CREATE VIEW accounts_hat AS
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
SELECT 'work:' || a.id, 'work', a.id, a.user_id, a.role, 'live', 'assignment', NULL, false, a.id,
       a.valid_from, a.valid_to
FROM accounts_assignment a WHERE a.user_id IS NOT NULL
UNION ALL
SELECT 'chair:' || a.id || ':' || i.id, 'work', a.id, i.user_id, a.role, i.state, 'assignment', NULL, false,
       a.id, greatest(a.valid_from, i.valid_from), least(a.valid_to, i.valid_to)
FROM accounts_assignment a JOIN accounts_incumbency i ON i.post_id = a.post_id
UNION ALL
SELECT 'stand:' || a.id || ':' || d.id, 'work', a.id, d.user_id, a.role,
       CASE WHEN i.state = 'live' THEN d.state ELSE 'refused' END, 'assignment', NULL, false,
       a.id, greatest(a.valid_from, i.valid_from, d.valid_from), least(a.valid_to, i.valid_to, d.valid_to)
FROM accounts_assignment a
JOIN accounts_incumbency i ON i.post_id = a.post_id
JOIN accounts_deputy d ON d.incumbency_id = i.id;
"""

# The person's row is locked first: of two transactions that give two hats, the second sees the first's.
APART = """
CREATE FUNCTION accounts_keep_apart(who bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM accounts_user WHERE id = who FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM accounts_hat one JOIN accounts_hat other
          ON other.user_id = one.user_id AND other.role <> one.role
        WHERE one.user_id = who AND one.state IN ('proposed', 'live') AND other.state IN ('proposed', 'live')
          AND one.role IN ('system_administrator', 'security_administrator', 'audit_administrator', 'auditor')
          AND one.valid_from <= coalesce(other.valid_to, 'infinity')
          AND other.valid_from <= coalesce(one.valid_to, 'infinity')
    ) THEN
        RAISE EXCEPTION 'person % would administer or audit and do something else besides', who
            USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_administrators_apart';
    END IF;
END $$;
CREATE FUNCTION accounts_hat_given() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE who bigint;
BEGIN
    IF TG_TABLE_NAME = 'accounts_assignment' AND NEW.user_id IS NULL THEN
        FOR who IN SELECT user_id FROM accounts_incumbency WHERE post_id = NEW.post_id AND state IN ('proposed', 'live')
                   UNION SELECT d.user_id FROM accounts_deputy d JOIN accounts_incumbency i
                         ON i.id = d.incumbency_id WHERE i.post_id = NEW.post_id ORDER BY 1 LOOP
            PERFORM accounts_keep_apart(who);
        END LOOP;
    ELSE
        PERFORM accounts_keep_apart(NEW.user_id);
    END IF;
    IF TG_TABLE_NAME = 'accounts_incumbency' THEN
        FOR who IN SELECT user_id FROM accounts_deputy WHERE incumbency_id = NEW.id ORDER BY 1 LOOP
            PERFORM accounts_keep_apart(who);
        END LOOP;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION accounts_is_vetted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM accounts_hat WHERE user_id = NEW.vetted_by_id
                   AND role = 'security_administrator' AND state = 'live') THEN
        RAISE EXCEPTION 'person % is no security administrator', NEW.vetted_by_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_vetted_by_security';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION accounts_stays_refused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a right that was refused or lives does not go back; propose it anew'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_vetted_once';
END $$;
"""
GIVEN = ("rolegrant", "incumbency", "deputy", "teammember", "assignment")
VETTED = GIVEN[:-1]

FROZEN = """
CREATE FUNCTION accounts_keep_post() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a post or team keeps its role and place' USING ERRCODE = 'check_violation',
        CONSTRAINT = 'accounts_post_keeps_duty';
END $$;
CREATE TRIGGER accounts_post_frozen BEFORE UPDATE ON accounts_post FOR EACH ROW
    WHEN ((OLD.role, OLD.place_id, OLD.organisation_id)
          IS DISTINCT FROM (NEW.role, NEW.place_id, NEW.organisation_id))
    EXECUTE FUNCTION accounts_keep_post();
CREATE TRIGGER accounts_team_frozen BEFORE UPDATE ON accounts_team FOR EACH ROW
    WHEN ((OLD.kind, OLD.place_id) IS DISTINCT FROM (NEW.kind, NEW.place_id))
    EXECUTE FUNCTION accounts_keep_post();
CREATE FUNCTION accounts_keep_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a consent never changes, and what was withdrawn stays withdrawn'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_consent_frozen';
END $$;
CREATE TRIGGER accounts_consent_frozen BEFORE UPDATE ON accounts_consent FOR EACH ROW
    WHEN (OLD.withdrawn_at IS NOT NULL
          OR (OLD.household_id, OLD.member_id, OLD.purpose, OLD.organisation_id, OLD.fields, OLD.channel,
              OLD.granted_at, OLD.expires_on)
          IS DISTINCT FROM (NEW.household_id, NEW.member_id, NEW.purpose, NEW.organisation_id, NEW.fields,
              NEW.channel, NEW.granted_at, NEW.expires_on))
    EXECUTE FUNCTION accounts_keep_consent();
"""
NOT_FROZEN = """
DROP TRIGGER accounts_consent_frozen ON accounts_consent; DROP FUNCTION accounts_keep_consent();
DROP TRIGGER accounts_team_frozen ON accounts_team; DROP TRIGGER accounts_post_frozen ON accounts_post;
DROP FUNCTION accounts_keep_post();
"""
KEPT = ("incumbency", "deputy", "teammember", "assignment", "consent", "invitation", "post", "team")


def _triggers() -> str:
    given = "".join(
        f"CREATE TRIGGER accounts_{t}_apart AFTER INSERT OR UPDATE ON accounts_{t}"
        " FOR EACH ROW EXECUTE FUNCTION accounts_hat_given();\n"
        for t in GIVEN
    )
    return given + "".join(
        f"CREATE TRIGGER accounts_{t}_vetted AFTER INSERT OR UPDATE OF vetted_by_id ON accounts_{t}"
        " FOR EACH ROW WHEN (NEW.vetted_by_id IS NOT NULL) EXECUTE FUNCTION accounts_is_vetted();\n"
        f"CREATE TRIGGER accounts_{t}_once BEFORE UPDATE OF state ON accounts_{t} FOR EACH ROW"
        " WHEN (OLD.state <> 'proposed' AND NEW.state <> OLD.state AND NEW.state <> 'ended')"
        " EXECUTE FUNCTION accounts_stays_refused();\n"
        for t in VETTED
    )


def _no_triggers() -> str:
    given = "".join(f"DROP TRIGGER accounts_{t}_apart ON accounts_{t};" for t in GIVEN)
    vetted = "".join(
        f"DROP TRIGGER accounts_{t}_vetted ON accounts_{t}; DROP TRIGGER accounts_{t}_once ON accounts_{t};"
        for t in VETTED
    )
    functions = "".join(
        f"DROP FUNCTION accounts_{name};"
        for name in ("stays_refused()", "is_vetted()", "hat_given()", "keep_apart(bigint)")
    )
    return given + vetted + functions


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_posts_teams_consents")]

    operations = [
        migrations.RunSQL(
            "UPDATE accounts_user SET password_changed_at = now()", migrations.RunSQL.noop, elidable=True
        ),
        migrations.RunSQL(VIEW, "DROP VIEW accounts_hat"),
        migrations.RunSQL(APART + _triggers(), _no_triggers()),
        migrations.RunSQL(FROZEN, NOT_FROZEN),
        *(
            migrations.RunSQL(
                f"REVOKE DELETE, TRUNCATE ON accounts_{table} FROM {APP}",
                f"GRANT DELETE ON accounts_{table} TO {APP}",
            )
            for table in KEPT
        ),
    ]
