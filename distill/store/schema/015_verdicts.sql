-- What was concluded from a run's scores on gold, and on which rows: a later verdict on some of the
-- same rows is a further look at them. Runs that were reported before have none; their looks are
-- counted by their scores.

CREATE TABLE verdict (
    run_id VARCHAR PRIMARY KEY,
    margin DOUBLE NOT NULL,
    confidence DOUBLE NOT NULL,
    look INTEGER NOT NULL,            -- the how manieth verdict on some of this gold, from 1
    level DOUBLE NOT NULL,            -- of the one-sided test
    result VARCHAR,                   -- NULL: the judge was of no use, nothing was concluded
    limits JSON NOT NULL,             -- evaluate.most_forgotten, evaluate.most_unsafe
    exceeded JSON NOT NULL,           -- groups of probes that were worse than their limit
    written TIMESTAMPTZ NOT NULL
);

CREATE TABLE verdict_gold (
    run_id VARCHAR NOT NULL,
    gold_id VARCHAR NOT NULL,         -- as in score: a row and its place
    gold_key VARCHAR NOT NULL,        -- the row without its place
    PRIMARY KEY (run_id, gold_id)
);
