"""Cleaning up: what is too old, too many or too big goes; never an open or a pinned task.

The row goes first, the folder after the commit. The other way round, a crash (or a transaction rolled back) between
the two would leave a record that claims an output it no longer has; so it leaves a folder that nobody asks for. That
folder is not guessed from what lies on the disk (a database that was moved aside and begun anew knows nothing of the
older runs, and they must stay): the transaction that deletes the rows also writes each folder's name into
`removed_run`, and only what is named there is ever removed. A name is forgotten when its folder is gone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from opsconsole.paths import StatePaths
from opsconsole.settings import HistorySettings
from opsconsole.storage import output_index, private_scripts
from opsconsole.storage.tasks import forget_text
from opsconsole.storage.writer import Job

BATCH = 500
DAY_US = 24 * 3600 * 1_000_000

_RUN = re.compile(r"[0-9]+\.[0-9]+")
_OPEN = "('queued', 'waiting', 'preparing', 'running', 'paused')"

# The row with the highest `rev` stays until another one is newer, so that `rev` never goes back and other consoles
# miss nothing.
_REMOVABLE = f"""
    SELECT t.id, t.script_id, t.attempt, t.finished_at,
           (SELECT coalesce(sum(e.bytes), 0) FROM execution e WHERE e.task_id = t.id) AS bytes
    FROM task t INDEXED BY task_finished
    WHERE t.finished_at IS NOT NULL AND t.status NOT IN {_OPEN} AND NOT t.pinned
        AND NOT EXISTS (
            SELECT 1 FROM task d WHERE d.after_id IS NOT NULL AND d.after_id = t.id AND d.status IN {_OPEN})
        AND t.id <> (SELECT id FROM task ORDER BY rev DESC, id DESC LIMIT 1)
    ORDER BY t.finished_at, t.id LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Tasks whose rows were removed, the bytes of their output, and whether another call would remove more."""

    tasks: int
    bytes: int
    more: bool


@dataclass(frozen=True, slots=True)
class Swept:
    """Run folders that are gone, the bytes on disk that were freed, and those that could not go, with the reason."""

    gone: tuple[str, ...]
    bytes: int
    kept: dict[str, str]


def clean_all(
    submit: Callable[[Job[Any]], Future[Any]], paths: StatePaths, history: HistorySettings, now_us: int
) -> Cleaned:
    """`clean` until nothing more goes, then the folders, also those an earlier time left. May be slow: on a thread.

    `submit` runs a job in a transaction of its own; files are removed between the transactions.
    """
    tasks = size = 0
    more = True
    while more:
        cleaned: Cleaned = submit(lambda c: clean(c, paths, history, now_us)).result()
        tasks, size, more = tasks + cleaned.tasks, size + cleaned.bytes, cleaned.more
    last = ""
    while runs := submit(partial(removed, after=last)).result():
        last = runs[-1]
        submit(partial(forget, runs=remove_folders(paths, runs).gone)).result()
    submit(partial(private_scripts.forget_unused, folder=paths.scripts)).result()
    return Cleaned(tasks, size, more=False)


# -- rows


def clean(
    c: sqlite3.Connection, paths: StatePaths, history: HistorySettings, now_us: int, batch: int = BATCH
) -> Cleaned:
    """Remove ended tasks, the first to end first: older than `keep_days`, more than `keep_tasks` or `keep_bytes`.

    Inside a transaction. Executions and scripts that nothing uses go with them, no file is touched: call
    `sweep_folders` after the commit, and this again while there is `more`. Pinned and open tasks do not count towards
    the limits.
    """
    tasks, size = _kept(c)
    oldest = now_us - history.keep_days * DAY_US
    doomed: list[sqlite3.Row] = []
    looked_at = 0
    for row in c.execute(_REMOVABLE, (batch,)).fetchall():
        too_old = history.keep_days > 0 and row["finished_at"] < oldest
        too_many = 0 < history.keep_tasks < tasks
        too_big = 0 < history.keep_bytes < size
        if not (too_old or too_many or too_big):
            break
        looked_at += 1
        if not any(_lives(paths.run_folder(run)) for run in _runs(row)):
            doomed.append(row)
            tasks -= 1
            size -= row["bytes"]
    for row in doomed:
        _remove(c, row)
    _remove_unused(c, {row["script_id"] for row in doomed})
    return Cleaned(len(doomed), sum(row["bytes"] for row in doomed), bool(doomed) and looked_at == batch)


def _kept(c: sqlite3.Connection) -> tuple[int, int]:
    """How many ended tasks that are not pinned there are, and the bytes of their output."""
    ended, pinned = (
        int(c.execute(f"SELECT count(*) FROM task WHERE {which} finished_at IS NOT NULL").fetchone()[0])
        for which in ("", "pinned AND")
    )
    every = c.execute("SELECT coalesce(sum(bytes), 0) FROM execution").fetchone()[0]
    spared = c.execute(
        f"""SELECT coalesce(sum(bytes), 0) FROM execution WHERE task_id IN (
                SELECT id FROM task WHERE pinned UNION SELECT id FROM task WHERE status IN {_OPEN})"""
    ).fetchone()[0]
    return ended - pinned, every - spared


def _runs(row: sqlite3.Row) -> list[str]:
    """The names of a task's run folders; a launch that never ran may have left one without an execution."""
    return [f"{row['id']}.{attempt}" for attempt in range(1, row["attempt"] + 1)]


def _remove(c: sqlite3.Connection, row: sqlite3.Row) -> None:
    c.executemany("INSERT OR IGNORE INTO removed_run VALUES (?)", [(run,) for run in _runs(row)])
    output_index.remove(c, row["id"])
    c.execute("DELETE FROM task WHERE id = ?", (row["id"],))


def _remove_unused(c: sqlite3.Connection, scripts: Iterable[int]) -> None:
    for script_id in scripts:
        row = c.execute(
            """SELECT id, name, body FROM script s WHERE s.id = ?
               AND NOT EXISTS (SELECT 1 FROM task t WHERE t.script_id = s.id)""",
            (script_id,),
        ).fetchone()
        if row is not None:
            forget_text(c, row)
            c.execute("DELETE FROM script WHERE id = ?", (script_id,))


# -- folders


def sweep_folders(c: sqlite3.Connection, paths: StatePaths, batch: int = BATCH) -> Swept:
    """Remove the run folders of tasks that were cleaned up; what cannot go now is left for the next time.

    Outside a transaction, so that nobody waits for the disk.
    """
    gone: list[str] = []
    kept: dict[str, str] = {}
    size = 0
    last = ""
    while runs := removed(c, batch, last):
        last = runs[-1]
        swept = remove_folders(paths, runs)
        forget(c, swept.gone)
        gone.extend(swept.gone)
        kept.update(swept.kept)
        size += swept.bytes
    return Swept(tuple(gone), size, kept)


def removed(c: sqlite3.Connection, limit: int = BATCH, after: str = "") -> list[str]:
    """Runs whose task was cleaned up and whose folder is not known to be gone, in the order of their names."""
    found = c.execute(
        """SELECT execution_id FROM removed_run r WHERE execution_id > ?
           AND NOT EXISTS (SELECT 1 FROM task WHERE id = CAST(r.execution_id AS INTEGER))
           ORDER BY execution_id LIMIT ?""",
        (after, limit),
    )
    return [row[0] for row in found]


def remove_folders(paths: StatePaths, runs: Sequence[str]) -> Swept:
    """Remove these runs' folders. Touches no database; links are removed, never followed."""
    gone: list[str] = []
    kept: dict[str, str] = {}
    size = 0
    for run in runs:
        folder = paths.run_folder(run)
        try:
            if not _RUN.fullmatch(run):
                kept[run] = "not the name of a run"
            elif _lives(folder):
                kept[run] = "its run is alive"
            else:
                size += _remove_folder(folder)
                gone.append(run)
        except (OSError, RecursionError) as error:
            kept[run] = str(error)
    return Swept(tuple(gone), size, kept)


def forget(c: sqlite3.Connection, runs: Sequence[str]) -> None:
    """These folders are gone."""
    c.execute("DELETE FROM removed_run WHERE execution_id IN (SELECT value FROM json_each(?))", (json.dumps(runs),))


def _remove_folder(folder: Path) -> int:
    """Bytes on disk that were freed. Raises OSError."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
        return 0
    size = _size(folder)
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:  # never there, or another console is at it
        if folder.exists():
            raise
    except PermissionError:
        _open_up(folder)
        shutil.rmtree(folder)
    return size


def _size(folder: Path) -> int:
    size = 0
    for where, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                size += Path(where, name).lstat().st_blocks * 512
    return size


def _open_up(folder: Path) -> None:
    """A script may have left folders nobody can write to."""
    folder.chmod(0o700)
    for where, names, _ in os.walk(folder):
        for inner in (Path(where, name) for name in names):
            if not inner.is_symlink():
                inner.chmod(0o700)


def _lives(folder: Path) -> bool:
    """Whether a supervisor holds the lock on one of the run's claims, or nobody can tell."""
    import fcntl  # not on Windows, where nothing runs but the rest of the package can be imported

    claims = [] if folder.is_symlink() else list(folder.glob("claim.*"))
    for claim in claims:
        try:
            fd = os.open(claim, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EISDIR, errno.ELOOP):
                continue
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
    return False
