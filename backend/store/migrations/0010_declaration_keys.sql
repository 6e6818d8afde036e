-- Under which key of their own choosing somebody declared: a client that lost the answer says the same again, and nothing
-- is declared twice. Kept for a day.
CREATE TABLE declaration_keys (
    user_id        uuid NOT NULL REFERENCES users,
    key            text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 100),
    declaration_id uuid NOT NULL REFERENCES declarations,
    at             timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX declaration_keys_at ON declaration_keys (at);
