-- The speed of a served system under a load of `in_flight` concurrent requests.

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

-- The startup of a system's server.

CREATE TABLE server (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    start_s DOUBLE NOT NULL,          -- seconds until the server was healthy
    memory_mib DOUBLE NOT NULL,       -- PSS of all its processes, after the load tests
    PRIMARY KEY (run_id, system)
);
