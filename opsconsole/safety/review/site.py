"""A site's own commands: whether their declarations are still those that were read."""

from __future__ import annotations

import os

Stamp = tuple[tuple[str, int, int, int], ...]


def stamp(folder: str | None) -> Stamp:
    """Changes whenever a file of the folder does; empty where there is none."""
    if not folder:
        return ()
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except OSError:
        return ()
    return tuple(sorted((name, info.st_mtime_ns, info.st_size, info.st_ino) for name, info in found))
