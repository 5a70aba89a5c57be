-- What was done to a task after it was submitted, by whom, written with the change itself. What another row holds is
-- not here: queued, started and ended are columns of task and execution, and so is a claim (execution.claimed_at,
-- .console_id), which is copied here only when its row goes or gets another console.
CREATE TABLE task_event (
    id INTEGER PRIMARY KEY,             -- order of what happened in the same microsecond
    task_id INTEGER NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    actor TEXT,                         -- NULL: nobody asked, it came of itself
    detail TEXT
) STRICT;
CREATE INDEX task_event_task ON task_event (task_id, at);

-- Of tasks up to this one, nobody wrote down what was done before this migration.
CREATE TABLE task_events_after (task_id INTEGER NOT NULL) STRICT;
INSERT INTO task_events_after SELECT coalesce(max(id), 0) FROM task;
