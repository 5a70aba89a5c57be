"""Alerts as they stand: one row an episode somebody is to be told of, as functions of a connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsconsole.anomalies import Severity
from opsconsole.models import rfc3339
from opsconsole.storage.rows import storable

CLEAN_STEP = 500
"""Alerts that one step of cleaning up deletes at the most."""
State = Literal["firing", "suppressed", "resolved"]


@dataclass(slots=True)
class AlertState:
    """`told_at` None: nobody was told, or what was queued was dropped before it went out."""

    id: int
    fingerprint: str
    episode: str
    kind: str
    subject: str
    host: str
    severity: Severity
    state: State
    suppressed_by: str | None
    told_severity: Severity | None
    told_at: int | None
    repeats: int
    told_to: list[str]
    once: bool
    acknowledged: bool
    silenced_until: int | None
    opened_at: int
    resolved_at: int | None
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "episode": self.episode,
            "kind": self.kind,
            "subject": self.subject,
            "host": self.host,
            "severity": self.severity.word,
            "state": self.state,
            "suppressed_by": self.suppressed_by,
            "told_at": rfc3339(self.told_at),
            "told_to": self.told_to,
            "repeats": self.repeats,
            "opened_at": rfc3339(self.opened_at),
            "alert": self.facts,
        }


_COLUMNS = (
    "id, fingerprint, episode, kind, subject, host, severity, state, suppressed_by, told_severity, told_at, repeats,"
    " told_to, once, acknowledged, silenced_until, opened_at, resolved_at, facts"
)


def add(
    c: sqlite3.Connection,
    episode: str,
    *,
    kind: str,
    subject: str,
    host: str,
    severity: Severity,
    opened_at: int,
    facts: Mapping[str, Any],
    once: bool = False,
) -> AlertState:
    """A new one, or the one that is there."""
    kind, subject, host = storable(kind), storable(subject), storable(host)
    fingerprint = f"{host}/{kind}/{subject}"
    c.execute(
        """INSERT INTO alert (fingerprint, episode, kind, subject, host, severity, state, once, opened_at, facts)
           VALUES (?, ?, ?, ?, ?, ?, 'firing', ?, ?, ?) ON CONFLICT DO NOTHING""",
        (fingerprint, episode, kind, subject, host, int(severity), once, opened_at, json.dumps(facts)),
    )
    found = get(c, fingerprint, episode)
    assert found is not None  # noqa: S101 - it was inserted, or was there
    return found


def get(c: sqlite3.Connection, fingerprint: str, episode: str) -> AlertState | None:
    row = c.execute(
        f"SELECT {_COLUMNS} FROM alert WHERE fingerprint = ? AND episode = ?", (storable(fingerprint), episode)
    ).fetchone()
    return None if row is None else _state(row)


def latest(c: sqlite3.Connection, fingerprint: str, episode: str) -> AlertState | None:
    """Of an episode that closed and went on there is one for each time, `anomaly:7`, `anomaly:7#2`: the last."""
    row = c.execute(
        f"SELECT {_COLUMNS} FROM alert WHERE fingerprint = ? AND (episode = ? OR episode GLOB ? || '#*')"
        " ORDER BY id DESC LIMIT 1",
        (storable(fingerprint), episode, episode),
    ).fetchone()
    return None if row is None else _state(row)


def by_id(c: sqlite3.Connection, alert_id: int) -> AlertState | None:
    row = c.execute(f"SELECT {_COLUMNS} FROM alert WHERE id = ?", (alert_id,)).fetchone()
    return None if row is None else _state(row)


def open_ones(c: sqlite3.Connection, kinds: Sequence[str] | None = None) -> list[AlertState]:
    """Oldest first; of these kinds only, where some are given."""
    chosen = "" if kinds is None else f" AND kind IN ({', '.join('?' * len(kinds))})"
    rows = c.execute(f"SELECT {_COLUMNS} FROM alert WHERE resolved_at IS NULL{chosen} ORDER BY id", kinds or ())
    return [_state(row) for row in rows]


def save(c: sqlite3.Connection, alert: AlertState) -> None:
    """Write what has changed; a review that changes nothing costs no write."""
    if by_id(c, alert.id) == alert:
        return
    c.execute(
        """UPDATE alert SET severity = ?, state = ?, suppressed_by = ?, told_severity = ?, told_at = ?, repeats = ?,
           told_to = ?, acknowledged = ?, silenced_until = ?, resolved_at = ?, facts = ? WHERE id = ?""",
        (
            int(alert.severity), alert.state, alert.suppressed_by,
            None if alert.told_severity is None else int(alert.told_severity), alert.told_at, alert.repeats,
            json.dumps(alert.told_to), alert.acknowledged, alert.silenced_until, alert.resolved_at,
            json.dumps(alert.facts), alert.id,
        ),
    )  # fmt: skip


def told_before(c: sqlite3.Connection, alert: AlertState, since: int) -> tuple[int | None, int]:
    """When the same trouble was told last in another episode, and in how many episodes since that time."""
    last, count = c.execute(
        "SELECT max(told_at), count(*) FROM alert WHERE fingerprint = ? AND id <> ? AND told_at > ?",
        (alert.fingerprint, alert.id, since),
    ).fetchone()
    return last, int(count)


def runs_since(c: sqlite3.Connection, since: int) -> tuple[int, int]:
    """(failed, ended) of the tasks that ended after that time; what somebody cancelled is neither."""
    row = c.execute(
        """SELECT coalesce(sum(status <> 'completed'), 0), count(*) FROM task INDEXED BY task_finished
           WHERE finished_at > ? AND status IN ('completed', 'failed', 'timed_out', 'abandoned')""",
        (since,),
    ).fetchone()
    return int(row[0]), int(row[1])


def clean_up(c: sqlite3.Connection, keep_us: int, now: int) -> None:
    """Forget what was over so long before `now`; at most `CLEAN_STEP` at a time. `now` should be a steady clock's
    (`storage.steadiness`).
    """
    c.execute(
        "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE resolved_at < ? ORDER BY resolved_at LIMIT ?)",
        (now - keep_us, CLEAN_STEP),
    )


def _state(row: Iterable[Any]) -> AlertState:
    found = AlertState(*row)
    found.severity = Severity(found.severity)
    found.told_severity = None if found.told_severity is None else Severity(found.told_severity)
    found.told_to = json.loads(str(found.told_to))
    found.once, found.acknowledged = bool(found.once), bool(found.acknowledged)
    found.facts = json.loads(str(found.facts))
    return found
