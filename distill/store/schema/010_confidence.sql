-- The logarithm of an answer's probability, if the server returned it, and the probability as the
-- confidence of a prediction.

ALTER TABLE completion ADD COLUMN logprob DOUBLE;
ALTER TABLE prediction ADD COLUMN confidence DOUBLE;
