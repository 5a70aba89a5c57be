"""Opening metrics.db, to write and to read, and beginning a new one beside a file that cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from opsconsole.errors import DatabaseNewer, StorageError
from opsconsole.storage import database

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_S = 5.0
"""A lock held for longer is tried again at the next commit; nobody but clean-up tools would hold one."""

_HINT = "check the owner and mode of the state directory, or set OPSCONSOLE_STATE_DIR"


def known_version() -> int:
    return max(int(file.name[:4]) for file in MIGRATIONS.glob("[0-9]*.sql"))


def open_for_writing(path: Path, tell: Callable[[str], None], *, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """A connection to the file, created or brought to the newest version; one that cannot be read is moved aside.

    Raises DatabaseNewer, DatabaseLocked, DiskFull, StorageError.
    """
    try:
        return _open(path, busy_s)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise database.translate(error, path) from error
        begin_anew(path, tell, str(error))
    except OSError as error:
        raise StorageError(f"{path} cannot be used: {error}", hint=_HINT) from error
    try:
        return _open(path, busy_s)
    except sqlite3.Error as error:
        raise database.translate(error, path) from error


def begin_anew(path: Path, tell: Callable[[str], None], why: str) -> None:
    """Move the file aside, with its log, and say so. Raises StorageError."""
    try:
        aside = database.move_aside(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be moved aside: {error}", hint=_HINT) from error
    tell(f"the history of metrics could not be read ({why}); it was moved to {aside}, and a new one begun")


def is_damage(error: sqlite3.Error) -> bool:
    """The file itself is at fault; a lock, a full disk or a missing permission are not."""
    return isinstance(error, sqlite3.DatabaseError) and database.unreadable(error)


def open_for_reading(path: Path, *, busy_s: float = BUSY_S) -> sqlite3.Connection | None:
    """A connection that only reads; None: there is no history yet. Raises DatabaseNewer, StorageError."""
    try:
        if path.stat().st_size == 0:
            return None
        connection = database.connect(path, read_only=True, busy_s=busy_s)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path} cannot be used: {error}", hint=_HINT) from error
    except sqlite3.Error as error:
        raise database.translate(error, path) from error
    try:
        connection.row_factory = None
        if _checked_version(connection, path) >= 1:
            return connection
    except sqlite3.Error as error:
        connection.close()
        raise database.translate(error, path) from error
    except BaseException:
        connection.close()
        raise
    connection.close()  # its recorder is just creating it
    return None


def _open(path: Path, busy_s: float) -> sqlite3.Connection:
    connection = database.connect(path, busy_s=busy_s)
    try:
        connection.row_factory = None
        # A power cut may lose the last seconds, a crash of ours nothing that was committed; the file stays whole.
        connection.execute("PRAGMA synchronous = NORMAL")
        if _checked_version(connection, path) < known_version():
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded only in a file without tables
            database.migrate(connection, MIGRATIONS)
        connection.execute("SELECT name FROM series LIMIT 1").fetchall()
    except sqlite3.OperationalError as error:
        connection.close()
        if "no such table" in str(error):
            raise sqlite3.DatabaseError(f"it says schema {known_version()} but holds other tables") from error
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > known_version():
        raise DatabaseNewer(
            f"{path} was written by a newer opsconsole (schema {version}, this one knows {known_version()})",
            hint="use that version, or another OPSCONSOLE_STATE_DIR; the file was not touched",
        )
    return version
