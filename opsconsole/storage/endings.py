"""How executions and tasks end: recorded once, retries scheduled, dependents released or cancelled.

Functions of a connection inside a transaction. What has its end keeps it.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from opsconsole.models import Status
from opsconsole.settings import RetrySettings
from opsconsole.storage import output_index, rows, task_events
from opsconsole.storage.revision import next_rev
from opsconsole.storage.task_events import What
from opsconsole.values import dataclass

_ACTIVE = "('preparing', 'running', 'paused')"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended, as the supervisor or a reconciler reports it. `report` is kept as JSON."""

    execution_id: str
    status: Status
    reason: str | None
    exit_code: int | None
    signal: str | None
    started_at: int | None
    finished_at: int
    duration_s: float | None
    report: Mapping[str, Any]
    bytes_kept: int = 0
    output_text: str = ""
    """The end of what it printed, for the index, without secrets."""
    at_rest_due: bool = False
    """Its files are still to be rewritten without secrets."""


def finish(
    c: sqlite3.Connection, outcomes: Iterable[Outcome], now: int, retry: RetrySettings, luck: random.Random
) -> list[int]:
    """Record how executions ended, schedule retries, release or cancel what waited. Ids of the changed tasks.

    An execution that already has its end keeps it.
    """
    rev = next_rev(c)
    changed: list[int] = []
    for outcome in outcomes:
        report, reason = outcome.report, rows.storable(outcome.reason)
        rows_changed = c.execute(
            f"""UPDATE execution SET status = ?, reason = ?, exit_code = ?, signal = ?, finished_at = ?,
                   started_at = coalesce(?, started_at), duration_s = ?, result = ?, bytes = ?, at_rest_due = ?,
                   supervisor_pid = coalesce(?, supervisor_pid), leader_pid = coalesce(?, leader_pid)
               WHERE id = ? AND status IN {_ACTIVE}""",
            (
                outcome.status.value, reason, outcome.exit_code, outcome.signal, outcome.finished_at,
                outcome.started_at, outcome.duration_s, json.dumps(report), outcome.bytes_kept, outcome.at_rest_due,
                report.get("supervisor"), report.get("leader"), outcome.execution_id,
            ),
        ).rowcount  # fmt: skip
        if rows_changed:
            task_id = int(outcome.execution_id.partition(".")[0])
            if outcome.output_text:
                output_index.store(c, outcome.execution_id, outcome.output_text)
            changed.append(task_id)
            _finish_task(c, task_id, outcome, reason, rev, now, retry, luck)
            changed.extend(settle_dependents(c, task_id, rev, now))
    return changed


def _finish_task(
    c: sqlite3.Connection,
    task_id: int,
    outcome: Outcome,
    reason: str | None,
    rev: int,
    now: int,
    retry: RetrySettings,
    luck: random.Random,
) -> None:
    if outcome.status in (Status.FAILED, Status.ABANDONED):
        row = c.execute(
            "SELECT attempt, attempts, cancel_requested, spec FROM task WHERE id = ?", (task_id,)
        ).fetchone()
        delay = _retry_delay(row, outcome, retry, luck)
        if delay is not None:
            c.execute(
                f"""UPDATE task SET status = 'waiting', reason = ?, attempt = attempt + 1,
                       attempts = max(attempts, attempt + 1), launch = 0, due_at = ?, console_id =
                       CASE WHEN reserved THEN console_id END, exit_code = ?, signal = ?, rev = ?
                   WHERE id = ? AND status IN {_ACTIVE}""",
                (
                    f"attempt {row['attempt']}: {reason}", now + int(delay * 1_000_000), outcome.exit_code,
                    outcome.signal, rev, task_id,
                ),
            )  # fmt: skip
            return
    c.execute(
        f"""UPDATE task SET status = ?, reason = ?, exit_code = ?, signal = ?, started_at = coalesce(?, started_at),
               finished_at = ?, duration_s = ?, environment = NULL, due_at = NULL, rev = ?
           WHERE id = ? AND status IN {_ACTIVE}""",
        (
            outcome.status.value, reason, outcome.exit_code, outcome.signal, outcome.started_at,
            outcome.finished_at, outcome.duration_s, rev, task_id,
        ),
    )  # fmt: skip


def _retry_delay(row: sqlite3.Row, outcome: Outcome, retry: RetrySettings, luck: random.Random) -> float | None:
    """Seconds until the next attempt, or None: this was the last. base × 2^(attempt-1), at most max, ± jitter."""
    spec = json.loads(row["spec"])
    if row["cancel_requested"]:
        return None
    if outcome.status is Status.ABANDONED:
        # An abandoned script may have run: only one that was declared idempotent goes again.
        if not spec.get("idempotent") or row["attempt"] > 3:
            return None
    elif row["attempt"] >= row["attempts"] or outcome.started_at is None:
        return None
    else:
        codes = spec.get("retry_exit_codes")
        codes = retry.exit_codes if codes is None else codes
        if codes and outcome.exit_code not in codes:
            return None
    delay: float = min(retry.max_s, retry.base_s * 2.0 ** (row["attempt"] - 1))
    return delay * (1 + retry.jitter * luck.uniform(-1, 1))


def settle_dependents(c: sqlite3.Connection, task_id: int, rev: int, now: int) -> list[int]:
    """What waited for this task is queued (it succeeded) or cancelled (it never will); its own waiters too."""
    settled: list[int] = []
    ended = [task_id]
    while ended:
        this = ended.pop()
        dependents = c.execute(
            "SELECT id, held FROM task WHERE after_id = ? AND status = 'waiting' AND due_at IS NULL", (this,)
        ).fetchall()
        if not dependents:
            continue
        status = Status(c.execute("SELECT status FROM task WHERE id = ?", (this,)).fetchone()[0])
        if status.is_open:
            continue
        for row in dependents:
            settled.append(row["id"])
            if status is not Status.COMPLETED:
                cancel_waiting(c, row["id"], f"task {this} did not succeed ({status})", rev, now)
                ended.append(row["id"])
            elif not row["held"]:
                c.execute("UPDATE task SET status = 'queued', rev = ? WHERE id = ?", (rev, row["id"]))
                task_events.record(c, row["id"], What.READY, now, detail=f"task {this} has succeeded")
    return settled


def cancel_waiting(c: sqlite3.Connection, task_id: int, reason: str, rev: int, now: int) -> None:
    c.execute(
        """UPDATE task SET status = 'cancelled', reason = ?, finished_at = ?, environment = NULL, due_at = NULL,
               cancel_requested = 1, rev = ? WHERE id = ? AND status IN ('queued', 'waiting')""",
        (reason, now, rev, task_id),
    )


def refuse(
    c: sqlite3.Connection, task_id: int, execution_id: str, reason: str, status: Status, code: int | None, now: int
) -> list[int]:
    """A claimed task that must not or cannot be launched: it ends without a supervisor."""
    task_events.keep_claim(c, execution_id)
    c.execute("DELETE FROM execution WHERE id = ? AND status = 'preparing'", (execution_id,))
    rev = next_rev(c)
    c.execute(
        """UPDATE task SET status = ?, reason = ?, exit_code = ?, finished_at = ?, environment = NULL, rev = ?
           WHERE id = ? AND status = 'preparing'""",
        (status.value, rows.storable(reason), code, now, rev, task_id),
    )
    return [task_id, *settle_dependents(c, task_id, rev, now)]
