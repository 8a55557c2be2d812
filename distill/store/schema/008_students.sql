-- The optimizer step whose weights a student has: the one with the lowest validation loss.

ALTER TABLE student ADD COLUMN kept_step INTEGER;

-- Whether the served student answers as it did in the trainer.

CREATE TABLE parity (
    run_id VARCHAR PRIMARY KEY,
    asked INTEGER NOT NULL,           -- prompts that both answered
    agreed INTEGER NOT NULL           -- answers that are the same, character by character
);

-- A student that a provider trained is asked there, by this name; what the training was billed.

ALTER TABLE student ADD COLUMN model VARCHAR DEFAULT '';
ALTER TABLE student ADD COLUMN train_usd DECIMAL(18, 12);
ALTER TABLE student ADD COLUMN licence VARCHAR DEFAULT '';

-- Trainings at a provider: the attempt holds their price. They outlive the process that began them
-- and are found again by their tag.

CREATE TABLE training (
    attempt_id VARCHAR PRIMARY KEY,
    tag VARCHAR NOT NULL              -- a hash of rows, base and recipe
);
