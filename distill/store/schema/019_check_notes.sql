-- A check's remark on its own reliability, and the rows that the check kept for this reason. Runs
-- of older versions have no rows.

CREATE TABLE check_note (
    run_id VARCHAR NOT NULL,
    "check" VARCHAR NOT NULL,
    words VARCHAR NOT NULL,
    PRIMARY KEY (run_id, "check")
);

CREATE TABLE spared (
    run_id VARCHAR NOT NULL,
    candidate_id VARCHAR NOT NULL,
    "check" VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    matched VARCHAR,
    score DOUBLE,
    PRIMARY KEY (run_id, candidate_id, "check")
);
