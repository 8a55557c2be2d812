-- Of what a run is expected to be billed: what does not hang on inputs that are not made yet. Runs
-- of before have none.

ALTER TABLE estimate ADD COLUMN certain_usd DECIMAL(18, 12);

-- Why a run has its teacher, where the task leaves that to `auto`, and the one that it would have
-- had if somebody had agreed to pay it ('' for none).

CREATE TABLE teacher_choice (
    run_id VARCHAR PRIMARY KEY,
    why VARCHAR NOT NULL,
    instead_of VARCHAR NOT NULL
);
