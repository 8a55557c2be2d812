-- How fast a system is served, with so many requests always in flight.

CREATE TABLE speed (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    in_flight INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,          -- from the first request to the last answer
    latency_p50_s DOUBLE NOT NULL,
    latency_p95_s DOUBLE NOT NULL,
    latency_p99_s DOUBLE NOT NULL,
    completion_tokens BIGINT NOT NULL,
    PRIMARY KEY (run_id, system, in_flight)
);

-- What its server took.

CREATE TABLE server (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    start_s DOUBLE NOT NULL,          -- until it was healthy
    memory_mib DOUBLE NOT NULL,       -- Linux's PSS of all its processes, after the loads
    PRIMARY KEY (run_id, system)
);
