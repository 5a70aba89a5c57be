-- Times are microseconds since the epoch, UTC. `rev` is one number per writing transaction, so that another console
-- can ask "what changed since".

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('rank_clock', 0);

CREATE TABLE console (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    start_time INTEGER,
    boot_id TEXT NOT NULL,
    host TEXT NOT NULL,
    door TEXT NOT NULL,
    actor TEXT NOT NULL,
    ssh_client TEXT,
    claims TEXT NOT NULL CHECK (claims IN ('all', 'own', 'none')),
    started_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX console_living ON console (id) WHERE ended_at IS NULL;

-- A script text under a name is stored and indexed once, however often it runs.
CREATE TABLE script (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (sha256, name)
) STRICT;
CREATE VIRTUAL TABLE script_text USING fts5 (name, body, content = '');

CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rev INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    name TEXT NOT NULL,
    priority INTEGER NOT NULL,
    rank INTEGER NOT NULL,              -- order of the claim: smaller first
    policy TEXT NOT NULL,
    interpreter TEXT NOT NULL,
    script_id INTEGER NOT NULL REFERENCES script (id),
    spec TEXT NOT NULL,                 -- JSON: what only the launch needs
    environment TEXT,                   -- key of a file under environments/, while open
    queued_at INTEGER NOT NULL,
    due_at INTEGER,                     -- a retry waits until then
    started_at INTEGER,
    finished_at INTEGER,
    duration_s REAL,
    exit_code INTEGER,
    signal TEXT,
    held INTEGER NOT NULL DEFAULT 0,
    after_id INTEGER,
    attempt INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 1,
    launch INTEGER NOT NULL DEFAULT 0,  -- a launch that never took its claim is followed by the next number
    console_id INTEGER,                 -- who has it claimed, or who alone may claim it
    reserved INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    pinned INTEGER NOT NULL DEFAULT 0,
    host TEXT NOT NULL,
    door TEXT NOT NULL,
    actor TEXT NOT NULL,
    ssh_client TEXT,
    parent_id INTEGER,
    parent_kind TEXT,
    labels TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX task_queued ON task (rank, id) WHERE status = 'queued';
CREATE INDEX task_waiting ON task (due_at) WHERE status = 'waiting';
CREATE INDEX task_status ON task (status, id);
CREATE INDEX task_rev ON task (rev);
CREATE INDEX task_script ON task (script_id, id);
CREATE INDEX task_environment ON task (environment) WHERE environment IS NOT NULL;
CREATE INDEX task_after ON task (after_id) WHERE after_id IS NOT NULL;
CREATE INDEX task_parent ON task (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX task_finished ON task (finished_at, status) WHERE finished_at IS NOT NULL;
CREATE INDEX task_pinned ON task (id) WHERE pinned;
-- All that history filters and statistics look at: one walk answers any combination, rare or not, without the rows.
CREATE INDEX task_facts ON task (
    id, script_id, status, policy, exit_code, queued_at, host, door, actor, parent_id, labels, started_at, finished_at,
    duration_s, attempt
);

CREATE TABLE execution (
    id TEXT PRIMARY KEY,                -- '<task>.<attempt>'
    task_id INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    launch INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    console_id INTEGER,
    supervisor_pid INTEGER,
    supervisor_start INTEGER,
    leader_pid INTEGER,
    leader_start INTEGER,
    boot_id TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    duration_s REAL,
    exit_code INTEGER,
    signal TEXT,
    result TEXT,                        -- JSON: what the supervisor reported
    bytes INTEGER NOT NULL DEFAULT 0    -- size of the run folder's streams, for clean-up
) STRICT;
CREATE INDEX execution_task ON execution (task_id, bytes);
CREATE INDEX execution_open ON execution (console_id) WHERE status IN ('preparing', 'running', 'paused');

-- Run folders whose task was cleaned up, written with the rows' deletion: only these are ever removed from disk.
CREATE TABLE removed_run (execution_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
