-- Many replicas --------------------------------------------------------------------

-- What is at work on each node is counted over all replicas. Of steps from before nobody
-- knows the node; they count for the cluster alone.
ALTER TABLE steps ADD COLUMN node text CHECK (char_length(node) BETWEEN 1 AND 64);
CREATE INDEX steps_at_work ON steps (reconciliation_id, node) WHERE state IN ('started', 'submitted');

-- The plans that stand promise memory, space and addresses that no other may promise.
CREATE INDEX declarations_standing ON declarations (cluster_id)
    WHERE status IN ('awaiting_approval', 'approved', 'applying');

-- Which database this is: the server's and its own number change when a dump is restored,
-- and the generation grows when somebody notices that it is older than it was. What was
-- being carried out then is never gone on with: Proxmox may have it, and more, already.
CREATE TABLE incarnation (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    system     text NOT NULL,
    database   bigint NOT NULL,
    generation bigint NOT NULL CHECK (generation > 0),
    since      timestamptz NOT NULL
);
CREATE TRIGGER incarnation_kept BEFORE DELETE ON incarnation FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE reconciliations ADD COLUMN restored boolean NOT NULL DEFAULT false;
