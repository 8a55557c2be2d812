-- How different the examples of each group are, worked out when they are split, since their
-- embeddings are there then. Runs that were split before have none.

CREATE TABLE spread (
    run_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    label VARCHAR NOT NULL,           -- the group: a label, or the fields that are there
    examples INTEGER NOT NULL,        -- without seeds
    distinct_1 DOUBLE NOT NULL,
    distinct_2 DOUBLE NOT NULL,
    mean_nearest_distance DOUBLE NOT NULL,
    covered DOUBLE NOT NULL,          -- share of the real texts that have a synthesised one near
    PRIMARY KEY (run_id, label)
);
