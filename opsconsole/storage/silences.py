"""Silences, and maintenance begun by hand: what is not told for a while, as functions of a connection.

A silence ends by itself. Patterns are those of a shell, and case counts; None means any.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from opsconsole.anomalies import Anomaly
from opsconsole.models import rfc3339
from opsconsole.storage.steadiness import horizon

CLEAN_STEP = 100
"""Silences that one step of cleaning up deletes at the most."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing that matches is told until `until_us`. `subject` "" is the host itself, None anything."""

    id: int
    kind: str | None
    subject: str | None
    until_us: int
    by: str
    reason: str
    created_at: int

    def matches(self, kind: str, subject: str) -> bool:
        """Whether it is about this kind and subject, whatever the time."""
        return _matches(self.kind, kind) and _matches(self.subject, subject)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "subject": self.subject,
            "until": rfc3339(self.until_us),
            "by": self.by,
            "reason": self.reason,
            "created_at": rfc3339(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Somebody works on the host: nothing is told until it ends."""

    id: int
    started_at: int
    until_us: int
    by: str
    reason: str
    stopped_at: int | None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "started_at": rfc3339(self.started_at),
            "until": rfc3339(self.until_us),
            "by": self.by,
            "reason": self.reason,
            "stopped_at": rfc3339(self.stopped_at),
        }


def add(
    c: sqlite3.Connection,
    kind: str | None,
    subject: str | None,
    until_us: int,
    *,
    by: str,
    reason: str = "",
    now: int,
) -> int:
    """Store a silence; returns its id."""
    cursor = c.execute(
        "INSERT INTO silence (kind, subject, until_us, by, reason, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (kind, subject, until_us, by, reason, now),
    )
    return int(cursor.lastrowid or 0)


def active(c: sqlite3.Connection, now: int) -> list[Silence]:
    """Those that have not expired, the one that ends first first."""
    return [Silence(*row) for row in c.execute(f"{_SILENCES} WHERE until_us > ? ORDER BY until_us, id", (now,))]


def remove(c: sqlite3.Connection, silence_id: int) -> bool:
    """Whether there was one."""
    return c.execute("DELETE FROM silence WHERE id = ?", (silence_id,)).rowcount > 0


def covers(silence: Silence, anomaly: Anomaly) -> bool:
    """Whether this silence is about this episode; whether it has expired is `active`'s to say."""
    return silence.matches(anomaly.kind, anomaly.subject)


def start_maintenance(c: sqlite3.Connection, until_us: int, *, by: str, reason: str, now: int) -> int:
    """Returns its id."""
    cursor = c.execute(
        "INSERT INTO maintenance (started_at, until_us, by, reason) VALUES (?, ?, ?, ?)", (now, until_us, by, reason)
    )
    return int(cursor.lastrowid or 0)


def stop_maintenance(c: sqlite3.Connection, now: int) -> int:
    """End whatever is under way; returns how many that were."""
    cursor = c.execute("UPDATE maintenance SET stopped_at = ? WHERE stopped_at IS NULL AND until_us > ?", (now, now))
    return cursor.rowcount


def maintenance(c: sqlite3.Connection, now: int) -> list[Maintenance]:
    """What is under way, the one that ends last first."""
    return [
        Maintenance(*row)
        for row in c.execute(
            f"{_MAINTENANCE} WHERE stopped_at IS NULL AND started_at <= ? AND until_us > ? ORDER BY until_us DESC, id",
            (now, now),
        )
    ]


def clean_up(c: sqlite3.Connection, keep_us: int, now: int) -> None:
    """Forget what ended so long before `now`, or before the newest was made and a day; at most `CLEAN_STEP` of each at
    a time. `now` should be a steady clock's (`storage.steadiness`).
    """
    for table, made in (("silence", "created_at"), ("maintenance", "started_at")):
        newest = c.execute(f"SELECT max({made}) FROM {table}").fetchone()[0]
        c.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE until_us < ? ORDER BY until_us LIMIT ?)",
            (horizon(now, newest, keep_us), CLEAN_STEP),
        )


_SILENCES = "SELECT id, kind, subject, until_us, by, reason, created_at FROM silence"
_MAINTENANCE = "SELECT id, started_at, until_us, by, reason, stopped_at FROM maintenance"


def _matches(pattern: str | None, value: str) -> bool:
    """A name is itself first: the brackets of "postgres[812]" are none of a pattern."""
    return pattern is None or pattern == value or fnmatchcase(value, pattern)
