-- A batch is stored with its attempts before it is sent. Its id is sent along, so that the batch
-- can be found in the provider's list. Later events are rows of batch_event.

CREATE TABLE batch (
    id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    teacher VARCHAR NOT NULL,         -- name as in task.toml
    written TIMESTAMPTZ NOT NULL
);

CREATE TABLE batch_attempt (
    attempt_id VARCHAR PRIMARY KEY,   -- the custom_id of the request in the batch
    batch_id VARCHAR NOT NULL
);

CREATE TABLE batch_event (
    batch_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    event VARCHAR NOT NULL,           -- submitted or mistaken (detail: the provider's id), or closed (detail: reason)
    detail VARCHAR NOT NULL,
    happened TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (batch_id, position)
);

CREATE VIEW out_in_batch AS           -- attempts in batches that have no outcome yet
SELECT attempt.*, batch_id FROM attempt
JOIN batch_attempt ON batch_attempt.attempt_id = attempt.id
LEFT JOIN outcome ON outcome.attempt_id = attempt.id
WHERE outcome.attempt_id IS NULL;
