"""Who is alive: each console holds a lock on a file of its own; a dead one's rows are taken over."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3

from opsconsole.models import Origin
from opsconsole.paths import StatePaths
from opsconsole.storage import task_events
from opsconsole.storage.revision import next_rev
from opsconsole.storage.task_events import What
from opsconsole.values import dataclass

_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Also where nothing can be written; a FIFO that somebody has put there keeps nobody waiting."""
_ACTIVE = "('preparing', 'running', 'paused')"
_OPEN = "('queued', 'waiting', 'preparing', 'running', 'paused')"


@dataclass(frozen=True, slots=True)
class ConsoleInfo:
    """A console as registered. `claims`: all (whatever is queued), own (only what it submitted), none."""

    id: int
    pid: int
    door: str
    actor: str
    claims: str
    started_at: int


class Registration:
    """This console's row and lock. The lock ends with the process, however it ends."""

    def __init__(self, console_id: int, fd: int, path: str) -> None:
        self.id = console_id
        self._fd = fd
        self._path = path

    def release(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        os.close(self._fd)


def register(
    c: sqlite3.Connection,
    paths: StatePaths,
    origin: Origin,
    claims: str,
    *,
    pid: int,
    started: int | None,
    boot: str,
    now: int,
) -> Registration:
    """Insert the row and take the lock, in the caller's transaction: nobody sees the one without the other."""
    cursor = c.execute(
        """INSERT INTO console (pid, start_time, boot_id, host, door, actor, ssh_client, claims, started_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (pid, started, boot, origin.host, origin.door, origin.actor, origin.ssh_client, claims, now),
    )
    console_id = int(cursor.lastrowid or 0)
    path = _lock_path(paths, console_id)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return Registration(console_id, fd, path)


def sign_off(c: sqlite3.Connection, console_id: int, now: int) -> None:
    """The console leaves; what was reserved for it is open to all."""
    c.execute("UPDATE console SET ended_at = ?, claims = 'none' WHERE id = ?", (now, console_id))
    free_reservations(c, console_id)


def free_reservations(c: sqlite3.Connection, console_id: int) -> None:
    """Open tasks that only this console could claim can now be claimed by any; a running one, for its next attempt."""
    c.execute(
        f"""UPDATE task SET reserved = 0, console_id = CASE WHEN status IN {_ACTIVE} THEN console_id END, rev = ?
            WHERE console_id = ? AND reserved AND status IN {_OPEN}""",
        (next_rev(c), console_id),
    )


def is_alive(paths: StatePaths, console_id: int) -> bool:
    """Whether somebody holds the console's lock."""
    try:
        fd = os.open(_lock_path(paths, console_id), _READING)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def living(c: sqlite3.Connection, paths: StatePaths) -> list[ConsoleInfo]:
    """The consoles that are alive now."""
    found = c.execute("SELECT id, pid, door, actor, claims, started_at FROM console WHERE ended_at IS NULL ORDER BY id")
    return [info for info in (ConsoleInfo(*row) for row in found) if is_alive(paths, info.id)]


def dead(c: sqlite3.Connection, paths: StatePaths, besides: int | None = None) -> list[int]:
    """Consoles that did not sign off and are not alive."""
    found = c.execute("SELECT id FROM console WHERE ended_at IS NULL").fetchall()
    return [row[0] for row in found if row[0] != besides and not is_alive(paths, row[0])]


def bury(c: sqlite3.Connection, paths: StatePaths, console_ids: list[int], now: int) -> None:
    """Dead consoles sign off; their open executions stay for whoever takes them over."""
    for console_id in console_ids:
        sign_off(c, console_id, now)
        c.execute("UPDATE console SET died = 1 WHERE id = ?", (console_id,))
        with contextlib.suppress(OSError):
            os.unlink(_lock_path(paths, console_id))


def ownerless(c: sqlite3.Connection) -> list[tuple[str, int, str]]:
    """(execution id, launch, boot id) of the open executions whose console has signed off."""
    found = c.execute(
        f"""SELECT e.id, e.launch, e.boot_id FROM execution e JOIN console k ON k.id = e.console_id
            WHERE e.status IN {_ACTIVE} AND k.ended_at IS NOT NULL"""
    )
    return [(row[0], row[1], row[2]) for row in found]


def take_over(c: sqlite3.Connection, console_id: int, now: int) -> list[tuple[str, int, str]]:
    """Make this console the owner of every ownerless open execution; each has one owner."""
    found = ownerless(c)
    heir = c.execute("SELECT actor, door, pid FROM console WHERE id = ?", (console_id,)).fetchone() if found else None
    for execution_id, *_ in found:
        task_id = int(execution_id.partition(".")[0])
        task_events.keep_claim(c, execution_id)
        c.execute("UPDATE execution SET console_id = ? WHERE id = ?", (console_id, execution_id))
        c.execute(f"UPDATE task SET console_id = ? WHERE id = ? AND status IN {_ACTIVE}", (console_id, task_id))
        actor, detail = (f"{heir[0]} ({heir[1]})", f"console {console_id}, pid {heir[2]}") if heir else (None, None)
        task_events.record(c, task_id, What.TAKEN_OVER, now, actor, detail)
    return found


def anybody_claims(c: sqlite3.Connection, paths: StatePaths) -> bool:
    """Whether a living console claims whatever is queued."""
    return any(info.claims == "all" for info in living(c, paths))


def stop_claiming_if_drained(c: sqlite3.Connection, console_id: int) -> bool:
    """A worker that wants to leave: True, and it claims no more, if nothing is left to do.

    In one transaction with the check, so that a task submitted now finds either this worker or none.
    """
    busy = c.execute(
        f"""SELECT 1 FROM task WHERE status = 'queued' AND (NOT reserved OR console_id = ?)
            UNION ALL SELECT 1 FROM task WHERE status = 'waiting' AND NOT held AND due_at IS NOT NULL
            UNION ALL SELECT 1 FROM execution WHERE console_id = ? AND status IN {_ACTIVE} LIMIT 1""",
        (console_id, console_id),
    ).fetchone()
    if busy:
        return False
    c.execute("UPDATE console SET claims = 'none' WHERE id = ?", (console_id,))
    return True


def _lock_path(paths: StatePaths, console_id: int) -> str:
    return str(paths.consoles / f"{console_id}.lock")
