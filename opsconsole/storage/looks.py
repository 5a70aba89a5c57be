"""When an operator last looked, and what happened since. Functions of a connection.

Only what ended, opened, closed or died at or after a moment is read, through indexes: it costs what has happened, not
what there is.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import field

from opsconsole.anomalies import Anomaly
from opsconsole.models import Status, Task
from opsconsole.storage import anomalies, history, rows
from opsconsole.values import dataclass

LOUD = frozenset({Status.FAILED, Status.TIMED_OUT, Status.ABANDONED, Status.REFUSED})
"""Ends that somebody wants to know of one by one."""
_MOST = 500


@dataclass(frozen=True, slots=True)
class DeadConsole:
    """A console that ended without signing off; `ended_at` is when another one noticed."""

    id: int
    pid: int
    door: str
    actor: str
    ended_at: int


@dataclass(frozen=True, slots=True)
class Happened:
    """`loud`: the tasks that did not end well, the last one first, at most 500; `ended` counts all by status."""

    loud: list[Task] = field(default_factory=list)
    ended: Counter[Status] = field(default_factory=Counter)
    anomalies: list[Anomaly] = field(default_factory=list)
    """Opened or closed since then."""
    consoles: list[DeadConsole] = field(default_factory=list)


def last(c: sqlite3.Connection, actor: str) -> int | None:
    """In microseconds since the epoch; None: never."""
    row = c.execute("SELECT at_us FROM look WHERE actor = ?", (rows.storable(actor),)).fetchone()
    return None if row is None else int(row[0])


def remember(c: sqlite3.Connection, actor: str, at_us: int) -> None:
    """It never goes back: of two consoles of one operator the later look counts."""
    c.execute(
        "INSERT INTO look VALUES (?, ?) ON CONFLICT (actor) DO UPDATE SET at_us = max(at_us, excluded.at_us)",
        (rows.storable(actor), at_us),
    )


def happened(c: sqlite3.Connection, since_us: int) -> Happened:
    """Since a time in microseconds since the epoch."""
    ended = c.execute(
        "SELECT status, count(*) FROM task INDEXED BY task_finished WHERE finished_at >= ? GROUP BY status",
        (since_us,),
    )
    counted = Counter({Status(status): number for status, number in ended})
    loud: list[Task] = []
    if any(counted[status] for status in LOUD):
        loud = history.page(c, history.Filter(statuses=LOUD, ended_since_us=since_us, limit=_MOST))
    episodes = anomalies.find(c, anomalies.AnomalyFilter(since_us=since_us, limit=_MOST))
    dead = c.execute(
        """SELECT id, pid, door, actor, ended_at FROM console
           WHERE died AND ended_at >= ? ORDER BY ended_at DESC LIMIT ?""",
        (since_us, _MOST),
    )
    return Happened(
        sorted(loud, key=lambda task: -(task.finished_at or 0)),
        counted,
        [one for one in episodes if one.opened_at >= since_us or one.closed_at is not None],
        [DeadConsole(*row) for row in dead],
    )


def next_queued(c: sqlite3.Connection) -> Task | None:
    """The one that is claimed next."""
    found = c.execute(
        f"{rows.TASK} WHERE t.id = (SELECT id FROM task WHERE status = 'queued' ORDER BY rank, id LIMIT 1)"
    ).fetchone()
    return None if found is None else rows.task(found)
