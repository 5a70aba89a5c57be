-- A script in which a secret was found is here without it; the exact bytes are in scripts/<sha256> (0600).
ALTER TABLE script ADD COLUMN private INTEGER NOT NULL DEFAULT 0;

-- The end of what a run printed, without secrets and control sequences, compressed: the index is contentless, and
-- needs the exact text again when a row goes.
CREATE TABLE output (
    id INTEGER PRIMARY KEY,
    execution_id TEXT NOT NULL UNIQUE REFERENCES execution (id) ON DELETE CASCADE,
    task_id INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX output_task ON output (task_id);
CREATE VIRTUAL TABLE output_text USING fts5 (body, content = '');

-- 1: the run's files are still to be rewritten without secrets (execution.redact_at_rest).
ALTER TABLE execution ADD COLUMN at_rest_due INTEGER NOT NULL DEFAULT 0;
CREATE INDEX execution_at_rest ON execution (finished_at) WHERE at_rest_due;
