-- What is not to be told for a while. NULL kind or subject: any; patterns with * and ? are allowed.
CREATE TABLE silence (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT,
    subject TEXT,
    until_us INTEGER NOT NULL,
    by TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL
) STRICT;

-- Maintenance begun by hand; the windows of the settings are not here.
CREATE TABLE maintenance (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started_at INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    by TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    stopped_at INTEGER
) STRICT;

-- An episode, or an event of a run, that somebody is to be told of. It is told when told_at is not NULL.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL,          -- host/kind/subject
    episode TEXT NOT NULL,              -- anomaly:ID or run:EXECUTION
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    host TEXT NOT NULL,
    severity INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('firing', 'suppressed', 'resolved')),
    suppressed_by TEXT,
    told_severity INTEGER,
    told_at INTEGER,                    -- the last time that a message of it was put into the outbox
    repeats INTEGER NOT NULL DEFAULT 0,
    told_to TEXT NOT NULL DEFAULT '[]', -- JSON: notifiers that were told of it
    once INTEGER NOT NULL DEFAULT 0,    -- an event without an end: told once, never repeated
    acknowledged INTEGER NOT NULL DEFAULT 0,
    silenced_until INTEGER,             -- the episode's own silence
    opened_at INTEGER NOT NULL,
    resolved_at INTEGER,
    facts TEXT NOT NULL,                -- JSON, redacted and sanitised
    UNIQUE (fingerprint, episode)
) STRICT;
CREATE INDEX alert_open ON alert (kind, fingerprint) WHERE resolved_at IS NULL;
CREATE INDEX alert_resolved ON alert (resolved_at) WHERE resolved_at IS NOT NULL;

-- A message to one notifier. It is sent at least once; `key` lets a receiver know the second time.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,           -- a hash of fingerprint, episode, transition, notifier
    alert_id INTEGER REFERENCES alert (id) ON DELETE SET NULL,
    notifier TEXT NOT NULL,
    transition TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'dropped')),
    facts TEXT NOT NULL,                -- JSON, redacted and sanitised
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    claimed_by TEXT,
    claimed_until INTEGER,              -- a claim that ended without an answer is somebody else's
    batch TEXT,                         -- rows that went, or are to go, as one message
    sent_at INTEGER,
    answer TEXT
) STRICT;
CREATE INDEX outbox_waiting ON outbox (notifier, due_at) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_alert ON outbox (alert_id, notifier);
CREATE INDEX outbox_sent ON outbox (notifier, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX outbox_created ON outbox (created_at);
