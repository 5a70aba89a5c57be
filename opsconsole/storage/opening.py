"""Opening the store of a console: to write and to read, or only to look where nothing can be written."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from opsconsole.errors import DatabaseLocked, DatabaseNewer, OpsError, StateDirError, StorageError
from opsconsole.paths import StatePaths
from opsconsole.storage import database, frozen
from opsconsole.storage.reader import Reader
from opsconsole.storage.writer import NoWriter, Writer

_MOST_COPIED = 256 << 20
"""Bytes of a database of an older version that is brought up to date in memory."""


class Store(NamedTuple):
    """The two ends of one database."""

    writer: Writer
    reader: Reader
    unread: StorageError | None = None
    """Why the record cannot even be read."""


def open_store(paths: StatePaths, tell: Callable[[str], None]) -> Store:
    """`tell` hears what was moved aside. Raises StateDirError, StorageErrors."""
    paths.prepare()
    path = paths.database
    connection = database.open_database(path, tell)
    return Store(Writer(connection, path), Reader(database.connect(path, read_only=True), paths))


def means_looking(error: OpsError) -> bool:
    """Whether such a store can still be looked at: nothing can be written there, for whatever reason."""
    return isinstance(error, StateDirError | StorageError) and not isinstance(error, DatabaseNewer | DatabaseLocked)


def writable(paths: StatePaths) -> bool:
    """Whether a console that starts now could work there, as far as can be told without writing."""
    return paths.writable and not frozen.cramped(paths.database)


def cramped(paths: StatePaths) -> bool:
    """Whether there is hardly any space left."""
    return frozen.cramped(paths.database)


def obstacle(paths: StatePaths, *, shut: bool = False) -> StateDirError | None:
    """Why nothing new can be made there, besides a want of space, as far as can be told without writing. `shut`: it has
    been tried, and the file system takes nothing.
    """
    if not shut and paths.writable:
        return None
    try:
        read_only = shut or (hasattr(os, "statvfs") and os.statvfs(paths.root).f_flag & os.ST_RDONLY)
    except OSError as error:
        return paths.unusable(error)
    code = errno.EROFS if read_only else errno.EACCES
    return paths.unusable(OSError(code, os.strerror(code)))


def open_to_look(paths: StatePaths, why: OpsError) -> Store:
    """What is on record, as far as it can be read, and a writer that refuses with `why`. Where it cannot be read the
    store is empty and says `unread`. Raises `why` where there cannot be a record at all, DatabaseNewer.
    """
    if os.path.exists(paths.root) and not os.path.isdir(paths.root):
        raise why
    unread = None
    try:
        connection = to_look(paths)
    except DatabaseNewer:
        raise
    except StorageError as error:
        unread, connection = error, database.nothing()
    return Store(NoWriter(why), Reader(connection, paths, renew=lambda: to_look(paths)), unread)


def to_look(paths: StatePaths) -> sqlite3.Connection:
    """A connection to what is on record. Raises StorageErrors."""
    path = paths.database
    try:
        return _newest(path, database.connect(path, read_only=True))
    except sqlite3.Error as error:
        raise _unread(error, path) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error


def _unread(error: sqlite3.Error, path: Path) -> StorageError:
    """SQLite does not say why it cannot open a file."""
    try:
        os.stat(path)
    except OSError as obstacle:
        return StorageError(f"{path} cannot be read: {obstacle.strerror}")
    if not os.access(path, os.R_OK):
        return StorageError(f"{path} cannot be read: {os.strerror(errno.EACCES)}")
    return database.translate(error, path, reading=True)


def _newest(path: Path, connection: sqlite3.Connection) -> sqlite3.Connection:
    """With the newest tables. Raises sqlite3.Error, OSError, StorageErrors."""
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        known = database.known_version()
        if version > known:
            raise database.newer(path, version, known)
        if version == known:
            return connection
        size = path.stat().st_size
        if (version < 1 and size > 1) or size > _MOST_COPIED:
            raise StorageError(f"{path} has schema {version}, not {known}: to be read it must be brought up to date")
        return database.nothing() if version < 1 else _brought_up_to_date(connection)
    except BaseException:
        connection.close()
        raise


def _brought_up_to_date(old: sqlite3.Connection) -> sqlite3.Connection:
    with closing(old):
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        copy.row_factory = sqlite3.Row
        old.backup(copy)
        database.migrate(copy)
        return copy
