-- Many replicas --------------------------------------------------------------------

-- What is at work on each node is counted over all replicas. Of steps from before nobody
-- knows the node; they count for the cluster alone.
ALTER TABLE steps ADD COLUMN node text CHECK (char_length(node) BETWEEN 1 AND 64);
CREATE INDEX steps_at_work ON steps (reconciliation_id, node) WHERE state IN ('started', 'submitted');

-- The plans that stand promise memory, space and addresses that no other may promise.
CREATE INDEX declarations_standing ON declarations (cluster_id)
    WHERE status IN ('awaiting_approval', 'approved', 'applying');
