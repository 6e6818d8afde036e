-- What language models cost ---------------------------------------------------------

-- A user and day: the tokens that were set aside for answers, or used, and what they cost in
-- millionths of the currency that the prices are in. All replicas count here. Rows of past days go.
CREATE TABLE model_spending (
    user_id uuid NOT NULL REFERENCES users,
    day     date NOT NULL,
    tokens  bigint NOT NULL CHECK (tokens >= 0),
    cost    bigint NOT NULL CHECK (cost >= 0),
    PRIMARY KEY (user_id, day)
);
