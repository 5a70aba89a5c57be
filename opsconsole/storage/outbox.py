"""The outbox: messages on their way out, as functions of a connection inside a transaction.

A row is claimed before it is sent and marked afterwards. Who dies in between leaves a claim that runs out, and the
next one sends the same message with the same key: at least once. A claim is one console's, so two never send together.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import TaskNotFound
from opsconsole.models import rfc3339
from opsconsole.storage.rows import storable

STATES = ("queued", "sending", "sent", "failed", "dropped")
CLEAN_STEP = 500
"""Messages that one step of cleaning up deletes at the most."""
FAR_US = 24 * 3600 * 1_000_000
"""What is due later than this was put there by a clock that stood wrong, and is due now."""
FAR_CLAIM_US = 60_000_000
"""A claim that lasts longer than this, twice what any is given, was made by such a clock, too, and has run out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row. `state`: queued, sending (claimed), sent, failed (given up), dropped (no longer to be told)."""

    id: int
    key: str
    alert_id: int | None
    notifier: str
    transition: str
    state: str
    facts: dict[str, Any]
    created_at: int
    due_at: int
    attempts: int
    batch: str | None
    sent_at: int | None
    answer: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "key": self.key,
            "notifier": self.notifier,
            "transition": self.transition,
            "state": self.state,
            "attempts": self.attempts,
            "created_at": rfc3339(self.created_at),
            "due_at": rfc3339(self.due_at),
            "sent_at": rfc3339(self.sent_at),
            "answer": self.answer,
            "alert": self.facts,
        }


_ENTRY = (
    "SELECT id, key, alert_id, notifier, transition, state, facts, created_at, due_at, attempts, batch, sent_at, answer"
    " FROM outbox"
)
_WAITS = "state IN ('queued', 'sending')"
_MINE = "claimed_by = ? AND state = 'sending'"


def put(
    c: sqlite3.Connection,
    key: str,
    notifier: str,
    transition: str,
    facts: Mapping[str, Any],
    *,
    now: int,
    due_at: int,
    alert_id: int | None = None,
    capacity: int | None = None,
) -> bool:
    """Queue a message; False where `capacity` waits already. The same key twice is one message; a dropped one revives.

    What waits for the same alert and notifier and was never tried takes the newer facts: one message says both.
    """
    text = json.dumps(facts)
    if alert_id is not None:
        cursor = c.execute(
            """UPDATE outbox SET facts = json_set(?, '$.transition', transition)
               WHERE alert_id = ? AND notifier = ? AND state = 'queued' AND attempts = 0""",
            (text, alert_id, notifier),
        )
        if cursor.rowcount:
            return True
    if capacity is not None and waiting(c) >= capacity:
        return False
    c.execute(
        """INSERT INTO outbox (key, alert_id, notifier, transition, state, facts, created_at, due_at)
           VALUES (?, ?, ?, ?, 'queued', ?, ?, ?)
           ON CONFLICT (key) DO UPDATE SET state = 'queued', facts = excluded.facts, created_at = excluded.created_at,
             due_at = excluded.due_at, answer = NULL, alert_id = excluded.alert_id WHERE outbox.state = 'dropped'""",
        (storable(key), alert_id, notifier, transition, text, now, due_at),
    )
    return True


def waiting(c: sqlite3.Connection) -> int:
    """How many are not sent yet."""
    return int(c.execute(f"SELECT count(*) FROM outbox WHERE {_WAITS}").fetchone()[0])


def due(c: sqlite3.Connection, now: int, ids: Sequence[int] | None = None) -> list[Entry]:
    """What may be claimed now, the longest due first; `ids`: of these only, due or not."""
    over = "(state = 'sending' AND (claimed_until <= ? OR claimed_until > ?))"
    where = f"{_WAITS} AND ({over} OR (state = 'queued' AND (due_at <= ? OR due_at > ?)))"
    values = [now, now + FAR_CLAIM_US, now, now + FAR_US]
    if ids is not None:
        where = f"({over} OR state = 'queued') AND id IN ({', '.join('?' * len(ids))})"
        values = [now, now + FAR_CLAIM_US, *ids]
    return [_entry(row) for row in c.execute(f"{_ENTRY} WHERE {where} ORDER BY due_at, id", values)]


def next_due(c: sqlite3.Connection, now: int, without: Collection[str] = ()) -> int | None:
    """When the next one is due, or the next claim runs out, after now; but of these notifiers."""
    when = "CASE state WHEN 'queued' THEN due_at ELSE claimed_until END"
    found = c.execute(
        f"""SELECT min({when}) FROM outbox
            WHERE {_WAITS} AND {when} > ? AND notifier NOT IN ({", ".join("?" * len(without))})""",
        (now, *without),
    ).fetchone()[0]
    return None if found is None else int(found)


def claim(c: sqlite3.Connection, ids: Sequence[int], by: str, until: int, batch: str | None) -> None:
    """Take these; `batch` names what goes as one message."""
    c.executemany(
        "UPDATE outbox SET state = 'sending', claimed_by = ?, claimed_until = ?, batch = ? WHERE id = ?",
        [(by, until, batch, one) for one in ids],
    )


def sent(c: sqlite3.Connection, ids: Sequence[int], now: int, answer: str) -> None:
    """They went out, whoever holds the claim by now."""
    c.executemany(
        """UPDATE outbox SET state = 'sent', sent_at = ?, answer = ?, attempts = attempts + 1, claimed_by = NULL,
           claimed_until = NULL WHERE id = ? AND state IN ('sending', 'queued')""",
        [(now, storable(answer), one) for one in ids],
    )


def put_off(c: sqlite3.Connection, ids: Sequence[int], by: str, due_at: int, answer: str) -> None:
    """A try failed: again at `due_at`."""
    c.executemany(
        f"""UPDATE outbox SET state = 'queued', due_at = ?, answer = ?, attempts = attempts + 1, claimed_by = NULL,
            claimed_until = NULL WHERE id = ? AND {_MINE}""",
        [(due_at, storable(answer), one, by) for one in ids],
    )


def give_up(c: sqlite3.Connection, ids: Sequence[int], by: str, answer: str) -> None:
    """No further try."""
    c.executemany(
        f"""UPDATE outbox SET state = 'failed', answer = ?, attempts = attempts + 1, claimed_by = NULL,
            claimed_until = NULL WHERE id = ? AND {_MINE}""",
        [(storable(answer), one, by) for one in ids],
    )


def release(c: sqlite3.Connection, by: str) -> None:
    """What this sender holds is anybody's again; a try that was broken off does not count."""
    c.execute(
        f"UPDATE outbox SET state = 'queued', claimed_by = NULL, claimed_until = NULL WHERE {_MINE}",
        (by,),
    )


def drop(c: sqlite3.Connection, ids: Iterable[int], why: str) -> None:
    """They are not to be told any more."""
    c.executemany(
        """UPDATE outbox SET state = 'dropped', answer = ?, batch = NULL, claimed_by = NULL, claimed_until = NULL
           WHERE id = ? AND state IN ('queued', 'sending')""",
        [(storable(why), one) for one in ids],
    )


def of_alert(c: sqlite3.Connection, alert_id: int) -> list[Entry]:
    return [_entry(row) for row in c.execute(f"{_ENTRY} WHERE alert_id = ? ORDER BY id", (alert_id,))]


def messages_since(c: sqlite3.Connection, notifier: str, since: int) -> list[int]:
    """When messages went to this notifier after that time, oldest first; a digest is one."""
    rows = c.execute(
        "SELECT max(sent_at) FROM outbox WHERE notifier = ? AND sent_at > ? GROUP BY coalesce(batch, key) ORDER BY 1",
        (notifier, since),
    )
    return [int(row[0]) for row in rows]


def find(
    c: sqlite3.Connection, states: Sequence[str] = (), *, before: int | None = None, limit: int = 50
) -> list[Entry]:
    """Newest first."""
    where = [f"state IN ({', '.join('?' * len(states))})"] if states else []
    values: list[Any] = list(states)
    if before is not None:
        where.append("id < ?")
        values.append(before)
    chosen = f" WHERE {' AND '.join(where)}" if where else ""
    return [_entry(row) for row in c.execute(f"{_ENTRY}{chosen} ORDER BY id DESC LIMIT ?", (*values, limit))]


def get(c: sqlite3.Connection, entry_id: int) -> Entry:
    """Raises TaskNotFound."""
    row = c.execute(f"{_ENTRY} WHERE id = ?", (entry_id,)).fetchone()
    if row is None:
        raise TaskNotFound(f"there is no message {entry_id}", hint="`opsconsole alerts` lists them")
    return _entry(row)


def again(c: sqlite3.Connection, entry_id: int, now: int) -> Entry:
    """Queue what was given up, dropped or put off, with all its tries before it. Raises TaskNotFound."""
    c.execute(
        """UPDATE outbox SET state = 'queued', due_at = ?, created_at = ?, attempts = 0
           WHERE id = ? AND state IN ('queued', 'failed', 'dropped')""",
        (now, now, entry_id),
    )
    return get(c, entry_id)


def clean_up(c: sqlite3.Connection, keep_us: int, now: int) -> None:
    """Forget what was queued so long before `now` and waits no longer, but of alerts that are still open; at most
    `CLEAN_STEP` at a time. `now` should be a steady clock's (`storage.steadiness`).
    """
    c.execute(
        f"""DELETE FROM outbox WHERE id IN (
                SELECT id FROM outbox WHERE created_at < ? AND NOT ({_WAITS}) AND (alert_id IS NULL
                    OR alert_id NOT IN (SELECT id FROM alert WHERE resolved_at IS NULL))
                ORDER BY created_at LIMIT ?)""",
        (now - keep_us, CLEAN_STEP),
    )


def _entry(row: Sequence[Any]) -> Entry:
    values = list(row)
    values[6] = json.loads(values[6])
    return Entry(*values)
