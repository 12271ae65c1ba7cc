"""What the database itself holds true about orders, whoever writes.

``committed`` of an offer and ``sold`` of a lot are sums kept by triggers that run as the owner; the
application's role has no right to write them, and what an offer pays is frozen when it is made.
Together with the check constraints: sold <= cap <= what households committed, and what is sold of a lot
never exceeds its harvest less the declared loss. Payments, allocations and settlements are append-only.
"""

from django.db import migrations

from yuchang.core.grants import APP, append_only

SUMS = """
CREATE FUNCTION market_sum_commitments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE public.market_offer o SET committed = o.committed + d.quantity
        FROM (SELECT offer_id, sum(quantity) AS quantity FROM added GROUP BY 1 ORDER BY 1) d
        WHERE o.id = d.offer_id;
    ELSIF TG_OP = 'DELETE' THEN
        UPDATE public.market_offer o SET committed = o.committed - d.quantity
        FROM (SELECT offer_id, sum(quantity) AS quantity FROM removed GROUP BY 1 ORDER BY 1) d
        WHERE o.id = d.offer_id;
    ELSE
        UPDATE public.market_offer o SET committed = o.committed + d.quantity
        FROM (SELECT offer_id, sum(quantity) AS quantity
              FROM (SELECT offer_id, quantity FROM added
                    UNION ALL SELECT offer_id, -quantity FROM removed) b GROUP BY 1 ORDER BY 1) d
        WHERE o.id = d.offer_id AND d.quantity <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER market_commitment_added AFTER INSERT ON market_commitment
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION market_sum_commitments();
CREATE TRIGGER market_commitment_changed AFTER UPDATE ON market_commitment
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION market_sum_commitments();
CREATE TRIGGER market_commitment_removed AFTER DELETE ON market_commitment
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION market_sum_commitments();

CREATE FUNCTION market_sum_allocations() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added a JOIN public.market_lot l ON l.id = a.lot_id
               JOIN public.market_orderline n ON n.id = a.line_id
               WHERE l.household_id <> a.household_id OR l.offer_id <> n.offer_id) THEN
        RAISE EXCEPTION 'an allocation names a lot of another household or offer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'market_allocation_of_lot';
    END IF;
    UPDATE public.market_lot l SET sold = l.sold + d.quantity
    FROM (SELECT lot_id, sum(quantity) AS quantity FROM added GROUP BY 1 ORDER BY 1) d WHERE l.id = d.lot_id;
    RETURN NULL;
END $$;
CREATE TRIGGER market_allocation_added AFTER INSERT ON market_allocation
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION market_sum_allocations();
"""

KEPT = f"""
CREATE FUNCTION market_refuse_direct_sum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this sum is kept by its parts and cannot be written'
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;
CREATE TRIGGER market_offer_starts_empty BEFORE INSERT ON market_offer FOR EACH ROW
    WHEN (NEW.committed <> 0) EXECUTE FUNCTION market_refuse_direct_sum();
CREATE TRIGGER market_lot_starts_unsold BEFORE INSERT ON market_lot FOR EACH ROW
    WHEN (NEW.sold <> 0) EXECUTE FUNCTION market_refuse_direct_sum();
REVOKE UPDATE ON market_offer, market_lot FROM {APP};
GRANT UPDATE (version, updated_at, title, state, cap, sold, buyer_limit) ON market_offer TO {APP};
GRANT UPDATE (lost) ON market_lot TO {APP};
"""

DROP = f"""
GRANT UPDATE ON market_offer, market_lot TO {APP};
DROP TRIGGER market_lot_starts_unsold ON market_lot;
DROP TRIGGER market_offer_starts_empty ON market_offer;
DROP FUNCTION market_refuse_direct_sum();
DROP TRIGGER market_allocation_added ON market_allocation;
DROP FUNCTION market_sum_allocations();
DROP TRIGGER market_commitment_removed ON market_commitment;
DROP TRIGGER market_commitment_changed ON market_commitment;
DROP TRIGGER market_commitment_added ON market_commitment;
DROP FUNCTION market_sum_commitments();
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0001_initial")]

    operations = [
        migrations.RunSQL(SUMS + KEPT, DROP),
        append_only("market_payment"),
        append_only("market_allocation"),
        append_only("market_settlement"),
    ]
