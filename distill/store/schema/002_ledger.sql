-- An attempt is stored before its request is sent, and its outcome afterwards. An attempt without
-- an outcome is in flight, or was in flight when its process ended.

CREATE TABLE attempt (
    id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    request_id VARCHAR NOT NULL,
    worst_usd DECIMAL(18, 12) NOT NULL,   -- maximum bill, reserved until there is an outcome
    started TIMESTAMPTZ NOT NULL
);

CREATE TABLE outcome (
    attempt_id VARCHAR PRIMARY KEY,
    result VARCHAR NOT NULL,              -- answered, not_billed, maybe_billed
    usd DECIMAL(18, 12) NOT NULL,         -- in the same order: the price, 0, the maximum bill
    detail VARCHAR NOT NULL,
    finished TIMESTAMPTZ NOT NULL
);

ALTER TABLE completion ADD COLUMN cached_tokens INTEGER DEFAULT 0;
ALTER TABLE completion ADD COLUMN cache_written_tokens INTEGER DEFAULT 0;
ALTER TABLE completion ADD COLUMN reasoning_tokens INTEGER DEFAULT 0;

ALTER TABLE candidate ADD COLUMN problem VARCHAR DEFAULT '';
