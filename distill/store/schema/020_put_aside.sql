-- Answers that a user put aside since they were of no use. They and their bills stay; the request is
-- asked again, as another request.

CREATE TABLE put_aside (
    request_id VARCHAR PRIMARY KEY,
    happened TIMESTAMPTZ NOT NULL
);
