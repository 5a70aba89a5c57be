"""What happened to a task: its course, from its rows and from what was written down with each change."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from opsconsole.errors import TaskNotFound
from opsconsole.models import ENDED, rfc3339
from opsconsole.storage.task_events import CLAIM, What
from opsconsole.wording import long_duration

OF_ROWS = frozenset({What.QUEUED.value, What.STARTED.value, *(status.value for status in ENDED)})
"""Events that a task's object, or that of an attempt, tells too."""
_ENDED = frozenset(status.value for status in ENDED)
_RANK = {What.QUEUED: 0, What.READY: 1, **dict.fromkeys(_ENDED, 3), What.RETRY_PAUSE: 4}
"""Of what has one time."""


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """`at` in µs since the epoch; `actor` as `deploy (tui)`, None where nobody asked; `what`: a `What`, or the status
    in which an attempt or the task ended; `reason`: why, in the words of who asked. What is text comes from outside.
    """

    at: int
    what: str
    attempt: int
    actor: str | None = None
    detail: str | None = None
    reason: str | None = None

    def to_json(self, task_id: int) -> dict[str, object]:
        return {
            "task_id": task_id, "attempt": self.attempt, "time": rfc3339(self.at), "event": self.what,
            "actor": self.actor, "detail": self.detail, "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Course:
    """In order of time. Not `complete`: it was submitted when nobody wrote down yet who did what to a task."""

    events: tuple[TaskEvent, ...] = ()
    complete: bool = True

    @property
    def noted(self) -> tuple[TaskEvent, ...]:
        """Those that no object tells: claims, and what people did."""
        return tuple(event for event in self.events if event.what not in OF_ROWS)


def course(c: sqlite3.Connection, task_id: int) -> Course:
    """Raises TaskNotFound."""
    task = c.execute("SELECT * FROM task WHERE id = ?", (task_id,)).fetchone()
    if task is None:
        raise TaskNotFound(f"there is no task {task_id}", hint="`opsconsole history` lists them")
    written = [_event(row) for row in c.execute("SELECT * FROM task_event WHERE task_id = ? ORDER BY id", (task_id,))]
    last = {event.attempt: event.what for event in written if event.what in (What.CLAIMED, What.UNCLAIMED)}
    claims = [_event(row) for row in c.execute(f"{CLAIM} WHERE e.task_id = ? ORDER BY e.attempt", (task_id,))]
    found = [_queued(task), *(one for one in claims if last.get(one.attempt) != What.CLAIMED), *written]
    found += _beginnings_and_ends(c, task)
    found += _pauses(found, task)
    since = c.execute("SELECT task_id FROM task_events_after").fetchone()[0]
    return Course(_in_order(found), complete=task_id > since)


def _in_order(found: list[TaskEvent]) -> tuple[TaskEvent, ...]:
    """As it happened. What one transaction did has one time, and who is claimed by it can have been made ready a moment
    after the time that it began at: no attempt is claimed before it is ready."""
    claimed: dict[int, int] = {}
    for event in found:
        if event.what == What.CLAIMED:
            claimed[event.attempt] = min(event.at, claimed.get(event.attempt, event.at))
    made = [
        replace(event, at=min(event.at, claimed.get(event.attempt, event.at))) if event.what == What.READY else event
        for event in found
    ]
    return tuple(sorted(made, key=lambda event: (event.at, event.attempt, _RANK.get(event.what, 2))))


def _pauses(found: list[TaskEvent], task: sqlite3.Row) -> list[TaskEvent]:
    """What a task waited, or waits, for between two attempts."""
    ready = {event.attempt: event.at for event in found if event.what == What.READY}
    if task["due_at"] is not None:
        ready.setdefault(task["attempt"], task["due_at"])
    ends = {event.attempt: event.at for event in found if event.what in _ENDED}
    return [
        TaskEvent(at, What.RETRY_PAUSE.value, attempt, None, f"{long_duration(length)} until attempt {attempt + 1}")
        for attempt, at in ends.items()
        if attempt + 1 in ready and (length := (ready[attempt + 1] - at) / 1e6) >= 0
    ]


def _event(row: sqlite3.Row) -> TaskEvent:
    return TaskEvent(row["at"], row["what"], row["attempt"], row["actor"], row["detail"], row["reason"])


def _queued(task: sqlite3.Row) -> TaskEvent:
    where = f"on {task['host']}" + (f", from {task['ssh_client']}" if task["ssh_client"] else "")
    return TaskEvent(task["queued_at"], What.QUEUED.value, 1, f"{task['actor']} ({task['door']})", where)


def _beginnings_and_ends(c: sqlite3.Connection, task: sqlite3.Row) -> list[TaskEvent]:
    """Of each attempt; and of a task that ended without one, or while the next was due."""
    found, ended = [], 0
    for row in c.execute("SELECT * FROM execution WHERE task_id = ? ORDER BY attempt", (task["id"],)):
        if row["started_at"] is not None:
            leader = f"process {row['leader_pid']}" if row["leader_pid"] else None
            found.append(TaskEvent(row["started_at"], What.STARTED.value, row["attempt"], None, leader))
        if row["finished_at"] is not None:
            found.append(TaskEvent(row["finished_at"], row["status"], row["attempt"], None, row["reason"]))
            ended = row["attempt"]
    if task["finished_at"] is not None and ended < task["attempt"]:
        found.append(TaskEvent(task["finished_at"], task["status"], task["attempt"], None, task["reason"]))
    return found
