"""Reading a database where nothing can be written, or nothing may be: no file is made or touched beside it.

SQLite reads a WAL database through an index (`-shm`) that it makes and writes. Where it cannot, there are three ways:
the index that is there, read only; the log itself, with an index in our memory; and no log at all, where none is left.
The log is never passed over: what was committed last is in it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

_ROOM = 1 << 20
"""Bytes: with less than that, SQLite may find no room for its index."""
_INDEXED = "mode=ro&readonly_shm=1"
_LOG_ALONE = "mode=ro&vfs=unix-none"
_NO_LOG = "immutable=1"

Stamp = tuple[tuple[int, int, int] | None, ...]


class FrozenConnection(sqlite3.Connection):
    """Shows the files as they were when it was opened; `outdated` says when they have changed since."""

    path: Path
    stamp: Stamp = ()


def needed(path: Path) -> bool:
    """Whether the folder of the database is not ours, or cannot be written."""
    folder = path.parent
    try:
        if hasattr(os, "geteuid") and os.stat(folder).st_uid != os.geteuid():
            return True
    except OSError:
        return True
    return not os.access(folder, os.W_OK | os.X_OK)


def cramped(path: Path) -> bool:
    """Whether the disk is so full that an index may find no room."""
    if not hasattr(os, "statvfs"):
        return False
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _ROOM


def connect(path: Path, **options: Any) -> sqlite3.Connection:
    """A connection that reads what was committed; `options` are sqlite3.connect's. Raises sqlite3.Error, with the
    reason of the last way tried.
    """
    failure: sqlite3.Error | None = None
    for name in ("", "-wal", "-shm"):
        if not _is_plain(f"{path}{name}"):
            raise sqlite3.OperationalError(f"{path.name}{name} is no file")
    for way in _ways(path):
        connection = _by(way, path, options)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            connection.close()
            failure = error
        else:
            return connection
    assert failure is not None  # noqa: S101 - there is a way at least
    raise failure


def _is_plain(name: str) -> bool:
    """A FIFO that somebody has put there would keep whoever opens it waiting for ever."""
    try:
        return stat.S_ISREG(os.stat(name).st_mode)
    except OSError:
        return True  # it is not there, or SQLite says what is the matter


def _by(way: str, path: Path, options: dict[str, Any]) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{way}"
    if way == _INDEXED:  # SQLite itself sees what others commit
        found: sqlite3.Connection = sqlite3.connect(uri, uri=True, **options)
        return found
    stamp = _stamp(path)  # before it is opened: what changes meanwhile makes it outdated
    connection = sqlite3.connect(uri, uri=True, factory=FrozenConnection, **options)
    connection.path, connection.stamp = path, stamp
    if way == _LOG_ALONE:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # so SQLite wants no index from the file system
    return connection


def _ways(path: Path) -> list[str]:
    """Which may tell the truth about these files, the best first."""
    if sys.platform == "win32":
        return ["mode=ro", *([] if _log_bytes(path) else [_NO_LOG])]
    ways = [_INDEXED] if os.path.lexists(f"{path}-shm") else []
    return [*ways, _LOG_ALONE if _log_bytes(path) else _NO_LOG]


def _log_bytes(path: Path) -> int:
    try:
        return os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        return 0
    except OSError:
        return 1  # there may be one: SQLite says what is the matter with it


def outdated(connection: sqlite3.Connection) -> bool:
    """Whether it shows files that are not the present ones any more; it is then to be opened anew."""
    return isinstance(connection, FrozenConnection) and connection.stamp != _stamp(connection.path)


def _stamp(path: Path) -> Stamp:
    return tuple(_state(f"{path}{suffix}") for suffix in ("", "-wal", "-shm"))


def _state(name: str) -> tuple[int, int, int] | None:
    try:
        info = os.stat(name)
    except OSError:
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns
