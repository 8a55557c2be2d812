-- What a run was expected to be billed, as it was known before its first paid call.

CREATE TABLE estimate (
    run_id VARCHAR PRIMARY KEY,
    usd DECIMAL(18, 12) NOT NULL,
    created TIMESTAMPTZ NOT NULL
);
