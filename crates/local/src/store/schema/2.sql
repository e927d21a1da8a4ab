-- Runs of each check and UTC day, and the durations of the last attempts of those that passed or failed.
CREATE TABLE daily_runs (
    check_id TEXT NOT NULL,
    -- Start of the day.
    day INTEGER NOT NULL,
    passed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    inconclusive INTEGER NOT NULL DEFAULT 0,
    maintenance INTEGER NOT NULL DEFAULT 0,
    -- Number of durations.
    durations INTEGER NOT NULL DEFAULT 0,
    p50_ms REAL,
    p95_ms REAL,
    p99_ms REAL,
    -- Number of durations by step of 1/32 of a doubling from 1 ms, JSON.
    histogram TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (check_id, day)
) STRICT;
CREATE INDEX daily_runs_age ON daily_runs (day);

-- Runs of each subject and UTC day.
CREATE TABLE daily_subjects (
    check_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    subject TEXT NOT NULL,
    passed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (check_id, day, subject)
) STRICT;
CREATE INDEX daily_subjects_age ON daily_subjects (day);

-- Earlier runs are counted. The durations of their last attempts are not known.
INSERT INTO daily_runs (check_id, day, passed, failed, inconclusive, maintenance)
SELECT check_id, scheduled_at - scheduled_at % 86400000 AS start,
    sum(outcome = 'passed'), sum(outcome = 'failed'), sum(outcome = 'inconclusive'), sum(outcome = 'maintenance')
FROM runs WHERE outcome <> 'refused' GROUP BY check_id, start;
INSERT INTO daily_subjects (check_id, day, subject, passed, failed)
SELECT check_id, start, subject, sum(failures = 0), sum(failures > 0)
FROM (
    SELECT check_id, scheduled_at - scheduled_at % 86400000 AS start, subject, sum(result = 'failed') AS failures,
        sum(result IN ('inconclusive', 'maintenance')) AS others
    FROM steps JOIN runs USING (run_id) WHERE result <> 'skipped' GROUP BY run_id, subject
)
WHERE failures > 0 OR others = 0 GROUP BY check_id, start, subject;

-- Alarms that are evaluated on this machine.
CREATE TABLE alarm_states (
    alarm TEXT PRIMARY KEY,
    -- OK, ALARM or INSUFFICIENT_DATA.
    state TEXT NOT NULL,
    -- Time of the last change.
    since INTEGER NOT NULL,
    reason TEXT NOT NULL,
    -- Values that decided, JSON.
    decided_by TEXT NOT NULL
) STRICT;

CREATE TABLE alarm_changes (
    alarm TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- NULL: the alarm had no state.
    previous TEXT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    decided_by TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_changes_age ON alarm_changes (at);

-- Events that people noted, such as releases.
CREATE TABLE marks (
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    by TEXT NOT NULL
) STRICT;
CREATE INDEX marks_at ON marks (at);

-- Attempts to send a message of a topic to a destination.
CREATE TABLE deliveries (
    notification_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    destination TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    attempted_at INTEGER NOT NULL,
    -- NULL: not delivered yet.
    delivered_at INTEGER,
    -- Error of the last attempt; NULL: it succeeded.
    error TEXT,
    PRIMARY KEY (notification_id, topic, destination)
) STRICT;
CREATE INDEX deliveries_age ON deliveries (attempted_at);
