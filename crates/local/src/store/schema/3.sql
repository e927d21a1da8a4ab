-- Runs with a number, by which their steps name them.
CREATE TABLE numbered_runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    check_id TEXT NOT NULL,
    slot TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    -- passed, failed, inconclusive, maintenance or refused.
    outcome TEXT NOT NULL,
    -- The whole report, JSON: of each run that did not pass, and of one passed run an hour.
    report TEXT
) STRICT;
INSERT INTO numbered_runs (run_id, check_id, slot, scheduled_at, started, ended, outcome, report)
SELECT run_id, check_id, slot, scheduled_at, started, ended, outcome, report FROM runs ORDER BY scheduled_at;

-- Steps of the runs' last attempts.
CREATE TABLE run_steps (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    -- passed, failed, inconclusive, maintenance or skipped.
    result TEXT NOT NULL,
    duration_ms REAL NOT NULL,
    PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;

CREATE TEMPORARY TABLE old_steps AS SELECT * FROM steps;
DROP TABLE steps;
DROP TABLE runs;
ALTER TABLE numbered_runs RENAME TO runs;
CREATE INDEX runs_scheduled_at ON runs (check_id, scheduled_at);
CREATE INDEX runs_age ON runs (scheduled_at);
INSERT INTO run_steps SELECT runs.id, position, subject, name, result, duration_ms FROM old_steps JOIN runs USING (run_id);
DROP TABLE old_steps;
CREATE VIEW steps AS
SELECT run_id, position, subject, name, result, duration_ms FROM run_steps JOIN runs ON runs.id = run_steps.run;

-- Names and units of values, each once.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    metric TEXT NOT NULL,
    -- Names and values of the dimensions, JSON.
    dimensions TEXT NOT NULL,
    unit TEXT NOT NULL,
    UNIQUE (metric, dimensions, unit)
) STRICT;
INSERT INTO series (metric, dimensions, unit) SELECT DISTINCT metric, dimensions, unit FROM metric_values;

CREATE TABLE points (
    series INTEGER NOT NULL REFERENCES series (id),
    -- Scheduled time of the run.
    at INTEGER NOT NULL,
    value REAL NOT NULL
) STRICT;
INSERT INTO points SELECT series.id, at, value FROM metric_values JOIN series USING (metric, dimensions, unit);
DROP TABLE metric_values;
CREATE INDEX points_series ON points (series, at);
CREATE INDEX points_age ON points (at);
CREATE VIEW metric_values AS
SELECT metric, dimensions, at, value, unit FROM points JOIN series ON series.id = points.series;
