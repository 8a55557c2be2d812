-- The diversity of each group's examples, measured by the stage `split`, which has their
-- embeddings. Runs of older versions have no rows.

CREATE TABLE spread (
    run_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    label VARCHAR NOT NULL,           -- the group: a label, or a set of fields
    examples INTEGER NOT NULL,        -- number of examples without seeds
    distinct_1 DOUBLE NOT NULL,
    distinct_2 DOUBLE NOT NULL,
    mean_nearest_distance DOUBLE NOT NULL,
    covered DOUBLE NOT NULL,          -- share of real texts with a synthesised text near
    PRIMARY KEY (run_id, label)
);
