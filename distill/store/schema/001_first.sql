-- Rows are never changed or deleted: a change of status is a new row.
-- An id is a hash of the row's values, so a second insert of a row has no effect.

CREATE TABLE run (
    id VARCHAR PRIMARY KEY,
    task_hash VARCHAR NOT NULL,
    parts JSON NOT NULL,              -- hash of each file of the task
    spec JSON NOT NULL,
    why VARCHAR NOT NULL,
    created TIMESTAMPTZ NOT NULL
);

CREATE TABLE stage (                  -- written in the transaction that writes the stage's rows
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL,
    finished TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (run_id, stage)
);

CREATE TABLE request (
    id VARCHAR PRIMARY KEY,
    model VARCHAR NOT NULL,
    messages JSON NOT NULL,
    sampling JSON NOT NULL
);

CREATE TABLE ask (                    -- the requests that a run plans, with purpose and subject
    run_id VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,         -- synthesize, answer, evaluate:<system>
    position INTEGER NOT NULL,
    subject VARCHAR NOT NULL,         -- a label (synthesize) or an input
    request_id VARCHAR NOT NULL,
    PRIMARY KEY (run_id, purpose, position)
);

CREATE TABLE completion (
    request_id VARCHAR PRIMARY KEY,
    text VARCHAR NOT NULL,
    finish_reason VARCHAR NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    usd DECIMAL(18, 12) NOT NULL,
    latency_s DOUBLE NOT NULL,
    finished TIMESTAMPTZ NOT NULL
);

CREATE TABLE candidate (
    run_id VARCHAR NOT NULL,
    id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    input VARCHAR NOT NULL,
    asked_label VARCHAR,
    answers JSON NOT NULL,
    source VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,          -- id of the synthesis request, or file and row of the input
    answer_ids JSON NOT NULL,
    PRIMARY KEY (run_id, id)
);

CREATE TABLE dropped (
    run_id VARCHAR NOT NULL,
    candidate_id VARCHAR NOT NULL,
    "check" VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    matched VARCHAR,
    score DOUBLE,
    PRIMARY KEY (run_id, candidate_id)
);

CREATE TABLE example (
    run_id VARCHAR NOT NULL,
    id VARCHAR NOT NULL,              -- the id of its candidate
    position INTEGER NOT NULL,
    input VARCHAR NOT NULL,
    answer VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    PRIMARY KEY (run_id, id)
);

CREATE TABLE split (
    run_id VARCHAR NOT NULL,
    example_id VARCHAR NOT NULL,
    part VARCHAR NOT NULL,
    repeats INTEGER NOT NULL,
    PRIMARY KEY (run_id, example_id)
);

CREATE TABLE student (
    run_id VARCHAR PRIMARY KEY,
    id VARCHAR NOT NULL,
    base VARCHAR NOT NULL,
    trainer VARCHAR NOT NULL,
    recipe JSON NOT NULL,
    data_hash VARCHAR NOT NULL,
    folder VARCHAR NOT NULL,
    train_seconds DOUBLE NOT NULL,
    trained_tokens BIGINT NOT NULL,
    losses JSON NOT NULL
);

CREATE TABLE prediction (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    gold_id VARCHAR NOT NULL,
    answer VARCHAR NOT NULL,
    valid BOOLEAN NOT NULL,
    latency_s DOUBLE NOT NULL,
    request_id VARCHAR,
    PRIMARY KEY (run_id, system, gold_id)
);

CREATE TABLE score (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    gold_id VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    PRIMARY KEY (run_id, system, gold_id, metric)
);
