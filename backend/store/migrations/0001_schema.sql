-- The words are those of the code: a CHECK, a foreign key or a unique index stands
-- beside every rule that a type states.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is immutable: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

-- People ---------------------------------------------------------------------------

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    role          text NOT NULL CHECK (role IN ('Admin', 'User')),
    approved      boolean NOT NULL,
    created_at    timestamptz NOT NULL,
    last_login_at timestamptz,
    CONSTRAINT users_email_unique UNIQUE (email),
    CONSTRAINT users_email_form CHECK (
        char_length(email) BETWEEN 3 AND 254 AND email LIKE '_%@%_' AND email !~ '[A-Z[:space:][:cntrl:]]')
);

-- Tokens themselves are never stored, only their SHA-256.
CREATE TABLE refresh_tokens (
    token_hash  bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    family      uuid NOT NULL,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL CHECK (expires_at > created_at),
    replaced_at timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE login_failures (
    subject  text PRIMARY KEY CHECK (char_length(subject) BETWEEN 1 AND 400),
    failures integer NOT NULL CHECK (failures > 0),
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL CHECK (last_at >= first_at)
);
CREATE INDEX login_failures_last ON login_failures (last_at);

-- From text to plan ----------------------------------------------------------------

CREATE TABLE declarations (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users,
    content       text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 4000),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    status        text NOT NULL CHECK (status IN (
        'reading', 'needs_answer', 'refused', 'awaiting_approval', 'approved', 'applying', 'converged', 'blocked',
        'failed', 'cancelled', 'superseded', 'stale')),
    status_reason text CHECK (char_length(status_reason) <= 4000),
    reader        text CHECK (char_length(reader) BETWEEN 1 AND 200),
    reading       jsonb,
    intent        jsonb,
    plan_id       bigint,
    CHECK ((reading IS NULL) = (reader IS NULL)),
    CHECK (status NOT IN ('awaiting_approval', 'approved', 'applying', 'stale') OR plan_id IS NOT NULL)
);
CREATE INDEX declarations_user ON declarations (user_id, id);
CREATE INDEX declarations_waiting ON declarations (status, updated_at) WHERE status IN ('reading', 'approved');

CREATE TABLE answers (
    declaration_id uuid NOT NULL REFERENCES declarations,
    question       text NOT NULL CHECK (char_length(question) BETWEEN 1 AND 200),
    answer         text NOT NULL CHECK (char_length(answer) BETWEEN 1 AND 1000),
    user_id        uuid NOT NULL REFERENCES users,
    at             timestamptz NOT NULL,
    PRIMARY KEY (declaration_id, question)
);

CREATE TABLE plans (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    declaration_id uuid NOT NULL REFERENCES declarations,
    digest         text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    plan           jsonb NOT NULL,
    creates        integer NOT NULL CHECK (creates >= 0),
    updates        integer NOT NULL CHECK (updates >= 0),
    destroys       integer NOT NULL CHECK (destroys >= 0),
    created_at     timestamptz NOT NULL,
    UNIQUE (id, declaration_id),
    UNIQUE (id, digest),
    CHECK (plan ->> 'digest' = digest),
    CHECK (plan ->> 'declaration' = declaration_id::text)
);
CREATE INDEX plans_declaration ON plans (declaration_id);
CREATE TRIGGER plans_immutable BEFORE UPDATE OR DELETE ON plans FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER plans_untruncated BEFORE TRUNCATE ON plans EXECUTE FUNCTION refuse_change();

-- A declaration's current plan is one of its own.
ALTER TABLE declarations ADD FOREIGN KEY (plan_id, id) REFERENCES plans (id, declaration_id);

CREATE TABLE approvals (
    plan_id  bigint PRIMARY KEY,
    digest   text NOT NULL,
    user_id  uuid NOT NULL REFERENCES users,
    at       timestamptz NOT NULL,
    destroy  text[] NOT NULL,
    spent_at timestamptz,
    FOREIGN KEY (plan_id, digest) REFERENCES plans (id, digest)
);
CREATE FUNCTION approvals_spend_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.spent_at IS NOT NULL OR NEW.spent_at IS NULL
        OR (NEW.plan_id, NEW.digest, NEW.user_id, NEW.at, NEW.destroy)
            IS DISTINCT FROM (OLD.plan_id, OLD.digest, OLD.user_id, OLD.at, OLD.destroy) THEN
        RAISE EXCEPTION 'an approval is spent once and never changed otherwise' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_spent_once BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION approvals_spend_once();
CREATE TRIGGER approvals_kept BEFORE DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approvals_untruncated BEFORE TRUNCATE ON approvals EXECUTE FUNCTION refuse_change();

-- The ledger -----------------------------------------------------------------------

-- Declarations and reconciliations are worked on under a lease. The fence grows with
-- every claim; whoever writes with an older one has lost the lease.
CREATE TABLE leases (
    work_id     uuid PRIMARY KEY,
    fence       bigint NOT NULL DEFAULT 0 CHECK (fence >= 0),
    worker      text CHECK (char_length(worker) BETWEEN 1 AND 200),
    lease_until timestamptz,
    CHECK ((worker IS NULL) = (lease_until IS NULL))
);
CREATE FUNCTION leases_fence_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.fence < OLD.fence THEN
        RAISE EXCEPTION 'a fence only grows' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER leases_fence_grows BEFORE UPDATE ON leases FOR EACH ROW EXECUTE FUNCTION leases_fence_grows();
CREATE TRIGGER leases_kept BEFORE DELETE ON leases FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE reconciliations (
    id                  uuid PRIMARY KEY,
    declaration_id      uuid NOT NULL REFERENCES declarations,
    plan_id             bigint NOT NULL REFERENCES approvals,
    status              text NOT NULL CHECK (status IN (
        'applying', 'converged', 'blocked', 'failed', 'stale', 'cancelled')),
    reason              text CHECK (char_length(reason) <= 4000),
    details             jsonb NOT NULL DEFAULT '{}',
    "timestamp"         timestamptz NOT NULL,
    cancel_requested_at timestamptz,
    finished_at         timestamptz,
    CONSTRAINT reconciliations_one_a_plan UNIQUE (plan_id),
    FOREIGN KEY (plan_id, declaration_id) REFERENCES plans (id, declaration_id),
    CHECK ((status = 'applying') = (finished_at IS NULL))
);
CREATE INDEX reconciliations_declaration ON reconciliations (declaration_id, "timestamp");
CREATE UNIQUE INDEX reconciliations_one_applying ON reconciliations (declaration_id) WHERE status = 'applying';

CREATE TABLE steps (
    reconciliation_id uuid NOT NULL REFERENCES reconciliations,
    seq               integer NOT NULL CHECK (seq > 0),
    resource_id       uuid NOT NULL,
    state             text NOT NULL CHECK (state IN (
        'pending', 'started', 'submitted', 'done', 'failed', 'blocked', 'skipped')),
    fence             bigint NOT NULL DEFAULT 0,
    attempts          integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    baseline          jsonb,
    upid              text CHECK (char_length(upid) <= 400),
    error             text CHECK (char_length(error) <= 4000),
    digest            text CHECK (char_length(digest) <= 64),
    started_at        timestamptz,
    submitted_at      timestamptz,
    finished_at       timestamptz,
    PRIMARY KEY (reconciliation_id, seq),
    CHECK ((state IN ('pending', 'skipped')) = (started_at IS NULL)),
    CHECK ((started_at IS NULL) = (baseline IS NULL)),
    CHECK ((upid IS NULL) = (submitted_at IS NULL)),
    CHECK (state <> 'submitted' OR upid IS NOT NULL),
    CHECK ((state IN ('done', 'failed', 'blocked', 'skipped')) = (finished_at IS NOT NULL))
);
CREATE INDEX steps_resource ON steps (resource_id);

-- What is ours ---------------------------------------------------------------------

CREATE TABLE resources (
    id             uuid PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('qemu', 'lxc')),
    vmid           integer NOT NULL CHECK (vmid BETWEEN 100 AND 999999999),
    node           text NOT NULL CHECK (char_length(node) BETWEEN 1 AND 64),
    name           text NOT NULL CHECK (char_length(name) <= 255),
    declaration_id uuid NOT NULL REFERENCES declarations,
    smbios_uuid    text CHECK (char_length(smbios_uuid) <= 64),
    state          text NOT NULL CHECK (state IN ('reserved', 'present', 'gone')),
    created_at     timestamptz NOT NULL,
    gone_at        timestamptz,
    CHECK ((state = 'gone') = (gone_at IS NOT NULL))
);
CREATE UNIQUE INDEX resources_vmid_unique ON resources (vmid) WHERE state <> 'gone';
CREATE INDEX resources_declaration ON resources (declaration_id);

CREATE TABLE owned_fields (
    resource_id    uuid NOT NULL REFERENCES resources ON DELETE CASCADE,
    field          text NOT NULL CHECK (char_length(field) BETWEEN 1 AND 64),
    value          jsonb NOT NULL,
    declaration_id uuid NOT NULL REFERENCES declarations,
    at             timestamptz NOT NULL,
    PRIMARY KEY (resource_id, field)
);
CREATE INDEX owned_fields_declaration ON owned_fields (declaration_id);

CREATE TABLE drift (
    resource_id uuid NOT NULL,
    field       text NOT NULL,
    declared    jsonb NOT NULL,
    observed    jsonb,
    since       timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL CHECK (seen_at >= since),
    PRIMARY KEY (resource_id, field),
    FOREIGN KEY (resource_id, field) REFERENCES owned_fields ON DELETE CASCADE
);

-- The last look at each cluster.
CREATE TABLE observations (
    cluster text PRIMARY KEY CHECK (char_length(cluster) BETWEEN 1 AND 200),
    data    jsonb NOT NULL,
    at      timestamptz NOT NULL
);

-- The audit log --------------------------------------------------------------------

-- `entry` is the only copy of what an entry says, and exactly what was hashed. The
-- other columns are computed from it, so that they cannot say anything else.
CREATE TABLE audit_entries (
    seq            bigint PRIMARY KEY CHECK (seq > 0),
    entry          text NOT NULL CHECK (octet_length(entry) <= 65536),
    leaf_hash      bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    kind           text NOT NULL GENERATED ALWAYS AS (entry::jsonb ->> 'kind') STORED
                   CHECK (kind ~ '^[a-z]+\.[a-z_]+$'),
    subject        text NOT NULL GENERATED ALWAYS AS (entry::jsonb ->> 'subject') STORED,
    actor_id       uuid GENERATED ALWAYS AS ((entry::jsonb #>> '{actor,id}')::uuid) STORED,
    declaration_id uuid GENERATED ALWAYS AS ((entry::jsonb ->> 'declaration')::uuid) STORED
                   REFERENCES declarations,
    CHECK ((entry::jsonb ->> 'seq')::bigint = seq)
);
CREATE INDEX audit_entries_declaration ON audit_entries (declaration_id, seq);
CREATE INDEX audit_entries_actor ON audit_entries (actor_id, seq);
CREATE INDEX audit_entries_user ON audit_entries (subject, seq) WHERE kind LIKE 'user.%';
CREATE TRIGGER audit_entries_immutable BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_untruncated BEFORE TRUNCATE ON audit_entries EXECUTE FUNCTION refuse_change();

-- One row: the Merkle tree's right edge. Whoever appends locks it.
CREATE TABLE audit_head (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    size  bigint NOT NULL CHECK (size >= 0),
    peaks bytea[] NOT NULL,
    CHECK (cardinality(peaks) = bit_count(size::bit(64)))
);
INSERT INTO audit_head (size, peaks) VALUES (0, '{}');
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_untruncated BEFORE TRUNCATE ON audit_head EXECUTE FUNCTION refuse_change();

-- `time` is text because its exact bytes are signed.
CREATE TABLE audit_checkpoints (
    size       bigint NOT NULL CHECK (size >= 0),
    public_key text NOT NULL CHECK (public_key ~ '^[0-9a-f]{64}$'),
    origin     text NOT NULL CHECK (char_length(origin) BETWEEN 1 AND 200),
    root       bytea NOT NULL CHECK (octet_length(root) = 32),
    time       text NOT NULL CHECK (char_length(time) BETWEEN 20 AND 40),
    signature  text NOT NULL CHECK (signature ~ '^[0-9a-f]{128}$'),
    PRIMARY KEY (size, public_key)
);
CREATE TRIGGER audit_checkpoints_immutable BEFORE UPDATE OR DELETE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_untruncated BEFORE TRUNCATE ON audit_checkpoints EXECUTE FUNCTION refuse_change();
