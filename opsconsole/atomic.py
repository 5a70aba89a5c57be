"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(file: Path, data: bytes, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Put `data` in the place of `file`, by a temporary file beside it, and on the disk before it returns.

    `owner` (uid, gid) is given to it where that is allowed; where not, bits that act for an owner are taken off.
    Raises OSErrors; then nothing has changed.
    """
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name[:100]}.", suffix=".new", dir=file.parent)
    try:
        with open(descriptor, "wb") as new:
            new.write(data)
            new.flush()
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(new.fileno(), *owner)
                except PermissionError:
                    mode &= 0o777
            os.fchmod(new.fileno(), mode)
            os.fsync(new.fileno())
        os.replace(beside, file)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
