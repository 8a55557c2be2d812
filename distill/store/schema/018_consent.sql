-- The part of the estimated bill that does not depend on inputs still to be generated. NULL in runs
-- of older versions.

ALTER TABLE estimate ADD COLUMN certain_usd DECIMAL(18, 12);

-- The reason for the teacher that `auto` chose, and the teacher that it would have chosen with
-- consent to pay ('' if the same).

CREATE TABLE teacher_choice (
    run_id VARCHAR PRIMARY KEY,
    why VARCHAR NOT NULL,
    instead_of VARCHAR NOT NULL
);
