"""The queue and its transitions, as functions of a connection inside a transaction.

Every change of a status names the statuses it may come from (the table is `execution.lifecycle`; a test holds the two
together); a row that moved on meanwhile is left alone.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.errors import IllegalTransition, QueueFull, SpecError, TaskNotFound, TooManySubmissions
from opsconsole.models import Origin, Priority, Status, Task
from opsconsole.settings import QueueSettings
from opsconsole.storage import endings, rows, task_events
from opsconsole.storage.revision import next_rev
from opsconsole.storage.task_events import What
from opsconsole.values import dataclass

INDEXED_BYTES = 64 * 1024
_ACTIVE = "('preparing', 'running', 'paused')"
_OPEN = "('queued', 'waiting', 'preparing', 'running', 'paused')"


@dataclass(frozen=True, slots=True)
class NewTask:
    """A checked submission, ready to be stored."""

    name: str
    status: Status
    reason: str | None
    priority: Priority
    policy: str
    interpreter: str
    body: bytes
    spec: Mapping[str, Any]
    environment: str | None
    attempts: int
    origin: Origin
    held: bool = False
    after: int | None = None
    parent_id: int | None = None
    parent_kind: str | None = None
    labels: Mapping[str, str] | None = None
    reserved_for: int | None = None
    exit_code: int | None = None
    shown: bytes | None = None
    """The body without its secrets, which alone goes into the database; None: it holds none."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task this console has claimed: what its launch needs."""

    task_id: int
    execution_id: str
    launch: int
    name: str
    interpreter: str
    policy: str
    body: bytes
    sha256: str
    spec: Mapping[str, Any]
    environment: str | None
    private: bool = False
    """`body` is without its secrets: the exact one is in a file of its own."""


# -- coming in


def insert(
    c: sqlite3.Connection, new: Sequence[NewTask], now: int, queue: QueueSettings, per_minute: int = 0
) -> list[int]:
    """Store tasks; returns their ids. `per_minute`: as many may come through one door, 0: any number.

    Raises QueueFull, TooManySubmissions, TaskNotFound, SpecError.
    """
    if per_minute and new:
        check_rate(c, new[0].origin.door, len(new), now, per_minute)
    adding = sum(task.status.is_open for task in new)
    if adding:
        check_capacity(c, adding, queue)
    rev = next_rev(c)
    clock = _rank_clock(c, now)
    scripts: dict[tuple[str, bytes, bytes | None], int] = {}
    ids = []
    for task in new:
        key = (task.name, task.body, task.shown)
        if key not in scripts:
            scripts[key] = _script_id(c, rows.storable(task.name), task.body, task.shown)
        ids.append(_insert_one(c, task, scripts[key], rev, now, clock, queue))
    return ids


def check_capacity(c: sqlite3.Connection, adding: int, queue: QueueSettings) -> None:
    """Raises QueueFull."""
    waiting = c.execute(f"SELECT count(*) FROM task WHERE status IN {_OPEN}").fetchone()[0]
    if waiting + adding > queue.capacity:
        raise QueueFull(
            f"the queue is full: {waiting} of {queue.capacity} tasks are open",
            hint="cancel some, wait, or raise the setting queue.capacity",
        )


def check_rate(c: sqlite3.Connection, door: str, adding: int, now: int, per_minute: int) -> None:
    """Raises TooManySubmissions. Only the newest rows are counted, which is enough for any sensible setting."""
    newest = f"id > (SELECT coalesce(max(id), 0) FROM task) - {10 * per_minute + 10_000}"
    came, first = c.execute(
        f"SELECT count(*), min(queued_at) FROM task WHERE {newest} AND door = ? AND queued_at > ?",
        (door, now - 60_000_000),
    ).fetchone()
    if came + adding > per_minute:
        wait = 60 if first is None else max(1, round((first + 60_000_000 - now) / 1_000_000))
        raise TooManySubmissions(
            f"{came} tasks came through {door} within the last minute, and it may take {per_minute}",
            hint=f"wait {wait} s, or raise the setting doors.{door}.submissions_per_minute",
        )


def _rank_clock(c: sqlite3.Connection, now: int) -> int:
    """`now`, or the latest time ever seen here: a clock that was set back does not let newcomers overtake."""
    seen = int(c.execute("SELECT value FROM meta WHERE key = 'rank_clock'").fetchone()[0])
    if now > seen:
        c.execute("UPDATE meta SET value = ? WHERE key = 'rank_clock'", (now,))
        return now
    return seen


def rank(clock: int, priority: int, queue: QueueSettings) -> int:
    """Order of the claim, smaller first: a level of priority is worth a head start of `ageing_s`."""
    return clock - priority * int(queue.ageing_s * 1_000_000)


def _script_id(c: sqlite3.Connection, name: str, body: bytes, shown: bytes | None) -> int:
    sha = hashlib.sha256(body).hexdigest()
    if shown is not None:
        _make_private(c, sha, shown)
    found = c.execute("SELECT id, private FROM script WHERE sha256 = ? AND name = ?", (sha, name)).fetchone()
    if found:
        return int(found[0])
    if shown is None:  # a secret that only another console knew
        other = c.execute("SELECT body FROM script WHERE sha256 = ? AND private LIMIT 1", (sha,)).fetchone()
        shown = None if other is None else other[0]
    stored = body if shown is None else shown
    cursor = c.execute(
        "INSERT INTO script (name, sha256, body, private) VALUES (?, ?, ?, ?)", (name, sha, stored, shown is not None)
    )
    c.execute(
        "INSERT INTO script_text (rowid, name, body) VALUES (?, ?, ?)", (cursor.lastrowid, name, indexed_text(stored))
    )
    return int(cursor.lastrowid or 0)


def _make_private(c: sqlite3.Connection, sha: str, shown: bytes) -> None:
    """The same bytes were stored when nobody knew that a secret is among them."""
    found = c.execute("SELECT id, name, body FROM script WHERE sha256 = ? AND NOT private", (sha,)).fetchall()
    if found:
        c.execute("PRAGMA secure_delete = ON")
    for row in found:
        forget_text(c, row)
        c.execute("UPDATE script SET body = ?, private = 1 WHERE id = ?", (shown, row["id"]))
        c.execute(
            "INSERT INTO script_text (rowid, name, body) VALUES (?, ?, ?)",
            (row["id"], row["name"], indexed_text(shown)),
        )


def forget_text(c: sqlite3.Connection, script: sqlite3.Row) -> None:
    """Take a script (id, name, body) out of the index, which is contentless: it is told the text again."""
    c.execute(
        "INSERT INTO script_text (script_text, rowid, name, body) VALUES ('delete', ?, ?, ?)",
        (script["id"], script["name"], indexed_text(script["body"])),
    )


def indexed_text(body: bytes) -> str:
    """The part of a script that full-text search sees."""
    return body[:INDEXED_BYTES].decode("utf-8", "replace")


def _insert_one(
    c: sqlite3.Connection, task: NewTask, script: int, rev: int, now: int, clock: int, queue: QueueSettings
) -> int:
    status, reason = task.status, rows.storable(task.reason)
    if task.after is not None and status.is_open:
        status = _dependency(c, task.after)
    if task.held and status.is_open:
        status = Status.WAITING
    origin = task.origin
    cursor = c.execute(
        """INSERT INTO task (rev, status, reason, name, priority, rank, policy, interpreter, script_id, spec,
               environment, queued_at, finished_at, exit_code, held, after_id, attempts, console_id, reserved,
               host, door, actor, ssh_client, parent_id, parent_kind, labels)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            rev, status.value, reason, rows.storable(task.name), int(task.priority),
            rank(clock, task.priority, queue), task.policy, task.interpreter, script, json.dumps(task.spec),
            task.environment if status.is_open else None, now, None if status.is_open else now, task.exit_code,
            task.held, task.after, task.attempts, task.reserved_for, task.reserved_for is not None, origin.host,
            origin.door, origin.actor, origin.ssh_client, task.parent_id, task.parent_kind,
            json.dumps(task.labels) if task.labels else "{}",
        ),
    )  # fmt: skip
    task_id = int(cursor.lastrowid or 0)
    if task.held:
        task_events.record(c, task_id, What.HELD, now, f"{origin.actor} ({origin.door})", "as it was submitted")
    return task_id


def _dependency(c: sqlite3.Connection, after: int) -> Status:
    row = c.execute("SELECT status FROM task WHERE id = ?", (after,)).fetchone()
    if row is None:
        raise TaskNotFound(f"there is no task {after} to run after")
    status = Status(row[0])
    if status is Status.COMPLETED:
        return Status.QUEUED
    if not status.is_open:
        raise SpecError(f"task {after} ended as {status}: nothing can run after its success")
    return Status.WAITING


# -- the claim


def claim(
    c: sqlite3.Connection, console_id: int, want: int, concurrency: int, now: int, boot_id: str, *, own_only: bool
) -> list[Claimed]:
    """Claim up to `want` queued tasks for this console, within the limit of all consoles together."""
    if want <= 0:
        return []
    active = c.execute(f"SELECT count(*) FROM execution WHERE status IN {_ACTIVE}").fetchone()[0]
    want = min(want, concurrency - active)
    if want <= 0:
        return []
    mine = "t.console_id = :me AND t.reserved" if own_only else "(NOT t.reserved OR t.console_id = :me)"
    found = c.execute(
        f"""SELECT t.id, t.name, t.attempt, t.launch, t.interpreter, t.policy, t.spec, t.environment, s.body, s.sha256,
                   s.private
            FROM task t JOIN script s ON s.id = t.script_id
            WHERE t.status = 'queued' AND {mine} ORDER BY t.rank, t.id LIMIT :want""",
        {"me": console_id, "want": want},
    ).fetchall()
    if not found:
        return []
    rev = next_rev(c)
    claimed = []
    for row in found:
        launch = row["launch"] + 1
        execution_id = f"{row['id']}.{row['attempt']}"
        c.execute(
            "UPDATE task SET status = 'preparing', reason = NULL, console_id = ?, launch = ?, rev = ? WHERE id = ?",
            (console_id, launch, rev, row["id"]),
        )
        c.execute(
            """INSERT INTO execution (id, task_id, attempt, launch, status, console_id, boot_id, claimed_at)
               VALUES (?, ?, ?, ?, 'preparing', ?, ?, ?)""",
            (execution_id, row["id"], row["attempt"], launch, console_id, boot_id, now),
        )
        claimed.append(
            Claimed(
                row["id"], execution_id, launch, row["name"], row["interpreter"], row["policy"], row["body"],
                row["sha256"], json.loads(row["spec"]), row["environment"], bool(row["private"]),
            )
        )  # fmt: skip
    return claimed


def unclaim(c: sqlite3.Connection, execution_id: str, launch: int) -> bool:
    """A launch that can never start any more: its task is queued again. The caller holds or voided its claim."""
    if not is_preparing(c, execution_id, launch):
        return False
    task_events.keep_claim(c, execution_id)
    c.execute("DELETE FROM execution WHERE id = ?", (execution_id,))
    task_id, now = int(execution_id.partition(".")[0]), time.time_ns() // 1000
    task_events.record(c, task_id, What.UNCLAIMED, now, detail="its launch never began")
    rev = next_rev(c)
    c.execute(
        """UPDATE task SET status = 'queued', console_id = CASE WHEN reserved THEN console_id END, rev = ?
           WHERE id = ? AND status = 'preparing'""",
        (rev, task_id),
    )
    if get(c, task_id).cancel_requested:
        endings.cancel_waiting(c, task_id, "cancelled", rev, now)
        endings.settle_dependents(c, task_id, rev, now)
    return True


def is_preparing(c: sqlite3.Connection, execution_id: str, launch: int) -> bool:
    """Whether it is this launch of the execution that is under way."""
    found = c.execute(
        "SELECT 1 FROM execution WHERE id = ? AND launch = ? AND status = 'preparing'", (execution_id, launch)
    )
    return found.fetchone() is not None


def launch_of(c: sqlite3.Connection, execution_id: str) -> int:
    """Number of the execution's launch. Raises TaskNotFound."""
    row = c.execute("SELECT launch FROM execution WHERE id = ?", (execution_id,)).fetchone()
    if row is None:
        raise TaskNotFound(f"there is no execution {execution_id}")
    return int(row[0])


# -- while it runs


def mark_supervised(
    c: sqlite3.Connection, execution_id: str, supervisor: tuple[int, int | None], report: Mapping[str, Any]
) -> bool:
    """PREPARING → RUNNING, with who supervises and who leads."""
    changed = c.execute(
        """UPDATE execution SET status = 'running', supervisor_pid = ?, supervisor_start = ?, leader_pid = ?,
               leader_start = ?, started_at = ? WHERE id = ? AND status = 'preparing'""",
        (*supervisor, report.get("leader"), report.get("leader_start"), report.get("started_at"), execution_id),
    ).rowcount
    if changed:
        c.execute(
            "UPDATE task SET status = 'running', started_at = ?, rev = ? WHERE id = ? AND status = 'preparing'",
            (report.get("started_at"), next_rev(c), int(execution_id.partition(".")[0])),
        )
    return bool(changed)


def mark_paused(c: sqlite3.Connection, execution_id: str, *, paused: bool, how: str, by: str | None, at: int) -> bool:
    """RUNNING ↔ PAUSED, which happened at a time (µs). False: it was not so, or it was told before."""
    task_id, what = int(execution_id.partition(".")[0]), What.PAUSED if paused else What.RESUMED
    if task_events.is_recorded(c, task_id, what, at):
        return False
    before, after = ("running", "paused") if paused else ("paused", "running")
    changed = c.execute(
        "UPDATE execution SET status = ? WHERE id = ? AND status = ?", (after, execution_id, before)
    ).rowcount
    if changed:
        c.execute(
            "UPDATE task SET status = ?, reason = ?, rev = ? WHERE id = ? AND status = ?",
            (after, how if paused else None, next_rev(c), task_id, before),
        )
        task_events.record(c, task_id, what, at, by, how if paused else None)
    return bool(changed)


# -- commands


def get(c: sqlite3.Connection, task_id: int) -> Task:
    """Raises TaskNotFound."""
    row = c.execute(f"{rows.TASK} WHERE t.id = ?", (task_id,)).fetchone()
    if row is None:
        raise TaskNotFound(f"there is no task {task_id}", hint="`opsconsole history` lists them")
    return rows.task(row)


def cancel(c: sqlite3.Connection, task_id: int, by: str, now: int, reason: str | None = None) -> Task:
    """A task that does not run is cancelled now; one that runs is marked, and its supervisor must be told.

    Raises TaskNotFound, IllegalTransition.
    """
    task = get(c, task_id)
    if not task.status.is_open:
        raise IllegalTransition(f"task {task_id} has already ended: {task.status}")
    task_events.record(c, task_id, What.CANCEL_ASKED, now, by, reason=reason)
    rev = next_rev(c)
    if task.status.is_active:
        c.execute("UPDATE task SET cancel_requested = 1, rev = ? WHERE id = ?", (rev, task_id))
    else:
        endings.cancel_waiting(c, task_id, f"cancelled by {by}", rev, now)
        endings.settle_dependents(c, task_id, rev, now)
    return get(c, task_id)


def hold(c: sqlite3.Connection, task_id: int, by: str, now: int, reason: str | None = None) -> Task:
    """A queued or waiting task waits until it is released. Raises TaskNotFound, IllegalTransition."""
    task = get(c, task_id)
    if task.status not in (Status.QUEUED, Status.WAITING):
        raise IllegalTransition(f"task {task_id} is {task.status}: only a queued or waiting one can be held")
    c.execute("UPDATE task SET held = 1, status = 'waiting', rev = ? WHERE id = ?", (next_rev(c), task_id))
    if not task.held:
        task_events.record(c, task_id, What.HELD, now, by, reason=reason)
    return get(c, task_id)


def release(c: sqlite3.Connection, task_id: int, by: str, now: int, reason: str | None = None) -> Task:
    """The opposite of `hold`. Raises TaskNotFound, IllegalTransition."""
    task = get(c, task_id)
    if not task.held or task.status is not Status.WAITING:
        raise IllegalTransition(f"task {task_id} is {task.status} and not held")
    still_waits = task.due_at is not None
    if task.after_id is not None and not still_waits:
        row = c.execute("SELECT status FROM task WHERE id = ?", (task.after_id,)).fetchone()
        still_waits = row is not None and Status(row[0]).is_open
    status = Status.WAITING if still_waits else Status.QUEUED
    c.execute("UPDATE task SET held = 0, status = ?, rev = ? WHERE id = ?", (status.value, next_rev(c), task_id))
    task_events.record(c, task_id, What.RELEASED, now, by, reason=reason)
    return get(c, task_id)


def set_priority(
    c: sqlite3.Connection, task_id: int, priority: Priority, queue: QueueSettings, by: str, now: int,
    reason: str | None = None,
) -> Task:  # fmt: skip
    """Raises TaskNotFound, IllegalTransition."""
    task = get(c, task_id)
    if task.status not in (Status.QUEUED, Status.WAITING):
        raise IllegalTransition(f"task {task_id} is {task.status}: its priority matters only while it is queued")
    shift = int((priority - task.priority) * queue.ageing_s * 1_000_000)
    c.execute(
        "UPDATE task SET priority = ?, rank = rank - ?, rev = ? WHERE id = ?",
        (int(priority), shift, next_rev(c), task_id),
    )
    if priority is not task.priority:
        change = f"{task.priority.name.lower()} → {priority.name.lower()}"
        task_events.record(c, task_id, What.PRIORITY, now, by, change, reason)
    return get(c, task_id)


def pin(c: sqlite3.Connection, task_id: int, pinned: bool, by: str, now: int, reason: str | None = None) -> Task:
    """A pinned task is never cleaned up. Raises TaskNotFound."""
    task = get(c, task_id)
    c.execute("UPDATE task SET pinned = ?, rev = ? WHERE id = ?", (pinned, next_rev(c), task_id))
    if pinned is not task.pinned:
        task_events.record(c, task_id, What.PINNED if pinned else What.UNPINNED, now, by, reason=reason)
    return get(c, task_id)


def asked_of_run(c: sqlite3.Connection, task_id: int, what: What, by: str, now: int, reason: str | None = None) -> None:
    """A command to a run was given: what comes of it, its supervisor tells. Others see that something changed."""
    task_events.record(c, task_id, what, now, by, reason=reason)
    c.execute("UPDATE task SET rev = ? WHERE id = ?", (next_rev(c), task_id))


def queue_due(c: sqlite3.Connection, now: int, longest_s: float) -> int:
    """Retries whose time has come are queued. One due later than any delay can be had the clock set back on it."""
    horizon = now + int(longest_s * 1_000_000)
    found = c.execute(
        """SELECT id, attempt, due_at FROM task
           WHERE status = 'waiting' AND NOT held AND (due_at <= ? OR due_at > ?)""",
        (now, horizon),
    ).fetchall()
    rev = next_rev(c) if found else 0
    for row in found:
        c.execute("UPDATE task SET status = 'queued', due_at = NULL, rev = ? WHERE id = ?", (rev, row["id"]))
        why = "is due" if row["due_at"] <= now else "is due, for the clock was set back"
        task_events.record(c, row["id"], What.READY, now, detail=f"attempt {row['attempt']} {why}")
    return len(found)


def next_due(c: sqlite3.Connection) -> int | None:
    """When the next retry is due."""
    found = c.execute("SELECT min(due_at) FROM task WHERE status = 'waiting' AND NOT held").fetchone()[0]
    return None if found is None else int(found)
