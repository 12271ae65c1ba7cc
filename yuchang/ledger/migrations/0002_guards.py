"""What the database itself holds true about the book, whoever writes to it.

1. A transaction has at least two legs and they sum to zero: checked at commit, once per transaction row.
2. Legs come with their transaction: the same database transaction, one statement, balanced in itself.
   So no leg can be added to what is booked, nor after an early ``SET CONSTRAINTS ... IMMEDIATE``.
3. A leg carries the household and the place of its account.
4. A reversal mirrors its original exactly, and is itself never reversed.
5. Nothing is changed or removed.

Every name is qualified and the search path pinned, so that a temporary table cannot stand in for the book.
"""

from django.db import migrations

from yuchang.core.grants import APP, append_only

CHECK_TRANSACTIONS = """
CREATE FUNCTION ledger_check_new_transactions() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM added WHERE created_in <> txid_current()) THEN
        RAISE EXCEPTION 'a transaction must name the database transaction that creates it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transaction_created_in';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_transaction_created AFTER INSERT ON ledger_transaction
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_new_transactions();

CREATE FUNCTION ledger_check_balance() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    total numeric;
    legs bigint;
BEGIN
    SELECT sum(amount_fen), count(*) INTO total, legs FROM public.ledger_leg WHERE transaction_id = NEW.id;
    IF legs < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'transaction % has % legs that sum to % fen', NEW.id, legs, coalesce(total, 0)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transaction_balances';
    END IF;
    IF NEW.reverses_id IS NOT NULL THEN
        IF EXISTS (SELECT 1 FROM public.ledger_transaction
                   WHERE id = NEW.reverses_id AND reverses_id IS NOT NULL) THEN
            RAISE EXCEPTION 'transaction % would reverse a reversal', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_reversal_of_reversal';
        END IF;
        IF EXISTS (
            SELECT account_id, household_id, order_line_id, way
            FROM public.ledger_leg WHERE transaction_id IN (NEW.id, NEW.reverses_id)
            GROUP BY account_id, household_id, order_line_id, way, abs(amount_fen)
            HAVING sum(amount_fen) <> 0
                OR count(*) FILTER (WHERE transaction_id = NEW.id)
                <> count(*) FILTER (WHERE transaction_id = NEW.reverses_id)
        ) THEN
            RAISE EXCEPTION 'transaction % is not the mirror of %', NEW.id, NEW.reverses_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_reversal_mirrors';
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_transaction_balances AFTER INSERT ON ledger_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_balance();
"""

CHECK_LEGS = """
CREATE FUNCTION ledger_check_new_legs() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT a.transaction_id INTO wrong FROM added a
    JOIN public.ledger_transaction t ON t.id = a.transaction_id
    WHERE t.created_in <> txid_current() LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % is booked; a correction is a reversal', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_leg_with_transaction';
    END IF;
    SELECT n.transaction_id INTO wrong
    FROM (SELECT transaction_id, count(*) AS legs, sum(amount_fen) AS total
          FROM added GROUP BY transaction_id) n
    WHERE n.total <> 0
       OR n.legs <> (SELECT count(*) FROM public.ledger_leg l WHERE l.transaction_id = n.transaction_id)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the legs of transaction % must come in one statement and sum to zero', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_leg_one_statement';
    END IF;
    SELECT a.id INTO wrong FROM added a JOIN public.ledger_account o ON o.id = a.account_id
    WHERE a.household_id IS DISTINCT FROM o.household_id OR a.place_id <> o.place_id
       OR a.province_id IS DISTINCT FROM o.province_id OR a.prefecture_id IS DISTINCT FROM o.prefecture_id
       OR a.county_id IS DISTINCT FROM o.county_id OR a.township_id IS DISTINCT FROM o.township_id
       OR a.village_id IS DISTINCT FROM o.village_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'leg % does not carry the household and place of its account', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_leg_of_account';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_leg_added AFTER INSERT ON ledger_leg
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_new_legs();
"""

DROP = """
DROP TRIGGER ledger_leg_added ON ledger_leg;
DROP FUNCTION ledger_check_new_legs();
DROP TRIGGER ledger_transaction_balances ON ledger_transaction;
DROP FUNCTION ledger_check_balance();
DROP TRIGGER ledger_transaction_created ON ledger_transaction;
DROP FUNCTION ledger_check_new_transactions();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(CHECK_TRANSACTIONS + CHECK_LEGS, DROP),
        append_only("ledger_transaction"),
        append_only("ledger_leg"),
        append_only("ledger_account"),
        migrations.RunSQL(
            f"GRANT UPDATE (place_id, province_id, prefecture_id, county_id, township_id, village_id, name) "
            f"ON ledger_account TO {APP}",
            f"REVOKE UPDATE ON ledger_account FROM {APP}",
        ),
    ]
