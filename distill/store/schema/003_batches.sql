-- A batch is written down with its attempts before it is sent; its id goes with it, so that it is
-- found again at the provider. What became of it is a later row.

CREATE TABLE batch (
    id VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    teacher VARCHAR NOT NULL,         -- as in task.toml
    written TIMESTAMPTZ NOT NULL
);

CREATE TABLE batch_attempt (
    attempt_id VARCHAR PRIMARY KEY,   -- its custom_id
    batch_id VARCHAR NOT NULL
);

CREATE TABLE batch_event (
    batch_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    event VARCHAR NOT NULL,           -- submitted, mistaken (detail: the provider's id), closed (detail: why)
    detail VARCHAR NOT NULL,
    happened TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (batch_id, position)
);

CREATE VIEW out_in_batch AS           -- attempts whose batch may still bring their answers
SELECT attempt.*, batch_id FROM attempt
JOIN batch_attempt ON batch_attempt.attempt_id = attempt.id
LEFT JOIN outcome ON outcome.attempt_id = attempt.id
WHERE outcome.attempt_id IS NULL;
