-- The optimizer step of a student's weights, which has the lowest validation loss.

ALTER TABLE student ADD COLUMN kept_step INTEGER;

-- The parity check: agreement of the served and the trained student.

CREATE TABLE parity (
    run_id VARCHAR PRIMARY KEY,
    asked INTEGER NOT NULL,           -- prompts that both students answered
    agreed INTEGER NOT NULL           -- prompts with exactly the same answer
);

-- The name of a student at the provider that trained it, the bill of its fine-tuning job in USD,
-- and the licence of its base.

ALTER TABLE student ADD COLUMN model VARCHAR DEFAULT '';
ALTER TABLE student ADD COLUMN train_usd DECIMAL(18, 12);
ALTER TABLE student ADD COLUMN licence VARCHAR DEFAULT '';

-- Fine-tuning jobs at a provider; the attempt has the maximum price. A job outlives the process
-- that began it, and is found again by its tag.

CREATE TABLE training (
    attempt_id VARCHAR PRIMARY KEY,
    tag VARCHAR NOT NULL              -- hash of rows, base and recipe
);
