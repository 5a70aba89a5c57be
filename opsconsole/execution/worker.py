"""A console without a screen, in the background: started where nobody else would claim what is queued."""

from __future__ import annotations

import sqlite3

from opsconsole import detached
from opsconsole.paths import StatePaths
from opsconsole.storage import consoles


def ensure_worker(c: sqlite3.Connection, paths: StatePaths) -> bool:
    """Start a worker that leaves when all is done, unless a living console claims. True: one was started."""
    if consoles.anybody_claims(c, paths):
        return False
    start_worker(paths)
    return True


def start_worker(paths: StatePaths) -> int:
    """`opsconsole work --until-empty` in a session of its own; its pid. Raises SupervisorError."""
    return detached.start(["work", "--until-empty"], paths, "a background worker")
