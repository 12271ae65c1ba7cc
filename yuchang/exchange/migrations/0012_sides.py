"""The sides of matches and agreements, kept by the database; indexes for lists and choices of own postings."""

from django.db import migrations, models
from django.db.models import Q

from yuchang.core.grants import APP

KEYS = ("province_id", "prefecture_id", "county_id", "township_id", "village_id")
OF_STAFF = Q(organisation_id__isnull=True)
ORDER = ["deal", "state", "deal_id"]
COPIED = ("organisation_id", *KEYS)
_LIST = ", ".join(COPIED)
# A plan made for a whole clearing's proposals is kept for the next single one: never one that reads the table.
SETTINGS = (
    "SET search_path = public SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off"
)
_OF_POSTING = ", ".join(f"p.{column}" for column in COPIED)


def _sides(deal: str, source: str) -> str:
    """Both sides of the deals of a source. Locks their postings, so that none is moved meanwhile."""
    return f"""
        INSERT INTO exchange_dealside (deal, deal_id, side, state, {_LIST})
        SELECT '{deal}', n.id, s.side, n.state, {_OF_POSTING}
        FROM {source} n CROSS JOIN LATERAL (VALUES ('offer', n.offer_id), ('need', n.need_id)) AS s(side, posting)
        JOIN exchange_posting p ON p.id = s.posting
    """  # noqa: S608 - names of this module only


def _kept(deal: str) -> str:
    table, name = f"exchange_{deal}", f"exchange_{deal}_sides"
    return f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
        BEGIN
            {_sides(deal, "new_rows")} ORDER BY p.id FOR SHARE OF p;
            RETURN NULL;
        END $$;
        CREATE FUNCTION {name}_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                DELETE FROM exchange_dealside WHERE deal = '{deal}' AND deal_id = OLD.id;
            ELSIF (NEW.offer_id, NEW.need_id) <> (OLD.offer_id, OLD.need_id) THEN
                RAISE EXCEPTION '{deal}s keep their postings'
                    USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';
            ELSE
                UPDATE exchange_dealside SET state = NEW.state WHERE deal = '{deal}' AND deal_id = NEW.id;
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER {name}_insert AFTER INSERT ON {table}
            REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION {name}();
        CREATE TRIGGER {name}_update AFTER UPDATE ON {table} FOR EACH ROW
            WHEN ((NEW.state, NEW.offer_id, NEW.need_id) <> (OLD.state, OLD.offer_id, OLD.need_id))
            EXECUTE FUNCTION {name}_changed();
        CREATE TRIGGER {name}_delete AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}_changed();
        {_sides(deal, table)};
    """  # noqa: S608 - names of this module only


def _dropped(deal: str) -> str:
    table, name = f"exchange_{deal}", f"exchange_{deal}_sides"
    triggers = "".join(f"DROP TRIGGER {name}_{of} ON {table};" for of in ("insert", "update", "delete"))
    return f"{triggers} DROP FUNCTION {name}(); DROP FUNCTION {name}_changed();"


_MOVED = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in COPIED)
_NEW = ", ".join(f"{column} = NEW.{column}" for column in COPIED)
_FOLLOW = "".join(
    f"""
    UPDATE exchange_dealside s SET {_NEW} FROM exchange_{deal} d WHERE s.deal = '{deal}' AND s.deal_id = d.id
        AND (d.offer_id = NEW.id AND s.side = 'offer' OR d.need_id = NEW.id AND s.side = 'need');
    """  # noqa: S608 - names of this module only
    for deal in ("match", "agreement")
)
FOLLOW_POSTINGS = f"""
CREATE FUNCTION exchange_posting_sides() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
BEGIN
    {_FOLLOW}
    RETURN NULL;
END $$;
CREATE TRIGGER exchange_posting_sides AFTER UPDATE ON exchange_posting
    FOR EACH ROW WHEN ({_MOVED}) EXECUTE FUNCTION exchange_posting_sides();
"""
FORGET_POSTINGS = """
DROP TRIGGER exchange_posting_sides ON exchange_posting; DROP FUNCTION exchange_posting_sides();
"""


def _index(of: str, name: str, *fields: str, where: Q | None = None) -> migrations.AddIndex:
    index = models.Index(fields=[of, *fields], name=f"exchange_posting_{name}", condition=where)
    return migrations.AddIndex(model_name="posting", index=index)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0011_posting_changes"), ("core", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="DealSide",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "deal",
                    models.CharField(choices=[("match", "match"), ("agreement", "agreement")], max_length=10),
                ),
                ("deal_id", models.BigIntegerField()),
                ("side", models.CharField(choices=[("offer", "供方"), ("need", "需方")], max_length=10)),
                ("state", models.CharField(max_length=20)),
                *((column, models.BigIntegerField(null=True)) for column in COPIED),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("deal", "deal_id", "side"), name="exchange_dealside_once"
                    ),
                ],
                "indexes": [
                    models.Index(
                        fields=["organisation_id", *ORDER],
                        condition=Q(organisation_id__isnull=False),
                        name="exchange_side_organisation",
                    ),
                    models.Index(fields=ORDER, condition=OF_STAFF, name="exchange_side_nation"),
                    *(
                        models.Index(
                            fields=[key, *ORDER],
                            condition=OF_STAFF,
                            name=f"exchange_side_{key.removesuffix('_id')}",
                        )
                        for key in KEYS
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON exchange_dealside FROM {APP}",
            f"GRANT INSERT, UPDATE, DELETE ON exchange_dealside TO {APP}",
        ),
        *(migrations.RunSQL(_kept(deal), _dropped(deal)) for deal in ("match", "agreement")),
        migrations.RunSQL(FOLLOW_POSTINGS, FORGET_POSTINGS),
        _index("organisation", "org_state", "state", "direction", "id"),
        _index("county_id", "county_state", "state", "direction", "id", where=Q(organisation__isnull=True)),
        _index("organisation", "org_open", "category", "direction", "id", where=Q(state="open")),
        *(
            _index(
                f"{of}_id",
                f"{of}_open",
                *("category", "direction", "id"),
                where=Q(state="open", organisation__isnull=True),
            )
            for of in ("county", "township", "village")
        ),
    ]
