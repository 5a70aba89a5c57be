"""The work folder of a contained run: made for its uid, kept with the run, listed in the record.

A script may have put anything into it (links, devices' names, folders it closed to itself): it is walked by
descriptor, and no link is followed.
"""

from __future__ import annotations

import os
import stat
from typing import Any

MOST_LISTED = 200
MOST_SEEN = 100_000


def make(path: str, uid: int | None, gid: int | None) -> None:
    """Raises OSError; the folder of an earlier launch that never spawned is taken over empty or not at all."""
    os.mkdir(path, 0o700)
    if uid is not None and uid != os.geteuid():
        os.chown(path, uid, -1 if gid is None else gid, follow_symlinks=False)


def listing(path: str) -> dict[str, Any]:
    """`files` (path inside, bytes; at most MOST_LISTED), `count` and `bytes` of all, `more` when not all were seen."""
    found: dict[str, Any] = {"path": path, "files": [], "count": 0, "bytes": 0, "more": False}
    seen = 0
    for folder, names, files, fd in os.fwalk(path, follow_symlinks=False):
        for name in sorted([*names, *files]):
            seen += 1
            info = _look(name, fd)
            if info is None or stat.S_ISDIR(info.st_mode):
                continue
            size = info.st_size if stat.S_ISREG(info.st_mode) else 0
            found["count"] += 1
            found["bytes"] += size
            if len(found["files"]) < MOST_LISTED:
                shown = os.path.relpath(os.path.join(folder, name), path)
                found["files"].append({"path": os.fsencode(shown).decode("utf-8", "backslashreplace"), "bytes": size})
        if seen >= MOST_SEEN:
            found["more"] = True
            break
    return found


def _look(name: str, fd: int) -> os.stat_result | None:
    """What it is, None when it has gone meanwhile.

    A folder that its owner closed to himself is opened to him: else he could neither list it nor clean it up.
    """
    try:
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and info.st_mode & 0o700 != 0o700:
            os.chmod(name, stat.S_IMODE(info.st_mode) | 0o700, dir_fd=fd)
    except OSError:
        return None
    return info
