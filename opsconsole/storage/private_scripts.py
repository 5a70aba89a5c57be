"""Scripts that hold a secret: their exact bytes, outside the database, one file (0600) per SHA-256.

The file is there before the row is committed, and goes when no row needs it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
from pathlib import Path

from opsconsole.errors import ConsoleError, StateDirError

_NAME = re.compile(r"[0-9a-f]{64}")


def keep(folder: Path, body: bytes) -> None:
    """On the disk when it returns. Raises StateDirError."""
    path = folder / hashlib.sha256(body).hexdigest()
    if path.exists():
        return
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        _sync(folder)
    except OSError as error:
        raise StateDirError(f"the script cannot be kept in {folder}: {error.strerror}") from error


def read(folder: Path, sha256: str) -> bytes:
    """Raises ConsoleError when the file is gone."""
    try:
        return (folder / sha256).read_bytes()
    except OSError as error:
        raise ConsoleError(
            f"the script holds a secret and was kept in a file of its own, which cannot be read: {error.strerror}",
            hint="submit the script again",
        ) from error


def forget_unused(c: sqlite3.Connection, folder: Path) -> None:
    """Remove what no row needs. In a writing transaction, so that no other console stores one meanwhile."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        sha256, *writer = name.split(".")
        if not _NAME.fullmatch(sha256) or (writer and _writes(writer[0])):
            continue
        needed = c.execute("SELECT 1 FROM script WHERE sha256 = ? AND private LIMIT 1", (name,)).fetchone()
        if not needed:
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def _writes(pid: str) -> bool:
    return pid.isdecimal() and os.path.exists(f"/proc/{pid}")


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
