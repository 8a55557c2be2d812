-- The learning curve: students of parts of the split. Their answers on gold are predictions and
-- scores of systems named curve:<examples>.

CREATE TABLE curve_student AS SELECT 0 AS examples, * FROM student LIMIT 0;
CREATE UNIQUE INDEX curve_student_once ON curve_student (run_id, examples);
