-- Texts that are alike, with how much: a search for more than an earlier one finds its pairs here.

CREATE TABLE pair_search (
    search_id VARCHAR NOT NULL,       -- a hash of method and texts
    floor DOUBLE NOT NULL,            -- the least score that it looked for
    finished TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (search_id, floor)
);

CREATE TABLE pair (
    search_id VARCHAR NOT NULL,
    floor DOUBLE NOT NULL,
    first INTEGER NOT NULL,           -- the texts' places in the search
    second INTEGER NOT NULL,
    score DOUBLE NOT NULL,
    PRIMARY KEY (search_id, floor, first, second)
);
