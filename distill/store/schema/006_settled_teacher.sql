-- A run keeps the teacher that it began with, so its specification names it. Before, `auto` was
-- always the embedded one.

UPDATE run SET spec = replace(spec::VARCHAR, '"teacher": {"model": "auto"', '"teacher": {"model": "embedded"');
