-- What systems answered to the probes of what fine-tuning may have broken.

CREATE TABLE probe_answer (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    probe_group VARCHAR NOT NULL,     -- general, safety, carried
    kind VARCHAR NOT NULL,
    text VARCHAR NOT NULL,            -- what was asked
    answer VARCHAR NOT NULL,
    value DOUBLE NOT NULL,            -- 1 for an answer that is all right
    PRIMARY KEY (run_id, system, probe_group, text)
);
