-- How sure a model is: the logarithm of its answer's probability, where it was told, and that
-- probability as a prediction's confidence.

ALTER TABLE completion ADD COLUMN logprob DOUBLE;
ALTER TABLE prediction ADD COLUMN confidence DOUBLE;
