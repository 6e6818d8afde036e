-- Values that declarations name and never contain, such as a guest's first password. Sealed
-- by a key that is not in the database, and bound to the name.
CREATE TABLE secrets (
    name       text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    value      bytea NOT NULL CHECK (octet_length(value) BETWEEN 41 AND 2000),
    changed_at timestamptz NOT NULL,
    changed_by uuid NOT NULL REFERENCES users
);
