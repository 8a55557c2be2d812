-- Answers of systems to the regression probes.

CREATE TABLE probe_answer (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    probe_group VARCHAR NOT NULL,     -- general, safety, carried
    kind VARCHAR NOT NULL,
    text VARCHAR NOT NULL,            -- the probe
    answer VARCHAR NOT NULL,
    value DOUBLE NOT NULL,            -- 1 if the answer passes
    PRIMARY KEY (run_id, system, probe_group, text)
);
