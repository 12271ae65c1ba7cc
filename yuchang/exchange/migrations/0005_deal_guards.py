"""What the database itself refuses about deals: more delivered than agreed, a party judging its own dispute."""

from __future__ import annotations

from django.db import migrations

from yuchang.core.grants import APP, append_only

KEPT = (
    "exchange_dealmember, exchange_dealtask, exchange_milestone, exchange_delivery, exchange_dispute,"
    " exchange_review"
)

# As 0002_guards had it, with what deliveries and closing may change of an agreement that holds.
FREEZE_AGREEMENT = """
CREATE OR REPLACE FUNCTION exchange_freeze_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moving text[] := ARRAY['state','version','updated_at'];
BEGIN
    IF OLD.state NOT IN ('agreed', 'fulfilled', 'refused', 'closed') THEN
        RETURN NEW;
    END IF;
    IF OLD.state = 'agreed' THEN
        moving := moving || ARRAY['fulfilled','closing_side','closing_reason','closing_by_id','closing_at',
                                  'closed_by_id','closed_at'];
    END IF;
    IF (to_jsonb(NEW) - moving) IS DISTINCT FROM (to_jsonb(OLD) - moving)
       OR NEW.fulfilled < OLD.fulfilled
       OR (NEW.state <> OLD.state
           AND NOT (OLD.state = 'agreed' AND NEW.state IN ('fulfilled', 'closed'))) THEN
        RAISE EXCEPTION 'agreement % holds and never changes', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_agreement_frozen';
    END IF;
    IF NEW.state IN ('fulfilled', 'closed') AND OLD.state = 'agreed' AND EXISTS (
        SELECT 1 FROM exchange_dispute WHERE agreement_id = NEW.id AND state IN ('open', 'answered')) THEN
        RAISE EXCEPTION 'agreement % has an open dispute', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_agreement_disputed';
    END IF;
    RETURN NEW;
END $$;
"""

# What a posting holds: the quantity of what is agreed, of what was closed short only what was delivered.
SUMS = """
CREATE OR REPLACE FUNCTION exchange_check_agreed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one bigint; held bigint; came bigint;
BEGIN
    FOREACH one IN ARRAY ARRAY[NEW.offer_id, NEW.need_id] LOOP
        SELECT coalesce(sum(CASE WHEN state = 'closed' THEN fulfilled ELSE quantity END), 0),
               coalesce(sum(fulfilled), 0)
        INTO held, came FROM exchange_agreement
        WHERE (offer_id = one OR need_id = one) AND state IN ('agreed', 'fulfilled', 'closed');
        IF EXISTS (SELECT 1 FROM exchange_posting
                   WHERE id = one AND (agreed_quantity <> held OR fulfilled <> came)) THEN
            RAISE EXCEPTION 'the agreements of posting % do not sum to what it holds', one
                USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_agreed_quantity_sums';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
DROP TRIGGER exchange_agreement_sums ON exchange_agreement;
CREATE CONSTRAINT TRIGGER exchange_agreement_sums AFTER INSERT OR UPDATE ON exchange_agreement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state IN ('agreed', 'fulfilled', 'closed'))
    EXECUTE FUNCTION exchange_check_agreed();

CREATE FUNCTION exchange_check_delivered() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE one bigint; came bigint;
BEGIN
    IF TG_TABLE_NAME = 'exchange_delivery' THEN one := NEW.agreement_id; ELSE one := NEW.id; END IF;
    SELECT coalesce(sum(accepted), 0) INTO came FROM exchange_delivery WHERE agreement_id = one;
    IF EXISTS (SELECT 1 FROM exchange_agreement WHERE id = one AND fulfilled <> came) THEN
        RAISE EXCEPTION 'the deliveries of agreement % do not sum to what is fulfilled', one
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_delivery_sums';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER exchange_delivery_sums AFTER INSERT OR UPDATE ON exchange_delivery
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION exchange_check_delivered();
CREATE CONSTRAINT TRIGGER exchange_agreement_delivered AFTER UPDATE OF fulfilled ON exchange_agreement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION exchange_check_delivered();
"""

FREEZE_DELIVERY = """
CREATE FUNCTION exchange_freeze_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'recorded' AND (
       (to_jsonb(NEW) - ARRAY['accepted','version','updated_at'])
         IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['accepted','version','updated_at'])
       OR NEW.accepted < OLD.accepted) THEN
        RAISE EXCEPTION 'delivery % is judged', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_delivery_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_delivery_frozen BEFORE UPDATE ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_freeze_delivery();
"""

MILESTONES = """
CREATE FUNCTION exchange_check_milestones() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE most bigint; units bigint; share bigint;
BEGIN
    SELECT quantity INTO most FROM exchange_agreement WHERE id = NEW.agreement_id FOR UPDATE;
    SELECT coalesce(sum(quantity), 0), coalesce(sum(share_bp), 0) INTO units, share
    FROM exchange_milestone WHERE agreement_id = NEW.agreement_id AND state = 'agreed';
    IF units > most OR share > 10000 THEN
        RAISE EXCEPTION 'the milestones of agreement % promise more than is agreed', NEW.agreement_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_milestone_sums';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION exchange_freeze_milestone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'proposed' AND
       (to_jsonb(NEW) - ARRAY['met_by_id','met_at','version','updated_at'])
         IS DISTINCT FROM (to_jsonb(OLD) - ARRAY['met_by_id','met_at','version','updated_at']) THEN
        RAISE EXCEPTION 'milestone % is answered', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_milestone_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_milestone_frozen BEFORE UPDATE ON exchange_milestone
    FOR EACH ROW EXECUTE FUNCTION exchange_freeze_milestone();
CREATE TRIGGER exchange_milestone_sums AFTER INSERT OR UPDATE ON exchange_milestone
    FOR EACH ROW WHEN (NEW.state = 'agreed') EXECUTE FUNCTION exchange_check_milestones();
"""

# A dispute waits for whoever is closing the agreement, and the other way round.
DISPUTES = """
CREATE FUNCTION exchange_check_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE deal exchange_agreement;
BEGIN
    SELECT * INTO deal FROM exchange_agreement WHERE id = NEW.agreement_id FOR UPDATE;
    IF TG_OP = 'INSERT' AND deal.state NOT IN ('agreed', 'fulfilled') THEN
        RAISE EXCEPTION 'agreement % cannot be disputed', NEW.agreement_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_dispute_state';
    END IF;
    IF NEW.decided_by_id IS NOT NULL AND (
       NEW.decided_by_id IN (deal.offer_yes_by_id, deal.need_yes_by_id)
       OR EXISTS (SELECT 1 FROM exchange_delivery WHERE agreement_id = NEW.agreement_id
                  AND NEW.decided_by_id IN (recorded_by_id, judged_by_id))
       OR EXISTS (SELECT 1 FROM exchange_dealmember WHERE agreement_id = NEW.agreement_id
                  AND user_id = NEW.decided_by_id)) THEN
        RAISE EXCEPTION 'a party of agreement % cannot decide its dispute', NEW.agreement_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_dispute_not_a_party';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state IN ('decided', 'withdrawn') THEN
        RAISE EXCEPTION 'dispute % has ended', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_dispute_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_dispute_rules BEFORE INSERT OR UPDATE ON exchange_dispute
    FOR EACH ROW EXECUTE FUNCTION exchange_check_dispute();
"""

REVIEWS = """
CREATE FUNCTION exchange_check_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT EXISTS (
        SELECT 1 FROM exchange_agreement WHERE id = NEW.agreement_id AND fulfilled > 0) THEN
        RAISE EXCEPTION 'agreement % has no accepted delivery to review', NEW.agreement_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_review_of_delivered';
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.answer <> '' OR
       (to_jsonb(NEW) - ARRAY['answer','answered_by_id','answered_at','version','updated_at'])
         IS DISTINCT FROM
       (to_jsonb(OLD) - ARRAY['answer','answered_by_id','answered_at','version','updated_at'])) THEN
        RAISE EXCEPTION 'review % is written once and answered once', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exchange_review_frozen';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER exchange_review_rules BEFORE INSERT OR UPDATE ON exchange_review
    FOR EACH ROW EXECUTE FUNCTION exchange_check_review();
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0004_deals")]

    operations = [
        append_only("exchange_paper"),
        migrations.RunSQL(f"REVOKE DELETE ON {KEPT} FROM {APP}", f"GRANT DELETE ON {KEPT} TO {APP}"),
        *(
            migrations.RunSQL(sql)
            for sql in (
                FREEZE_AGREEMENT,
                SUMS,
                FREEZE_DELIVERY,
                MILESTONES,
                DISPUTES,
                REVIEWS,
            )
        ),
    ]
