"""Folders that an unprivileged uid must get to although their parents are closed to it, by mounts of its own.

The first closed parent is covered by an empty file system in which nothing but the way to the folder exists: so root's
0700 state directory can hold a run's work folder, and the run sees nothing else of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from . import calls

_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18


def covers(folders: Sequence[str], uid: int | None) -> list[str]:
    """The topmost closed parents. Looks at the modes: what only an ACL opens counts as closed."""
    found: list[str] = []
    for folder in folders:
        path = ""
        for name in folder.strip("/").split("/"):
            path += "/" + name
            if path == folder:
                break
            info = os.lstat(path)
            allowed = stat.S_IXUSR if info.st_uid == uid else stat.S_IXOTH
            if not info.st_mode & allowed:
                if path not in found:
                    found.append(path)
                break
    return found


def open_up(folders: Sequence[str], covered: Sequence[str]) -> None:
    """In the child, as root, after the fork: cover and bind. Raises OSError."""
    calls.unshare(_CLONE_NEWNS)
    calls.mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    inside = [folder for folder in folders if any(folder.startswith(cover + "/") for cover in covered)]
    opened = [os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW) for folder in inside]
    for cover in covered:
        calls.mount("tmpfs", cover, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755,size=64k")
    mask = os.umask(0o022)
    for folder, fd in zip(inside, opened, strict=True):
        os.makedirs(folder, exist_ok=True)
        calls.mount(f"/proc/self/fd/{fd}", folder, None, _MS_BIND | _MS_REC)
        os.close(fd)
    os.umask(mask)
