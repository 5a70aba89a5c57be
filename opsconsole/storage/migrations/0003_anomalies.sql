-- Episodes of anomalies. The columns up to `details` are the monitor's, which writes them as often as it likes; those
-- after it belong to people, and no episode that goes on may overwrite them.
CREATE TABLE anomaly (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rev INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    host TEXT NOT NULL,
    severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4),
    state TEXT NOT NULL CHECK (state IN ('open', 'flapping', 'closed')),
    began_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    closed_at INTEGER,
    value REAL NOT NULL,
    peak REAL NOT NULL,
    mean REAL NOT NULL,
    count INTEGER NOT NULL,
    threshold REAL,
    unit TEXT NOT NULL,
    message TEXT NOT NULL,
    peak_at INTEGER,
    flips INTEGER NOT NULL DEFAULT 0,
    unknown_since INTEGER,
    processes TEXT NOT NULL DEFAULT '[]',   -- JSON, like the next ones
    runs TEXT NOT NULL DEFAULT '[]',
    details TEXT,
    links TEXT NOT NULL DEFAULT '[]',
    notes TEXT NOT NULL DEFAULT '[]',
    acknowledged_at INTEGER,
    acknowledged_by TEXT,
    silenced_until INTEGER,
    closed_by TEXT                          -- closed by hand, and stays so whatever the monitor still writes
) STRICT;
CREATE INDEX anomaly_open ON anomaly (id) WHERE state <> 'closed';
CREATE INDEX anomaly_kind ON anomaly (kind, id);
CREATE INDEX anomaly_opened ON anomaly (opened_at);
CREATE INDEX anomaly_closed ON anomaly (closed_at);
CREATE INDEX anomaly_rev ON anomaly (rev);

-- Counted apart from the table: a revision is never given twice, though rows are deleted.
CREATE TABLE anomaly_revision (value INTEGER NOT NULL) STRICT;
INSERT INTO anomaly_revision VALUES (0);
