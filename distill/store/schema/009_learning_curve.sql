-- Students of the learning curve, each trained on a part of the split. Their predictions and scores
-- on gold have the system name curve:<examples>.

CREATE TABLE curve_student AS SELECT 0 AS examples, * FROM student LIMIT 0;
CREATE UNIQUE INDEX curve_student_once ON curve_student (run_id, examples);
