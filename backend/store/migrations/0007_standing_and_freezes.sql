-- Standing approvals ---------------------------------------------------------------

-- An Admin's yes in advance to repairs of one declaration, as many in an hour, until it is ended:
-- by a person, or by MycoPod itself, where too many were needed or another tool undoes them.
CREATE TABLE standing_approvals (
    id             uuid PRIMARY KEY,
    declaration_id uuid NOT NULL REFERENCES declarations,
    user_id        uuid NOT NULL REFERENCES users,
    given_at       timestamptz NOT NULL,
    per_hour       integer NOT NULL CHECK (per_hour BETWEEN 1 AND 60),
    tried_at       timestamptz,
    ended_at       timestamptz CHECK (ended_at >= given_at),
    ended_by       uuid REFERENCES users,
    ended_why      text CHECK (char_length(ended_why) <= 4000),
    CHECK ((ended_at IS NULL) = (ended_why IS NULL)),
    CHECK (ended_by IS NULL OR ended_at IS NOT NULL)
);
CREATE UNIQUE INDEX standing_approvals_one ON standing_approvals (declaration_id) WHERE ended_at IS NULL;
CREATE INDEX standing_approvals_declaration ON standing_approvals (declaration_id, given_at);
CREATE FUNCTION standing_approvals_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
        OR (NEW.id, NEW.declaration_id, NEW.user_id, NEW.given_at, NEW.per_hour)
            IS DISTINCT FROM (OLD.id, OLD.declaration_id, OLD.user_id, OLD.given_at, OLD.per_hour) THEN
        RAISE EXCEPTION 'a standing approval is ended once and never changed otherwise'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER standing_approvals_ended_once BEFORE UPDATE ON standing_approvals
    FOR EACH ROW EXECUTE FUNCTION standing_approvals_end_once();
CREATE TRIGGER standing_approvals_kept BEFORE DELETE ON standing_approvals
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Whether each step takes effect at once and does no more than set something that exists back, or
-- starts a guest: all that a standing approval may cover.
CREATE FUNCTION plan_is_mild(plan jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_array_length(plan -> 'steps') > 0 AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(plan -> 'steps') AS step
        WHERE (step ->> 'effect' = 'live' AND step -> 'action'
               ?| ARRAY['update', 'resize', 'set_pool', 'set_ha', 'firewall', 'start', 'resume']) IS NOT TRUE)
$$;
ALTER TABLE plans ADD COLUMN mild boolean GENERATED ALWAYS AS (plan_is_mild(plan)) STORED, ADD UNIQUE (id, mild);

-- An approval by a standing one is of a mild plan and destroys nothing.
ALTER TABLE approvals
    ADD COLUMN standing_id uuid REFERENCES standing_approvals,
    ADD COLUMN mild        boolean,
    ADD FOREIGN KEY (plan_id, mild) REFERENCES plans (id, mild),
    ADD CONSTRAINT approvals_standing_mild CHECK (standing_id IS NULL OR (mild IS TRUE AND destroy = '{}'));
CREATE INDEX approvals_standing ON approvals (standing_id, at) WHERE standing_id IS NOT NULL;
-- It is of the standing one's own declaration, in the name of who gave that, while it stands, and not one too many.
CREATE FUNCTION approvals_by_standing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed integer;
BEGIN
    SELECT per_hour INTO allowed FROM standing_approvals s JOIN plans p ON p.declaration_id = s.declaration_id
    WHERE s.id = NEW.standing_id AND p.id = NEW.plan_id AND s.user_id = NEW.user_id AND s.ended_at IS NULL
    FOR UPDATE OF s;
    IF allowed IS NULL THEN
        RAISE EXCEPTION 'no standing approval covers this plan' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (SELECT count(*) FROM approvals WHERE standing_id = NEW.standing_id AND at > NEW.at - interval '1 hour')
        >= allowed THEN
        RAISE EXCEPTION 'the standing approval is used up for this hour' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_by_standing BEFORE INSERT ON approvals FOR EACH ROW
    WHEN (NEW.standing_id IS NOT NULL) EXECUTE FUNCTION approvals_by_standing();
CREATE OR REPLACE FUNCTION approvals_spend_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.spent_at IS NOT NULL OR NEW.spent_at IS NULL
        OR (NEW.plan_id, NEW.digest, NEW.user_id, NEW.at, NEW.destroy, NEW.standing_id, NEW.mild)
            IS DISTINCT FROM (OLD.plan_id, OLD.digest, OLD.user_id, OLD.at, OLD.destroy, OLD.standing_id, OLD.mild) THEN
        RAISE EXCEPTION 'an approval is spent once and never changed otherwise' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Freezes --------------------------------------------------------------------------

-- While one stands nothing is applied: on its cluster, or anywhere where it names none.
CREATE TABLE freezes (
    cluster_id uuid REFERENCES clusters,
    user_id    uuid NOT NULL REFERENCES users,
    at         timestamptz NOT NULL,
    why        text NOT NULL CHECK (char_length(why) BETWEEN 1 AND 500),
    CONSTRAINT freezes_one UNIQUE NULLS NOT DISTINCT (cluster_id)
);
