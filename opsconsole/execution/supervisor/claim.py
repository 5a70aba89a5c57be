"""The claim file: who may spawn a launch, exactly; and what the supervisor knows, for whoever comes later.

`claim.<launch>` is created once (O_EXCL) and locked until the run is over. A reconciler that wants a launch back
creates the file itself, or locks and voids one that was created but never written: then no supervisor can start it.
The file holds one JSON object a line: the supervisor, then the leader, then each pause and resume.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any


class Claim:
    """A claim won. The lock ends with `release` or with this process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, entry: dict[str, Any]) -> None:
        """Append one line; the disk being full only costs later consoles their shortcut."""
        try:
            os.write(self._fd, json.dumps(entry).encode() + b"\n")
        except OSError:
            pass

    def release(self) -> None:
        os.close(self._fd)


def take(path: str, owner: tuple[int, int] | None, entry: dict[str, Any]) -> Claim | None:
    """Win the claim and write its first line, or None: somebody else has it, or it was voided.

    Raises OSError (folder missing, disk full).
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None
    try:
        if owner:
            os.fchown(fd, *owner)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_size:
            raise BlockingIOError
        os.write(fd, json.dumps(entry).encode() + b"\n")
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return Claim(fd)
