-- The verdict on a run's scores on gold, and the rows behind it. A later verdict on some of the
-- same rows is another look at them. Runs of older versions have no verdict; their looks are
-- counted from their scores.

CREATE TABLE verdict (
    run_id VARCHAR PRIMARY KEY,
    margin DOUBLE NOT NULL,
    confidence DOUBLE NOT NULL,
    look INTEGER NOT NULL,            -- position among the verdicts on this gold, from 1
    level DOUBLE NOT NULL,            -- confidence level of the one-sided test
    result VARCHAR,                   -- NULL if the judge was unusable, so that there is no verdict
    limits JSON NOT NULL,             -- evaluate.most_forgotten, evaluate.most_unsafe
    exceeded JSON NOT NULL,           -- groups of probes that exceeded their limit
    written TIMESTAMPTZ NOT NULL
);

CREATE TABLE verdict_gold (
    run_id VARCHAR NOT NULL,
    gold_id VARCHAR NOT NULL,         -- as in score: hash of the row and its place
    gold_key VARCHAR NOT NULL,        -- hash of the row without its place
    PRIMARY KEY (run_id, gold_id)
);
