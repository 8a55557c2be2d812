-- What a check of curation found out about itself, in a sentence, and the rows that it therefore did
-- not drop. Runs that were curated before have none.

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
