-- The specification of a run names the teacher with which the run began. In older versions, `auto`
-- was always the embedded teacher.

UPDATE run SET spec = replace(spec::VARCHAR, '"teacher": {"model": "auto"', '"teacher": {"model": "embedded"');
