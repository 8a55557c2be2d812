-- The maximum number of concurrent requests, and whether the price of an answer is the time of our
-- machine. Older answers have no maximum; their price was our time if their maximum bill was 0.

ALTER TABLE completion ADD COLUMN in_flight INTEGER;
ALTER TABLE completion ADD COLUMN by_seconds BOOLEAN DEFAULT FALSE;

UPDATE completion SET by_seconds = TRUE WHERE request_id IN (
    SELECT attempt.request_id FROM attempt JOIN outcome ON outcome.attempt_id = attempt.id
    WHERE worst_usd = 0 AND result = 'answered'
);

-- A period in which our machine answered the requests of a purpose, and the share of its processors
-- that other processes used in the period (0 to 1; NULL if unknown).

CREATE TABLE stretch (
    run_id VARCHAR NOT NULL,
    purpose VARCHAR NOT NULL,
    began TIMESTAMPTZ NOT NULL,
    ended TIMESTAMPTZ NOT NULL,
    others_cpu DOUBLE,
    PRIMARY KEY (run_id, purpose, began)
);

ALTER TABLE student ADD COLUMN others_cpu DOUBLE;        -- during the training
ALTER TABLE curve_student ADD COLUMN others_cpu DOUBLE;

-- The speed of a system may be measured repeatedly; the newest row counts.

CREATE TABLE speed_again (
    run_id VARCHAR NOT NULL,
    system VARCHAR NOT NULL,
    in_flight INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,          -- from the first request to the last answer
    latency_p50_s DOUBLE NOT NULL,
    latency_p95_s DOUBLE NOT NULL,
    latency_p99_s DOUBLE NOT NULL,
    completion_tokens BIGINT NOT NULL,
    others_cpu DOUBLE,
    measured TIMESTAMPTZ NOT NULL,    -- 1970 for older rows
    PRIMARY KEY (run_id, system, in_flight, measured)
);
INSERT INTO speed_again SELECT *, NULL, to_timestamp(0) FROM speed;
DROP TABLE speed;
ALTER TABLE speed_again RENAME TO speed;

-- The cost of each answer to each run that planned its request. An answer with several purposes
-- counts once, for the first of them. The cost is the provider's bill, or the time of our machine
-- multiplied by the rate in the run's task. The machine's time for a purpose is the time with at
-- least one request in flight, divided among the answers in proportion to their latencies.

CREATE VIEW cost AS
WITH wanted AS (
    SELECT run_id, request_id,
           arg_min(purpose, CASE
               WHEN purpose LIKE 'generate:%' THEN '1'
               WHEN purpose LIKE 'curate:%' OR purpose LIKE 'evaluate:judge%' THEN '2'
               ELSE '3' END || purpose) AS purpose
    FROM ask GROUP BY run_id, request_id
), span AS (
    SELECT run_id, purpose, request_id, latency_s, usd AS stored_usd, by_seconds,
           epoch(finished) - latency_s AS began, epoch(finished) AS ended
    FROM wanted JOIN completion USING (request_id)
), ours AS (
    SELECT *, max(ended) OVER (
        PARTITION BY run_id, purpose ORDER BY began, ended, request_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS busy_until
    FROM span WHERE by_seconds
), busy AS (
    SELECT run_id, purpose, sum(latency_s) AS latencies,
           sum(greatest(ended - greatest(began, coalesce(busy_until, began)), 0)) AS seconds
    FROM ours GROUP BY run_id, purpose
)
SELECT span.run_id, span.purpose, span.request_id,
       CASE WHEN by_seconds THEN latency_s / latencies * seconds ELSE 0 END AS machine_seconds,
       CASE WHEN by_seconds AND latencies > 0
            THEN CAST(coalesce(CAST(spec -> '$.machine' ->> 'usd_per_hour' AS DOUBLE) / 3600
                               * latency_s / latencies * seconds, stored_usd) AS DECIMAL(18, 12))
            ELSE stored_usd END AS usd
FROM span LEFT JOIN busy ON busy.run_id = span.run_id AND busy.purpose = span.purpose
LEFT JOIN run ON run.id = span.run_id;
