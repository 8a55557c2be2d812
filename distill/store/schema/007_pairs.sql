-- Pairs of similar texts with their scores. A stored search also serves any higher threshold.

CREATE TABLE pair_search (
    search_id VARCHAR NOT NULL,       -- hash of the method and the texts
    floor DOUBLE NOT NULL,            -- minimum score of the search
    finished TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (search_id, floor)
);

CREATE TABLE pair (
    search_id VARCHAR NOT NULL,
    floor DOUBLE NOT NULL,
    first INTEGER NOT NULL,           -- index of a text in the search
    second INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (search_id, floor, first, second)
);
