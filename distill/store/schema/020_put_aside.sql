-- Answers that the user discarded. The answers and their bills are kept. The request is sent again
-- under another id.

CREATE TABLE put_aside (
    request_id VARCHAR PRIMARY KEY,
    happened TIMESTAMPTZ NOT NULL
);
