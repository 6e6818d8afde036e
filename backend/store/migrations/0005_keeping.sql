-- Keeping it so --------------------------------------------------------------------

-- What somebody decided about an owned field that had drifted: that the value which was seen
-- is the declared one from now on, or that the field is nobody's any more. A row of an ignored
-- field stays, so that its declaration does not take the field back.
ALTER TABLE owned_fields
    ADD COLUMN decided    text CHECK (decided IN ('accepted', 'ignored')),
    ADD COLUMN decided_by uuid REFERENCES users,
    ADD COLUMN decided_at timestamptz,
    ADD CHECK ((decided IS NULL) = (decided_by IS NULL)),
    ADD CHECK ((decided IS NULL) = (decided_at IS NULL));

-- `cause` is Proxmox's task, or that it shows none; nothing where it was not asked yet.
ALTER TABLE drift
    ADD COLUMN cause         text CHECK (char_length(cause) <= 400 AND (cause = 'unrecorded' OR cause LIKE 'UPID:%')),
    ADD COLUMN looping       boolean NOT NULL DEFAULT false,
    ADD COLUMN snoozed_until timestamptz,
    ADD COLUMN snoozed_by    uuid REFERENCES users,
    ADD CHECK ((snoozed_until IS NULL) = (snoozed_by IS NULL));

-- Drift that a plan of ours set right, for as long as it tells a loop: by what it was undone
-- before, and how often.
CREATE TABLE repairs (
    resource_id uuid NOT NULL REFERENCES resources ON DELETE CASCADE,
    field       text NOT NULL CHECK (char_length(field) BETWEEN 1 AND 64),
    observed    jsonb,
    cause       text,
    since       timestamptz NOT NULL,
    at          timestamptz NOT NULL CHECK (at >= since),
    PRIMARY KEY (resource_id, field, at)
);

-- The last look at each guest that is kept. `listed` is what the cluster's list said of it then;
-- another word there is a reason to look at once.
CREATE TABLE checks (
    resource_id uuid PRIMARY KEY REFERENCES resources ON DELETE CASCADE,
    listed      jsonb,
    tried_at    timestamptz NOT NULL,
    seen_at     timestamptz,
    clean_at    timestamptz CHECK (clean_at <= seen_at)
);

-- When each cluster was last swept: of several replicas one does it.
CREATE TABLE sweeps (
    cluster_id uuid PRIMARY KEY REFERENCES clusters,
    at         timestamptz NOT NULL
);
