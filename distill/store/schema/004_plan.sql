-- The estimated bill of a run, stored before its first paid request.

CREATE TABLE estimate (
    run_id VARCHAR PRIMARY KEY,
    usd DECIMAL(18, 12) NOT NULL,
    created TIMESTAMPTZ NOT NULL
);
