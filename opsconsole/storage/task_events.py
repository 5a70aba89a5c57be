"""Writing down what happens to a task, when, and who asked for it; `storage.course` reads it back.

An event is written by the transaction of the change it tells of, so neither is ever there without the other. A claim
costs no row: the execution's own row has its time and its console, and is copied before either would be lost.
"""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from opsconsole.storage import rows


class What(StrEnum):
    """What an event tells, beside the statuses a task can end in."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    UNCLAIMED = "unclaimed"
    TAKEN_OVER = "taken_over"
    STARTED = "started"
    HELD = "held"
    RELEASED = "released"
    READY = "ready"
    RETRY_PAUSE = "retry_pause"
    """Between an attempt that failed and the next one; read off its rows."""
    PRIORITY = "priority"
    PAUSE_ASKED = "pause_asked"
    PAUSED = "paused"
    RESUME_ASKED = "resume_asked"
    RESUMED = "resumed"
    CANCEL_ASKED = "cancel_asked"
    PINNED = "pinned"
    UNPINNED = "unpinned"


CLAIM = """
    SELECT e.task_id, e.attempt, e.claimed_at AS at, 'claimed' AS what,
           CASE WHEN k.id IS NOT NULL THEN k.actor || ' (' || k.door || ')' END AS actor,
           CASE WHEN k.id IS NOT NULL THEN 'console ' || k.id || ', pid ' || k.pid END AS detail, NULL AS reason
    FROM execution e LEFT JOIN console k ON k.id = e.console_id
"""
"""Claims as they stand in the rows of executions; to be narrowed with WHERE."""


def record(
    c: sqlite3.Connection, task_id: int, what: What, now: int, actor: str | None = None, detail: str | None = None,
    reason: str | None = None,
) -> None:  # fmt: skip
    """In the transaction of the change. `reason`: why, in the words of whoever asked for it."""
    c.execute(
        """INSERT INTO task_event (task_id, attempt, at, what, actor, detail, reason)
           SELECT id, attempt, ?, ?, ?, ?, ? FROM task WHERE id = ?""",
        (now, what.value, rows.storable(actor), rows.storable(detail), rows.storable(reason), task_id),
    )


def is_recorded(c: sqlite3.Connection, task_id: int, what: What, at: int) -> bool:
    """Whether it is known already: who takes a run over reads anew what its supervisor wrote down."""
    found = c.execute("SELECT 1 FROM task_event WHERE task_id = ? AND at = ? AND what = ?", (task_id, at, what.value))
    return found.fetchone() is not None


def keep_claim(c: sqlite3.Connection, execution_id: str) -> None:
    """Before the execution's row goes or gets another console: who claimed it, and when. Once for a claim."""
    c.execute(
        f"""INSERT INTO task_event (task_id, attempt, at, what, actor, detail, reason)
            {CLAIM} WHERE e.id = ? AND coalesce((
                SELECT v.what FROM task_event v
                WHERE v.task_id = e.task_id AND v.attempt = e.attempt AND v.what IN ('claimed', 'unclaimed')
                ORDER BY v.id DESC LIMIT 1), '') <> 'claimed'""",
        (execution_id,),
    )
