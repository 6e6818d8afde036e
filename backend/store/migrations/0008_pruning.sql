-- Pruning --------------------------------------------------------------------------

-- The ledger of a declaration may go once that has ended for good, nothing of it is owned or under
-- way, and it was written to an archive, of which the digest stays. The declaration itself stays,
-- and so does every entry of the audit log. There is no other way to a deletion.
CREATE TABLE prunings (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users,
    at           timestamptz NOT NULL,
    before       timestamptz NOT NULL CHECK (before <= at),
    declarations integer NOT NULL CHECK (declarations > 0),
    sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
CREATE TRIGGER prunings_immutable BEFORE UPDATE OR DELETE ON prunings FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE declarations
    ADD COLUMN pruned_by uuid REFERENCES prunings,
    ADD CHECK (pruned_by IS NULL OR (status IN ('refused', 'cancelled', 'superseded')
                                     AND plan_id IS NULL AND reading IS NULL AND intent IS NULL));
CREATE INDEX declarations_prunable ON declarations (updated_at)
    WHERE pruned_by IS NULL AND status IN ('refused', 'cancelled', 'superseded');
CREATE FUNCTION declarations_pruned_once_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.pruned_by IS NOT NULL
        OR NEW.updated_at >= (SELECT before FROM prunings WHERE id = NEW.pruned_by)
        OR EXISTS (SELECT FROM owned_fields WHERE declaration_id = NEW.id)
        OR EXISTS (SELECT FROM resources WHERE declaration_id = NEW.id AND state = 'reserved')
        OR EXISTS (SELECT FROM reconciliations WHERE declaration_id = NEW.id AND status = 'applying') THEN
        RAISE EXCEPTION 'what is owned, under way or newer is not pruned' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER declarations_pruned_once_ended BEFORE UPDATE ON declarations FOR EACH ROW
    WHEN (OLD.pruned_by IS DISTINCT FROM NEW.pruned_by) EXECUTE FUNCTION declarations_pruned_once_ended();
CREATE TRIGGER declarations_kept BEFORE DELETE ON declarations FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Whose row it is that shall go: by its own column, its plan, its reconciliation, or its work.
CREATE FUNCTION refuse_unless_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of uuid;
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'plans', 'reconciliations' THEN of := OLD.declaration_id;
        WHEN 'approvals' THEN SELECT declaration_id INTO of FROM plans WHERE id = OLD.plan_id;
        WHEN 'steps' THEN SELECT declaration_id INTO of FROM reconciliations WHERE id = OLD.reconciliation_id;
        WHEN 'leases' THEN
            SELECT coalesce((SELECT declaration_id FROM reconciliations WHERE id = OLD.work_id), OLD.work_id) INTO of;
    END CASE;
    IF NOT EXISTS (SELECT FROM declarations WHERE id = of AND pruned_by IS NOT NULL) THEN
        RAISE EXCEPTION '% is kept: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
DROP TRIGGER plans_immutable ON plans;
DROP TRIGGER approvals_kept ON approvals;
DROP TRIGGER leases_kept ON leases;
CREATE TRIGGER plans_immutable BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER plans_kept BEFORE DELETE ON plans FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();
CREATE TRIGGER approvals_kept BEFORE DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();
CREATE TRIGGER leases_kept BEFORE DELETE ON leases FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();
CREATE TRIGGER reconciliations_kept BEFORE DELETE ON reconciliations
    FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();
CREATE TRIGGER steps_kept BEFORE DELETE ON steps FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();
