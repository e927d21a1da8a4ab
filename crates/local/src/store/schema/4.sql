-- Duration of the last attempt of a passed or failed run.
ALTER TABLE runs ADD COLUMN attempt_ms REAL;
UPDATE runs SET attempt_ms = json_extract(report, '$.attempts[#-1].duration_ms')
WHERE report IS NOT NULL AND outcome IN ('passed', 'failed');
