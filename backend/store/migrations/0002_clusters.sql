-- Several clusters -----------------------------------------------------------------

-- The first cluster's settings are the environment's, so its row has none. Of the others
-- the token's secret is sealed, by a key that is not in the database and bound to the id,
-- the name and the settings: a row that is changed past MycoPod cannot be opened.
CREATE TABLE clusters (
    id           uuid PRIMARY KEY,
    name         text NOT NULL CHECK (name ~ '^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$'),
    access       jsonb,
    secret       bytea CHECK (octet_length(secret) BETWEEN 41 AND 1000),
    fingerprints text[] NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    created_by   uuid REFERENCES users,
    changed_at   timestamptz NOT NULL CHECK (changed_at >= created_at),
    removed_at   timestamptz CHECK (removed_at >= created_at),
    CHECK ((access IS NULL) = (id = '00000000-0000-0000-0000-000000000000')),
    CHECK ((access IS NULL) = (created_by IS NULL)),
    -- Of a removed cluster no secret is kept.
    CHECK ((secret IS NULL) = (access IS NULL OR removed_at IS NOT NULL)),
    CHECK (access IS NOT NULL OR removed_at IS NULL)
);
CREATE UNIQUE INDEX clusters_name_unique ON clusters (name) WHERE removed_at IS NULL;
CREATE TRIGGER clusters_kept BEFORE DELETE ON clusters FOR EACH ROW EXECUTE FUNCTION refuse_change();

INSERT INTO clusters (id, name, created_at, changed_at)
VALUES ('00000000-0000-0000-0000-000000000000', 'main', now(), now());

-- What there is so far is on the first cluster. The default serves these rows alone.
ALTER TABLE declarations
    ADD COLUMN cluster_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000' REFERENCES clusters,
    ADD UNIQUE (id, cluster_id);
ALTER TABLE declarations ALTER COLUMN cluster_id DROP DEFAULT;
DROP INDEX declarations_waiting;
CREATE INDEX declarations_waiting ON declarations (cluster_id, status, updated_at)
    WHERE status IN ('reading', 'approved');

-- A plan is made for one cluster, and so is its approval.
CREATE FUNCTION declarations_stay_where_planned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.plan_id IS NOT NULL THEN
        RAISE EXCEPTION 'a declaration with a plan stays on its cluster' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER declarations_stay_where_planned BEFORE UPDATE ON declarations FOR EACH ROW
    WHEN (OLD.cluster_id <> NEW.cluster_id) EXECUTE FUNCTION declarations_stay_where_planned();

-- A guest is on the cluster of the declaration that made or adopted it, and its VMID is that cluster's.
ALTER TABLE resources ADD COLUMN cluster_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE resources
    ALTER COLUMN cluster_id DROP DEFAULT,
    ADD FOREIGN KEY (declaration_id, cluster_id) REFERENCES declarations (id, cluster_id);
DROP INDEX resources_vmid_unique;
CREATE UNIQUE INDEX resources_vmid_unique ON resources (cluster_id, vmid) WHERE state <> 'gone';

-- Looks are made anew all the time; the old ones have nothing to tell.
DROP TABLE observations;
CREATE TABLE observations (
    cluster_id uuid PRIMARY KEY REFERENCES clusters,
    data       jsonb NOT NULL,
    at         timestamptz NOT NULL
);
