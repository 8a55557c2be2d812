-- The probability of each choice, as a decision model told it with its answer. Other answers have no
-- row.

CREATE TABLE choice_probability (
    request_id VARCHAR PRIMARY KEY,
    probabilities JSON NOT NULL       -- choice → probability
);
