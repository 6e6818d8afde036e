-- Generated from backend/store/migrations; `make schema` or the schema test says how.

CREATE FUNCTION approvals_by_standing() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION approvals_spend_once() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.spent_at IS NOT NULL OR NEW.spent_at IS NULL
        OR (NEW.plan_id, NEW.digest, NEW.user_id, NEW.at, NEW.destroy, NEW.standing_id, NEW.mild)
            IS DISTINCT FROM (OLD.plan_id, OLD.digest, OLD.user_id, OLD.at, OLD.destroy, OLD.standing_id, OLD.mild) THEN
        RAISE EXCEPTION 'an approval is spent once and never changed otherwise' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION declarations_pruned_once_ended() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION declarations_stay_where_planned() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.plan_id IS NOT NULL THEN
        RAISE EXCEPTION 'a declaration with a plan stays on its cluster' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION leases_fence_grows() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.fence < OLD.fence THEN
        RAISE EXCEPTION 'a fence only grows' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION plan_is_mild(plan jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT jsonb_array_length(plan -> 'steps') > 0 AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(plan -> 'steps') AS step
        WHERE (step ->> 'effect' = 'live' AND step -> 'action'
               ?| ARRAY['update', 'resize', 'set_pool', 'set_ha', 'firewall', 'start', 'resume']) IS NOT TRUE)
$$;

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is immutable: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION refuse_unless_pruned() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION standing_approvals_end_once() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
        OR (NEW.id, NEW.declaration_id, NEW.user_id, NEW.given_at, NEW.per_hour)
            IS DISTINCT FROM (OLD.id, OLD.declaration_id, OLD.user_id, OLD.given_at, OLD.per_hour) THEN
        RAISE EXCEPTION 'a standing approval is ended once and never changed otherwise'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TABLE answers (
    declaration_id uuid NOT NULL,
    question text NOT NULL,
    answer text NOT NULL,
    user_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT answers_answer_check CHECK (((char_length(answer) >= 1) AND (char_length(answer) <= 1000))),
    CONSTRAINT answers_question_check CHECK (((char_length(question) >= 1) AND (char_length(question) <= 200)))
);

CREATE TABLE approvals (
    plan_id bigint NOT NULL,
    digest text NOT NULL,
    user_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    destroy text[] NOT NULL,
    spent_at timestamp with time zone,
    standing_id uuid,
    mild boolean,
    CONSTRAINT approvals_standing_mild CHECK (((standing_id IS NULL) OR ((mild IS TRUE) AND (destroy = '{}'::text[]))))
);

CREATE TABLE audit_checkpoints (
    size bigint NOT NULL,
    public_key text NOT NULL,
    origin text NOT NULL,
    root bytea NOT NULL,
    "time" text NOT NULL,
    signature text NOT NULL,
    CONSTRAINT audit_checkpoints_origin_check CHECK (((char_length(origin) >= 1) AND (char_length(origin) <= 200))),
    CONSTRAINT audit_checkpoints_public_key_check CHECK ((public_key ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT audit_checkpoints_root_check CHECK ((octet_length(root) = 32)),
    CONSTRAINT audit_checkpoints_signature_check CHECK ((signature ~ '^[0-9a-f]{128}$'::text)),
    CONSTRAINT audit_checkpoints_size_check CHECK ((size >= 0)),
    CONSTRAINT audit_checkpoints_time_check CHECK (((char_length("time") >= 20) AND (char_length("time") <= 40)))
);

CREATE TABLE audit_entries (
    seq bigint NOT NULL,
    entry text NOT NULL,
    leaf_hash bytea NOT NULL,
    kind text GENERATED ALWAYS AS (((entry)::jsonb ->> 'kind'::text)) STORED NOT NULL,
    subject text GENERATED ALWAYS AS (((entry)::jsonb ->> 'subject'::text)) STORED NOT NULL,
    actor_id uuid GENERATED ALWAYS AS ((((entry)::jsonb #>> '{actor,id}'::text[]))::uuid) STORED,
    declaration_id uuid GENERATED ALWAYS AS ((((entry)::jsonb ->> 'declaration'::text))::uuid) STORED,
    CONSTRAINT audit_entries_check CHECK (((((entry)::jsonb ->> 'seq'::text))::bigint = seq)),
    CONSTRAINT audit_entries_entry_check CHECK ((octet_length(entry) <= 65536)),
    CONSTRAINT audit_entries_kind_check CHECK ((kind ~ '^[a-z]+\.[a-z_]+$'::text)),
    CONSTRAINT audit_entries_leaf_hash_check CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT audit_entries_seq_check CHECK ((seq > 0))
);

CREATE TABLE audit_head (
    one boolean DEFAULT true NOT NULL,
    size bigint NOT NULL,
    peaks bytea[] NOT NULL,
    CONSTRAINT audit_head_check CHECK ((cardinality(peaks) = bit_count((size)::bit(64)))),
    CONSTRAINT audit_head_one_check CHECK (one),
    CONSTRAINT audit_head_size_check CHECK ((size >= 0))
);

CREATE TABLE checks (
    resource_id uuid NOT NULL,
    listed jsonb,
    tried_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone,
    clean_at timestamp with time zone,
    CONSTRAINT checks_check CHECK ((clean_at <= seen_at))
);

CREATE TABLE clusters (
    id uuid NOT NULL,
    name text NOT NULL,
    access jsonb,
    secret bytea,
    fingerprints text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid,
    changed_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT clusters_check CHECK ((changed_at >= created_at)),
    CONSTRAINT clusters_check1 CHECK ((removed_at >= created_at)),
    CONSTRAINT clusters_check2 CHECK (((access IS NULL) = (id = '00000000-0000-0000-0000-000000000000'::uuid))),
    CONSTRAINT clusters_check3 CHECK (((access IS NULL) = (created_by IS NULL))),
    CONSTRAINT clusters_check4 CHECK (((secret IS NULL) = ((access IS NULL) OR (removed_at IS NOT NULL)))),
    CONSTRAINT clusters_check5 CHECK (((access IS NOT NULL) OR (removed_at IS NULL))),
    CONSTRAINT clusters_name_check CHECK ((name ~ '^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$'::text)),
    CONSTRAINT clusters_secret_check CHECK (((octet_length(secret) >= 41) AND (octet_length(secret) <= 1000)))
);

CREATE TABLE declaration_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    declaration_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT declaration_keys_key_check CHECK (((char_length(key) >= 1) AND (char_length(key) <= 100)))
);

CREATE TABLE declarations (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    content text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    status_reason text,
    reader text,
    reading jsonb,
    intent jsonb,
    plan_id bigint,
    cluster_id uuid NOT NULL,
    pruned_by uuid,
    CONSTRAINT declarations_check CHECK (((reading IS NULL) = (reader IS NULL))),
    CONSTRAINT declarations_check1 CHECK (((status <> ALL (ARRAY['awaiting_approval'::text, 'approved'::text, 'applying'::text, 'stale'::text])) OR (plan_id IS NOT NULL))),
    CONSTRAINT declarations_check2 CHECK (((pruned_by IS NULL) OR ((status = ANY (ARRAY['refused'::text, 'cancelled'::text, 'superseded'::text])) AND (plan_id IS NULL) AND (reading IS NULL) AND (intent IS NULL)))),
    CONSTRAINT declarations_content_check CHECK (((char_length(content) >= 1) AND (char_length(content) <= 24000))),
    CONSTRAINT declarations_reader_check CHECK (((char_length(reader) >= 1) AND (char_length(reader) <= 200))),
    CONSTRAINT declarations_status_check CHECK ((status = ANY (ARRAY['reading'::text, 'needs_answer'::text, 'refused'::text, 'awaiting_approval'::text, 'approved'::text, 'applying'::text, 'converged'::text, 'blocked'::text, 'failed'::text, 'cancelled'::text, 'superseded'::text, 'stale'::text]))),
    CONSTRAINT declarations_status_reason_check CHECK ((char_length(status_reason) <= 4000))
);

CREATE TABLE drift (
    resource_id uuid NOT NULL,
    field text NOT NULL,
    declared jsonb NOT NULL,
    observed jsonb,
    since timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    cause text,
    looping boolean DEFAULT false NOT NULL,
    snoozed_until timestamp with time zone,
    snoozed_by uuid,
    CONSTRAINT drift_cause_check CHECK (((char_length(cause) <= 400) AND ((cause = 'unrecorded'::text) OR (cause ~~ 'UPID:%'::text)))),
    CONSTRAINT drift_check CHECK ((seen_at >= since)),
    CONSTRAINT drift_check1 CHECK (((snoozed_until IS NULL) = (snoozed_by IS NULL)))
);

CREATE TABLE freezes (
    cluster_id uuid,
    user_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    why text NOT NULL,
    CONSTRAINT freezes_why_check CHECK (((char_length(why) >= 1) AND (char_length(why) <= 500)))
);

CREATE TABLE incarnation (
    one boolean DEFAULT true NOT NULL,
    system text NOT NULL,
    database bigint NOT NULL,
    generation bigint NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT incarnation_generation_check CHECK ((generation > 0)),
    CONSTRAINT incarnation_one_check CHECK (one)
);

CREATE TABLE leases (
    work_id uuid NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    worker text,
    lease_until timestamp with time zone,
    CONSTRAINT leases_check CHECK (((worker IS NULL) = (lease_until IS NULL))),
    CONSTRAINT leases_fence_check CHECK ((fence >= 0)),
    CONSTRAINT leases_worker_check CHECK (((char_length(worker) >= 1) AND (char_length(worker) <= 200)))
);

CREATE TABLE login_failures (
    subject text NOT NULL,
    failures integer NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT login_failures_check CHECK ((last_at >= first_at)),
    CONSTRAINT login_failures_failures_check CHECK ((failures > 0)),
    CONSTRAINT login_failures_subject_check CHECK (((char_length(subject) >= 1) AND (char_length(subject) <= 400)))
);

CREATE TABLE model_spending (
    user_id uuid NOT NULL,
    day date NOT NULL,
    tokens bigint NOT NULL,
    cost bigint NOT NULL,
    CONSTRAINT model_spending_cost_check CHECK ((cost >= 0)),
    CONSTRAINT model_spending_tokens_check CHECK ((tokens >= 0))
);

CREATE TABLE observations (
    cluster_id uuid NOT NULL,
    data jsonb NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE owned_fields (
    resource_id uuid NOT NULL,
    field text NOT NULL,
    value jsonb NOT NULL,
    declaration_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    decided text,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT owned_fields_check CHECK (((decided IS NULL) = (decided_by IS NULL))),
    CONSTRAINT owned_fields_check1 CHECK (((decided IS NULL) = (decided_at IS NULL))),
    CONSTRAINT owned_fields_decided_check CHECK ((decided = ANY (ARRAY['accepted'::text, 'ignored'::text]))),
    CONSTRAINT owned_fields_field_check CHECK (((char_length(field) >= 1) AND (char_length(field) <= 64)))
);

CREATE TABLE plans (
    id bigint NOT NULL,
    declaration_id uuid NOT NULL,
    digest text NOT NULL,
    plan jsonb NOT NULL,
    creates integer NOT NULL,
    updates integer NOT NULL,
    destroys integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    mild boolean GENERATED ALWAYS AS (plan_is_mild(plan)) STORED,
    CONSTRAINT plans_check CHECK (((plan ->> 'digest'::text) = digest)),
    CONSTRAINT plans_check1 CHECK (((plan ->> 'declaration'::text) = (declaration_id)::text)),
    CONSTRAINT plans_creates_check CHECK ((creates >= 0)),
    CONSTRAINT plans_destroys_check CHECK ((destroys >= 0)),
    CONSTRAINT plans_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT plans_updates_check CHECK ((updates >= 0))
);

ALTER TABLE plans ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME plans_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE prunings (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    before timestamp with time zone NOT NULL,
    declarations integer NOT NULL,
    sha256 text NOT NULL,
    CONSTRAINT prunings_check CHECK ((before <= at)),
    CONSTRAINT prunings_declarations_check CHECK ((declarations > 0)),
    CONSTRAINT prunings_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

CREATE TABLE reconciliations (
    id uuid NOT NULL,
    declaration_id uuid NOT NULL,
    plan_id bigint NOT NULL,
    status text NOT NULL,
    reason text,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    cancel_requested_at timestamp with time zone,
    finished_at timestamp with time zone,
    restored boolean DEFAULT false NOT NULL,
    CONSTRAINT reconciliations_check CHECK (((status = 'applying'::text) = (finished_at IS NULL))),
    CONSTRAINT reconciliations_reason_check CHECK ((char_length(reason) <= 4000)),
    CONSTRAINT reconciliations_status_check CHECK ((status = ANY (ARRAY['applying'::text, 'converged'::text, 'blocked'::text, 'failed'::text, 'stale'::text, 'cancelled'::text])))
);

CREATE TABLE refresh_tokens (
    token_hash bytea NOT NULL,
    family uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    replaced_at timestamp with time zone,
    CONSTRAINT refresh_tokens_check CHECK ((expires_at > created_at)),
    CONSTRAINT refresh_tokens_token_hash_check CHECK ((octet_length(token_hash) = 32))
);

CREATE TABLE repairs (
    resource_id uuid NOT NULL,
    field text NOT NULL,
    observed jsonb,
    cause text,
    since timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT repairs_check CHECK ((at >= since)),
    CONSTRAINT repairs_field_check CHECK (((char_length(field) >= 1) AND (char_length(field) <= 64)))
);

CREATE TABLE resources (
    id uuid NOT NULL,
    kind text NOT NULL,
    vmid integer NOT NULL,
    node text NOT NULL,
    name text NOT NULL,
    declaration_id uuid NOT NULL,
    smbios_uuid text,
    state text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    gone_at timestamp with time zone,
    cluster_id uuid NOT NULL,
    CONSTRAINT resources_check CHECK (((state = 'gone'::text) = (gone_at IS NOT NULL))),
    CONSTRAINT resources_kind_check CHECK ((kind = ANY (ARRAY['qemu'::text, 'lxc'::text]))),
    CONSTRAINT resources_name_check CHECK ((char_length(name) <= 255)),
    CONSTRAINT resources_node_check CHECK (((char_length(node) >= 1) AND (char_length(node) <= 64))),
    CONSTRAINT resources_smbios_uuid_check CHECK ((char_length(smbios_uuid) <= 64)),
    CONSTRAINT resources_state_check CHECK ((state = ANY (ARRAY['reserved'::text, 'present'::text, 'gone'::text]))),
    CONSTRAINT resources_vmid_check CHECK (((vmid >= 100) AND (vmid <= 999999999)))
);

CREATE TABLE secrets (
    name text NOT NULL,
    value bytea NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    changed_by uuid NOT NULL,
    CONSTRAINT secrets_name_check CHECK ((name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'::text)),
    CONSTRAINT secrets_value_check CHECK (((octet_length(value) >= 41) AND (octet_length(value) <= 2000)))
);

CREATE TABLE standing_approvals (
    id uuid NOT NULL,
    declaration_id uuid NOT NULL,
    user_id uuid NOT NULL,
    given_at timestamp with time zone NOT NULL,
    per_hour integer NOT NULL,
    tried_at timestamp with time zone,
    ended_at timestamp with time zone,
    ended_by uuid,
    ended_why text,
    CONSTRAINT standing_approvals_check CHECK ((ended_at >= given_at)),
    CONSTRAINT standing_approvals_check1 CHECK (((ended_at IS NULL) = (ended_why IS NULL))),
    CONSTRAINT standing_approvals_check2 CHECK (((ended_by IS NULL) OR (ended_at IS NOT NULL))),
    CONSTRAINT standing_approvals_ended_why_check CHECK ((char_length(ended_why) <= 4000)),
    CONSTRAINT standing_approvals_per_hour_check CHECK (((per_hour >= 1) AND (per_hour <= 60)))
);

CREATE TABLE steps (
    reconciliation_id uuid NOT NULL,
    seq integer NOT NULL,
    resource_id uuid,
    state text NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    baseline jsonb,
    upid text,
    error text,
    digest text,
    started_at timestamp with time zone,
    submitted_at timestamp with time zone,
    finished_at timestamp with time zone,
    node text,
    CONSTRAINT steps_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT steps_check CHECK (((state = ANY (ARRAY['pending'::text, 'skipped'::text])) = (started_at IS NULL))),
    CONSTRAINT steps_check1 CHECK (((started_at IS NULL) = (baseline IS NULL))),
    CONSTRAINT steps_check2 CHECK (((upid IS NULL) = (submitted_at IS NULL))),
    CONSTRAINT steps_check3 CHECK (((state <> 'submitted'::text) OR (upid IS NOT NULL))),
    CONSTRAINT steps_check4 CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text, 'blocked'::text, 'skipped'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT steps_digest_check CHECK ((char_length(digest) <= 64)),
    CONSTRAINT steps_error_check CHECK ((char_length(error) <= 4000)),
    CONSTRAINT steps_node_check CHECK (((char_length(node) >= 1) AND (char_length(node) <= 64))),
    CONSTRAINT steps_seq_check CHECK ((seq > 0)),
    CONSTRAINT steps_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'started'::text, 'submitted'::text, 'done'::text, 'failed'::text, 'blocked'::text, 'skipped'::text]))),
    CONSTRAINT steps_upid_check CHECK ((char_length(upid) <= 400))
);

CREATE TABLE sweeps (
    cluster_id uuid NOT NULL,
    at timestamp with time zone NOT NULL
);

CREATE TABLE users (
    id uuid NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL,
    approved boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_login_at timestamp with time zone,
    CONSTRAINT users_email_form CHECK ((((char_length(email) >= 3) AND (char_length(email) <= 254)) AND (email ~~ '_%@%_'::text) AND (email !~ '[A-Z[:space:][:cntrl:]]'::text))),
    CONSTRAINT users_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['Admin'::text, 'User'::text])))
);

ALTER TABLE ONLY answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (declaration_id, question);

ALTER TABLE ONLY approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (plan_id);

ALTER TABLE ONLY audit_checkpoints
    ADD CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (size, public_key);

ALTER TABLE ONLY audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY audit_head
    ADD CONSTRAINT audit_head_pkey PRIMARY KEY (one);

ALTER TABLE ONLY checks
    ADD CONSTRAINT checks_pkey PRIMARY KEY (resource_id);

ALTER TABLE ONLY clusters
    ADD CONSTRAINT clusters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY declaration_keys
    ADD CONSTRAINT declaration_keys_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY declarations
    ADD CONSTRAINT declarations_id_cluster_id_key UNIQUE (id, cluster_id);

ALTER TABLE ONLY declarations
    ADD CONSTRAINT declarations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (resource_id, field);

ALTER TABLE ONLY freezes
    ADD CONSTRAINT freezes_one UNIQUE NULLS NOT DISTINCT (cluster_id);

ALTER TABLE ONLY incarnation
    ADD CONSTRAINT incarnation_pkey PRIMARY KEY (one);

ALTER TABLE ONLY leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (work_id);

ALTER TABLE ONLY login_failures
    ADD CONSTRAINT login_failures_pkey PRIMARY KEY (subject);

ALTER TABLE ONLY model_spending
    ADD CONSTRAINT model_spending_pkey PRIMARY KEY (user_id, day);

ALTER TABLE ONLY observations
    ADD CONSTRAINT observations_pkey PRIMARY KEY (cluster_id);

ALTER TABLE ONLY owned_fields
    ADD CONSTRAINT owned_fields_pkey PRIMARY KEY (resource_id, field);

ALTER TABLE ONLY plans
    ADD CONSTRAINT plans_id_declaration_id_key UNIQUE (id, declaration_id);

ALTER TABLE ONLY plans
    ADD CONSTRAINT plans_id_digest_key UNIQUE (id, digest);

ALTER TABLE ONLY plans
    ADD CONSTRAINT plans_id_mild_key UNIQUE (id, mild);

ALTER TABLE ONLY plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY prunings
    ADD CONSTRAINT prunings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY reconciliations
    ADD CONSTRAINT reconciliations_one_a_plan UNIQUE (plan_id);

ALTER TABLE ONLY reconciliations
    ADD CONSTRAINT reconciliations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY repairs
    ADD CONSTRAINT repairs_pkey PRIMARY KEY (resource_id, field, at);

ALTER TABLE ONLY resources
    ADD CONSTRAINT resources_pkey PRIMARY KEY (id);

ALTER TABLE ONLY secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);

ALTER TABLE ONLY standing_approvals
    ADD CONSTRAINT standing_approvals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY steps
    ADD CONSTRAINT steps_pkey PRIMARY KEY (reconciliation_id, seq);

ALTER TABLE ONLY sweeps
    ADD CONSTRAINT sweeps_pkey PRIMARY KEY (cluster_id);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_email_unique UNIQUE (email);

ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX approvals_standing ON approvals USING btree (standing_id, at) WHERE (standing_id IS NOT NULL);

CREATE INDEX audit_entries_actor ON audit_entries USING btree (actor_id, seq);

CREATE INDEX audit_entries_declaration ON audit_entries USING btree (declaration_id, seq);

CREATE INDEX audit_entries_user ON audit_entries USING btree (subject, seq) WHERE (kind ~~ 'user.%'::text);

CREATE UNIQUE INDEX clusters_name_unique ON clusters USING btree (name) WHERE (removed_at IS NULL);

CREATE INDEX declaration_keys_at ON declaration_keys USING btree (at);

CREATE INDEX declarations_prunable ON declarations USING btree (updated_at) WHERE ((pruned_by IS NULL) AND (status = ANY (ARRAY['refused'::text, 'cancelled'::text, 'superseded'::text])));

CREATE INDEX declarations_standing ON declarations USING btree (cluster_id) WHERE (status = ANY (ARRAY['awaiting_approval'::text, 'approved'::text, 'applying'::text]));

CREATE INDEX declarations_user ON declarations USING btree (user_id, id);

CREATE INDEX declarations_waiting ON declarations USING btree (cluster_id, status, updated_at) WHERE (status = ANY (ARRAY['reading'::text, 'approved'::text]));

CREATE INDEX login_failures_last ON login_failures USING btree (last_at);

CREATE INDEX owned_fields_declaration ON owned_fields USING btree (declaration_id);

CREATE INDEX plans_declaration ON plans USING btree (declaration_id);

CREATE INDEX reconciliations_declaration ON reconciliations USING btree (declaration_id, "timestamp");

CREATE UNIQUE INDEX reconciliations_one_applying ON reconciliations USING btree (declaration_id) WHERE (status = 'applying'::text);

CREATE INDEX refresh_tokens_expiry ON refresh_tokens USING btree (expires_at);

CREATE INDEX refresh_tokens_family ON refresh_tokens USING btree (family);

CREATE INDEX refresh_tokens_user ON refresh_tokens USING btree (user_id);

CREATE INDEX resources_declaration ON resources USING btree (declaration_id);

CREATE UNIQUE INDEX resources_vmid_unique ON resources USING btree (cluster_id, vmid) WHERE (state <> 'gone'::text);

CREATE INDEX standing_approvals_declaration ON standing_approvals USING btree (declaration_id, given_at);

CREATE UNIQUE INDEX standing_approvals_one ON standing_approvals USING btree (declaration_id) WHERE (ended_at IS NULL);

CREATE INDEX steps_at_work ON steps USING btree (reconciliation_id, node) WHERE (state = ANY (ARRAY['started'::text, 'submitted'::text]));

CREATE INDEX steps_resource ON steps USING btree (resource_id);

CREATE TRIGGER approvals_by_standing BEFORE INSERT ON approvals FOR EACH ROW WHEN ((new.standing_id IS NOT NULL)) EXECUTE FUNCTION approvals_by_standing();

CREATE TRIGGER approvals_kept BEFORE DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();

CREATE TRIGGER approvals_spent_once BEFORE UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION approvals_spend_once();

CREATE TRIGGER approvals_untruncated BEFORE TRUNCATE ON approvals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_checkpoints_immutable BEFORE DELETE OR UPDATE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_checkpoints_untruncated BEFORE TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_entries_immutable BEFORE DELETE OR UPDATE ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_entries_untruncated BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER audit_head_untruncated BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER clusters_kept BEFORE DELETE ON clusters FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER declarations_kept BEFORE DELETE ON declarations FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER declarations_pruned_once_ended BEFORE UPDATE ON declarations FOR EACH ROW WHEN ((old.pruned_by IS DISTINCT FROM new.pruned_by)) EXECUTE FUNCTION declarations_pruned_once_ended();

CREATE TRIGGER declarations_stay_where_planned BEFORE UPDATE ON declarations FOR EACH ROW WHEN ((old.cluster_id <> new.cluster_id)) EXECUTE FUNCTION declarations_stay_where_planned();

CREATE TRIGGER incarnation_kept BEFORE DELETE ON incarnation FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER leases_fence_grows BEFORE UPDATE ON leases FOR EACH ROW EXECUTE FUNCTION leases_fence_grows();

CREATE TRIGGER leases_kept BEFORE DELETE ON leases FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();

CREATE TRIGGER plans_immutable BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER plans_kept BEFORE DELETE ON plans FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();

CREATE TRIGGER plans_untruncated BEFORE TRUNCATE ON plans FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER prunings_immutable BEFORE DELETE OR UPDATE ON prunings FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER reconciliations_kept BEFORE DELETE ON reconciliations FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();

CREATE TRIGGER standing_approvals_ended_once BEFORE UPDATE ON standing_approvals FOR EACH ROW EXECUTE FUNCTION standing_approvals_end_once();

CREATE TRIGGER standing_approvals_kept BEFORE DELETE ON standing_approvals FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER steps_kept BEFORE DELETE ON steps FOR EACH ROW EXECUTE FUNCTION refuse_unless_pruned();

ALTER TABLE ONLY answers
    ADD CONSTRAINT answers_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY answers
    ADD CONSTRAINT answers_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY approvals
    ADD CONSTRAINT approvals_plan_id_digest_fkey FOREIGN KEY (plan_id, digest) REFERENCES plans(id, digest);

ALTER TABLE ONLY approvals
    ADD CONSTRAINT approvals_plan_id_mild_fkey FOREIGN KEY (plan_id, mild) REFERENCES plans(id, mild);

ALTER TABLE ONLY approvals
    ADD CONSTRAINT approvals_standing_id_fkey FOREIGN KEY (standing_id) REFERENCES standing_approvals(id);

ALTER TABLE ONLY approvals
    ADD CONSTRAINT approvals_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY audit_entries
    ADD CONSTRAINT audit_entries_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY checks
    ADD CONSTRAINT checks_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES resources(id) ON DELETE CASCADE;

ALTER TABLE ONLY clusters
    ADD CONSTRAINT clusters_created_by_fkey FOREIGN KEY (created_by) REFERENCES users(id);

ALTER TABLE ONLY declaration_keys
    ADD CONSTRAINT declaration_keys_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY declaration_keys
    ADD CONSTRAINT declaration_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY declarations
    ADD CONSTRAINT declarations_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id);

ALTER TABLE ONLY declarations
    ADD CONSTRAINT declarations_plan_id_id_fkey FOREIGN KEY (plan_id, id) REFERENCES plans(id, declaration_id);

ALTER TABLE ONLY declarations
    ADD CONSTRAINT declarations_pruned_by_fkey FOREIGN KEY (pruned_by) REFERENCES prunings(id);

ALTER TABLE ONLY declarations
    ADD CONSTRAINT declarations_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY drift
    ADD CONSTRAINT drift_resource_id_field_fkey FOREIGN KEY (resource_id, field) REFERENCES owned_fields(resource_id, field) ON DELETE CASCADE;

ALTER TABLE ONLY drift
    ADD CONSTRAINT drift_snoozed_by_fkey FOREIGN KEY (snoozed_by) REFERENCES users(id);

ALTER TABLE ONLY freezes
    ADD CONSTRAINT freezes_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id);

ALTER TABLE ONLY freezes
    ADD CONSTRAINT freezes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY model_spending
    ADD CONSTRAINT model_spending_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY observations
    ADD CONSTRAINT observations_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id);

ALTER TABLE ONLY owned_fields
    ADD CONSTRAINT owned_fields_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES users(id);

ALTER TABLE ONLY owned_fields
    ADD CONSTRAINT owned_fields_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY owned_fields
    ADD CONSTRAINT owned_fields_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES resources(id) ON DELETE CASCADE;

ALTER TABLE ONLY plans
    ADD CONSTRAINT plans_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY prunings
    ADD CONSTRAINT prunings_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY reconciliations
    ADD CONSTRAINT reconciliations_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY reconciliations
    ADD CONSTRAINT reconciliations_plan_id_declaration_id_fkey FOREIGN KEY (plan_id, declaration_id) REFERENCES plans(id, declaration_id);

ALTER TABLE ONLY reconciliations
    ADD CONSTRAINT reconciliations_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES approvals(plan_id);

ALTER TABLE ONLY refresh_tokens
    ADD CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

ALTER TABLE ONLY repairs
    ADD CONSTRAINT repairs_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES resources(id) ON DELETE CASCADE;

ALTER TABLE ONLY resources
    ADD CONSTRAINT resources_declaration_id_cluster_id_fkey FOREIGN KEY (declaration_id, cluster_id) REFERENCES declarations(id, cluster_id);

ALTER TABLE ONLY resources
    ADD CONSTRAINT resources_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY secrets
    ADD CONSTRAINT secrets_changed_by_fkey FOREIGN KEY (changed_by) REFERENCES users(id);

ALTER TABLE ONLY standing_approvals
    ADD CONSTRAINT standing_approvals_declaration_id_fkey FOREIGN KEY (declaration_id) REFERENCES declarations(id);

ALTER TABLE ONLY standing_approvals
    ADD CONSTRAINT standing_approvals_ended_by_fkey FOREIGN KEY (ended_by) REFERENCES users(id);

ALTER TABLE ONLY standing_approvals
    ADD CONSTRAINT standing_approvals_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE ONLY steps
    ADD CONSTRAINT steps_reconciliation_id_fkey FOREIGN KEY (reconciliation_id) REFERENCES reconciliations(id);

ALTER TABLE ONLY sweeps
    ADD CONSTRAINT sweeps_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES clusters(id);
