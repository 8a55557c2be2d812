-- The terms of use of a run's models and of its base, as known before the first payment. A change
-- of the terms, or of the reason in the task, adds a row.

CREATE TABLE terms (
    run_id VARCHAR NOT NULL,
    version VARCHAR NOT NULL,         -- hash of the row of terms.toml
    confirmed VARCHAR NOT NULL,       -- terms.confirmed of the task
    use VARCHAR NOT NULL,             -- teacher, judge, base
    model VARCHAR NOT NULL,           -- name as in task.toml; a base with the hash of its weights
    provider VARCHAR NOT NULL,
    training VARCHAR NOT NULL,        -- allowed, own_use, ask, forbidden
    source VARCHAR NOT NULL,          -- empty if terms.toml has no row for the model
    checked DATE,
    effective DATE,
    written TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (run_id, version, confirmed)
);

-- The origin of an example's answer. Runs of older versions have no rows.

CREATE TABLE label_origin (
    run_id VARCHAR NOT NULL,
    example_id VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,          -- teacher, or from a person: seed or review
    PRIMARY KEY (run_id, example_id)
);

-- The provider of a model, by the form of the model's name: a URL, a name with a hash of the
-- weights, or a provider's id.

CREATE VIEW model_provider AS
SELECT DISTINCT model,
    CASE WHEN contains(model, '://')
         THEN rtrim(regexp_extract(model, '://\[?([0-9a-fA-F:.]+\]|[^/:#]+)', 1), ']')
         WHEN contains(model, '@') THEN 'self-served'
         WHEN model LIKE 'claude%' THEN 'anthropic'
         ELSE 'openai' END AS provider
FROM request;

-- The origin of each example's answer. A teacher's answer has its model, provider and time. A
-- synthesised input has its model and provider.

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
