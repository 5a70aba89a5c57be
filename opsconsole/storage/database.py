"""Opening the database: pragmas, versions, and what to do with a file that cannot be read.

A database of a newer opsconsole is refused and not touched. A file that is no database is moved aside and said so. A
permission error, a lock or a full disk never moves anything.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

from opsconsole.errors import DatabaseLocked, DatabaseNewer, DiskFull, StorageError
from opsconsole.paths import is_shut
from opsconsole.storage import frozen

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_S = 30.0

_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NOTHING_TAKEN = (
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN,
)  # fmt: skip


def known_version() -> int:
    """The newest schema this code knows: the number of the last migration."""
    return max(int(file.name[:4]) for file in MIGRATIONS.glob("[0-9]*.sql"))


def connect(path: Path, *, read_only: bool = False, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """A connection in autocommit mode; transactions are begun by hand. Raises sqlite3.Error.

    A `read_only` one leaves nothing beside a database whose folder is not ours or cannot be written (`storage.frozen`),
    and is empty where there is none in such a folder.
    """
    options: dict[str, Any] = {
        "timeout": busy_s, "isolation_level": None, "check_same_thread": False, "cached_statements": 256,
    }  # fmt: skip
    if read_only:
        connection = _to_read(path, options)
    else:
        _make_private(path)
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rwc", uri=True, **options)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _to_read(path: Path, options: dict[str, Any]) -> sqlite3.Connection:
    if frozen.needed(path) or is_shut(path.parent):
        return frozen.connect(path, **options) if is_there(path) else nothing(options)
    connection: sqlite3.Connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, **options)
    if frozen.cramped(path):
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            if _primary(error) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
                raise
            return frozen.connect(path, **options)
        except BaseException:
            connection.close()
            raise
    return connection


def is_there(path: Path) -> bool:
    """Whether there is such a file, or something that keeps us from knowing it."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except OSError:
        pass  # SQLite says what is the matter
    return True


def nothing(options: Mapping[str, Any] = MappingProxyType({"check_same_thread": False})) -> sqlite3.Connection:
    """An empty database in memory, of the newest version."""
    connection: sqlite3.Connection = sqlite3.connect(":memory:", **{**options, "isolation_level": None})
    connection.row_factory = sqlite3.Row
    migrate(connection)
    return connection


def _primary(error: sqlite3.Error) -> int:
    """SQLite's result code without what it adds to it."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _make_private(path: Path) -> None:
    """SQLite gives its logs the mode that the database has when they are made: it has the right one from the start.

    A file that exists is not opened: closing it would drop the locks of our other connections.
    """
    with contextlib.suppress(OSError):  # SQLite says better what is the matter
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


class _NotReadyError(Exception):
    """It must be created, migrated or replaced, which one console at a time may do."""


def open_database(path: Path, tell: Callable[[str], None], *, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """The database at `path`, created or brought to the newest version. `tell` hears what was moved aside.

    Raises DatabaseNewer, DatabaseLocked, DiskFull, StorageError.
    """
    try:
        with contextlib.suppress(_NotReadyError), _among_consoles(path, busy_s, alone=False):
            return _open_ready(path, busy_s)
        with _among_consoles(path, busy_s, alone=True):
            return _make_ready(path, tell, busy_s)
    except sqlite3.DatabaseError as error:
        raise translate(error, path) from error
    except OSError as error:
        hint = "check the owner and mode of the state directory, or set OPSCONSOLE_STATE_DIR"
        raise StorageError(f"{path} cannot be used: {error}", hint=hint) from error


def _open_ready(path: Path, busy_s: float) -> sqlite3.Connection:
    if _empty(path):
        raise _NotReadyError
    try:
        return _open(path, busy_s, alone=False)
    except sqlite3.DatabaseError as error:
        if unreadable(error):
            raise _NotReadyError from error
        raise


def _make_ready(path: Path, tell: Callable[[str], None], busy_s: float) -> sqlite3.Connection:
    try:
        return _open(path, busy_s, alone=True)
    except sqlite3.DatabaseError as error:
        if not unreadable(error):
            raise
        aside = move_aside(path)
        tell(f"the database could not be read ({error}); it was moved to {aside}, and a new one begun")
    return _open(path, busy_s, alone=True)


def _open(path: Path, busy_s: float, *, alone: bool) -> sqlite3.Connection:
    if alone and _emptied(path):
        raise sqlite3.DatabaseError("the file is empty, but there are runs")
    connection = connect(path, busy_s=busy_s)
    try:
        version = _version(connection)
        known = known_version() if version < 1 else _known_at_least(version)
        if version > known:
            raise newer(path, version, known)
        if version < known:
            if not alone:
                raise _NotReadyError
            migrate(connection, last_id=_last_used_id(path))
            path.chmod(0o600)
        elif connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            raise StorageError(f"{path} says schema {version} but holds no table", hint="move it aside")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _among_consoles(path: Path, busy_s: float, *, alone: bool) -> Iterator[None]:
    """While one console creates or replaces the file, no other one opens it. Raises DatabaseLocked.

    To another one, a file that is just being created would look like one that was emptied, what it moves aside could
    be the new database of the first, and the log it reads could belong to another file than the one it has open.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    fd = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        deadline = time.monotonic() + busy_s
        while True:
            try:
                fcntl.flock(fd, how | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise _locked(path) from error
                time.sleep(0.01)
        yield
    finally:
        os.close(fd)


def unreadable(error: sqlite3.DatabaseError) -> bool:
    """Damaged, or no database at all; not merely locked, full or forbidden."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _CORRUPT


def _known_at_least(version: int) -> int:
    """`known_version`, without a directory listing in the common case."""
    following = f"{version + 1:04d}_"
    if any(MIGRATIONS.glob(following + "*.sql")):
        return known_version()
    return version if any(MIGRATIONS.glob(f"{version:04d}_*.sql")) else known_version()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, folder: Path = MIGRATIONS, *, last_id: int = 0) -> None:
    """Apply every newer migration, all in one transaction with the version, so that the disk is waited for once;
    tasks of a new database come after `last_id`. Raises sqlite3.Error.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another console may have been quicker
        missing = sorted(file for file in folder.glob("[0-9]*.sql") if int(file.name[:4]) > version)
        for file in missing:
            for statement in _statements(file.read_text(encoding="utf-8")):
                connection.execute(statement)
        if missing and version == 0 and last_id:
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('task', ?)", (last_id,))
        if missing:
            connection.execute(f"PRAGMA user_version = {int(missing[-1].name[:4])}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(text: str) -> list[str]:
    found, pending = [], ""
    for line in text.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found


def _emptied(path: Path) -> bool:
    """A database cut to nothing; one that another console is just creating has no runs yet."""
    runs = path.parent / "runs"
    return path.exists() and _empty(path) and runs.is_dir() and any(runs.iterdir())


def _empty(path: Path) -> bool:
    """Whether SQLite would begin a new database there; it takes a file of one byte for an empty one."""
    return not path.exists() or path.stat().st_size <= 1


def _last_used_id(path: Path) -> int:
    """A new database beside old run folders begins after them, so that no record is ever overwritten."""
    runs = path.parent / "runs"
    used = [entry.name.partition(".")[0] for entry in runs.iterdir()] if runs.is_dir() else []
    return max((int(name) for name in used if name.isascii() and name.isdigit() and len(name) < 18), default=0)


def move_aside(path: Path) -> Path:
    """With its log; where it is now. Raises OSError."""
    stamp, number = time.strftime("%Y%m%dT%H%M%S"), 1
    while (aside := path.with_name(f"{path.name}.unreadable-{stamp}-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(aside.with_name(aside.name + suffix))
    return aside


def newer(path: Path, version: int, known: int) -> DatabaseNewer:
    """The refusal of a database that a newer opsconsole wrote."""
    return DatabaseNewer(
        f"{path} was written by a newer opsconsole (schema {version}, this one knows {known})",
        hint="use that version, or another OPSCONSOLE_STATE_DIR; the database was not touched",
    )


def means_unwritable(error: BaseException) -> bool:
    """Whether the file system took nothing: it is full, read-only or failing. Whoever waits may write again."""
    return isinstance(error, sqlite3.Error) and _primary(error) in _NOTHING_TAKEN


def translate(error: sqlite3.Error, path: Path, *, reading: bool = False) -> StorageError:
    """The same failure in our own tree, with what to do."""
    code = _primary(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _locked(path)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and frozen.cramped(path)):
        return DiskFull(f"no space left for {path}", hint="free some space; nothing was lost that was confirmed")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return StorageError(
            f"{path} cannot be opened{'' if reading else ' for writing'}: {error}",
            hint="check the owner and mode of the state directory, or set OPSCONSOLE_STATE_DIR",
        )
    if code in _CORRUPT:
        return StorageError(
            f"{path} is damaged: {error}",
            hint="move it aside to begin a new one; the folders under runs/ keep every script and output",
        )
    return StorageError(f"{path}: {error}")


def _locked(path: Path) -> DatabaseLocked:
    hint = "nothing was changed: end that process or try again"
    return DatabaseLocked(f"{path} is locked by another process", hint=hint)


def held(path: Path) -> bool:
    """Whether somebody has a transaction that writes open at this moment; waits for nobody, changes nothing."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return _primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return False


def check(path: Path) -> str:
    """`ok`, or what SQLite's quick check found."""
    with closing(connect(path, read_only=True)) as connection:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
