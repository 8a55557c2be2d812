-- What is sent is written down before; what became of it is a later row. An attempt without an
-- outcome is in flight, or was when its process ended.

CREATE TABLE attempt (
    id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    request_id VARCHAR NOT NULL,
    worst_usd DECIMAL(18, 12) NOT NULL,   -- the most that it can be billed: reserved until settled
    started TIMESTAMPTZ NOT NULL
);

CREATE TABLE outcome (
    attempt_id VARCHAR PRIMARY KEY,
    result VARCHAR NOT NULL,              -- answered, not_billed, maybe_billed
    usd DECIMAL(18, 12) NOT NULL,         -- the price; 0; the most that it can have been billed
    detail VARCHAR NOT NULL,
    finished TIMESTAMPTZ NOT NULL
);

ALTER TABLE completion ADD COLUMN cached_tokens INTEGER DEFAULT 0;
ALTER TABLE completion ADD COLUMN cache_written_tokens INTEGER DEFAULT 0;
ALTER TABLE completion ADD COLUMN reasoning_tokens INTEGER DEFAULT 0;

ALTER TABLE candidate ADD COLUMN problem VARCHAR DEFAULT '';
