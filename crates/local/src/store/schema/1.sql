-- The platform that everything here is about.
CREATE TABLE platform (
    id INTEGER PRIMARY KEY CHECK (id = 1) DEFAULT 1,
    environment TEXT NOT NULL,
    host TEXT NOT NULL
) STRICT;

-- What a check knows from run to run.
CREATE TABLE checks (
    id TEXT PRIMARY KEY,
    -- Number of writes; a run writes only if nobody has written since it read.
    version INTEGER NOT NULL,
    -- Incidents, streaks and silences, JSON.
    state TEXT NOT NULL,
    -- Memory of the check, JSON with its version.
    memory TEXT
) STRICT;

-- The last run of each slot: a location and a shard.
CREATE TABLE last_runs (
    check_id TEXT NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
    slot TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    -- Release of the code, and digest of the settings.
    release TEXT,
    settings TEXT,
    PRIMARY KEY (check_id, slot)
) STRICT;

-- Messages that their topic has not accepted yet.
CREATE TABLE outbox (
    check_id TEXT NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
    delivery_key TEXT NOT NULL,
    -- JSON.
    delivery TEXT NOT NULL,
    UNIQUE (check_id, delivery_key)
) STRICT;

CREATE TABLE incidents (
    check_id TEXT NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- Scheduled time of the first failed run.
    since INTEGER NOT NULL,
    closed_at INTEGER,
    severity TEXT NOT NULL,
    -- The whole record, JSON.
    record TEXT NOT NULL,
    PRIMARY KEY (check_id, id)
) STRICT;
CREATE INDEX incidents_since ON incidents (check_id, since);

-- Messages that a topic has accepted.
CREATE TABLE notifications (
    notification_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    event TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    -- The message, JSON.
    notification TEXT NOT NULL,
    PRIMARY KEY (notification_id, topic)
) STRICT;
CREATE INDEX notifications_queued_at ON notifications (queued_at);

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
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
CREATE INDEX runs_scheduled_at ON runs (check_id, scheduled_at);
CREATE INDEX runs_age ON runs (scheduled_at);

-- Steps of the runs' last attempts.
CREATE TABLE steps (
    run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    -- passed, failed, inconclusive, maintenance or skipped.
    result TEXT NOT NULL,
    duration_ms REAL NOT NULL,
    PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric_values (
    metric TEXT NOT NULL,
    -- Names and values of the dimensions, JSON.
    dimensions TEXT NOT NULL,
    -- Scheduled time of the run.
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    unit TEXT NOT NULL
) STRICT;
CREATE INDEX metric_values_series ON metric_values (metric, dimensions, at);
CREATE INDEX metric_values_age ON metric_values (at);
