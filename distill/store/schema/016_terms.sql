-- The terms that a run's outputs came under, as they were known before it paid, and of its base.
-- Another row when the terms or the task's reason changed.

CREATE TABLE terms (
    run_id VARCHAR NOT NULL,
    version VARCHAR NOT NULL,         -- a hash of what the row of terms.toml said
    confirmed VARCHAR NOT NULL,       -- the task's terms.confirmed
    use VARCHAR NOT NULL,             -- teacher, judge, base
    model VARCHAR NOT NULL,           -- as task.toml names it; a base with the hash of its weights
    provider VARCHAR NOT NULL,
    training VARCHAR NOT NULL,        -- allowed, own_use, ask, forbidden
    source VARCHAR NOT NULL,          -- empty: no row of terms.toml is about the model
    checked DATE,
    effective DATE,
    written TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (run_id, version, confirmed)
);

-- Whose an example's answer is. Runs that were curated before have no rows.

CREATE TABLE label_origin (
    run_id VARCHAR NOT NULL,
    example_id VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,          -- teacher; a person's: seed, review
    PRIMARY KEY (run_id, example_id)
);

-- A request's model names its backend: a URL, weights with their hash, else an id at a provider.

CREATE VIEW model_provider AS
SELECT DISTINCT model,
    CASE WHEN contains(model, '://')
         THEN rtrim(regexp_extract(model, '://\[?([0-9a-fA-F:.]+\]|[^/:#]+)', 1), ']')
         WHEN contains(model, '@') THEN 'self-served'
         WHEN model LIKE 'claude%' THEN 'anthropic'
         ELSE 'openai' END AS provider
FROM request;

-- Every example's answer: whose it is, and the model, its provider and the day for a teacher's;
-- and who made the input, where that was synthesised.

CREATE VIEW label AS
SELECT whose.run_id, whose.example_id, whose.source, whose.origin,
       said.model, said_by.provider, completion.finished AS answered,
       made.model AS input_model, made_by.provider AS input_provider
FROM (
    SELECT example.run_id, example.id AS example_id, example.source,
           coalesce(origin, CASE example.source WHEN 'seeds' THEN 'seed' ELSE 'teacher' END) AS origin
    FROM example
    LEFT JOIN label_origin
        ON label_origin.run_id = example.run_id AND label_origin.example_id = example.id
) AS whose
LEFT JOIN candidate ON candidate.run_id = whose.run_id AND candidate.id = whose.example_id
LEFT JOIN request AS said
    ON whose.origin = 'teacher' AND said.id = json_extract_string(candidate.answer_ids, '$[0]')
LEFT JOIN model_provider AS said_by ON said_by.model = said.model
LEFT JOIN completion ON completion.request_id = said.id
LEFT JOIN request AS made ON whose.source = 'synthesis' AND made.id = candidate.origin
LEFT JOIN model_provider AS made_by ON made_by.model = made.model;
