"""A console without a screen, in the background: started where nobody else would claim what is queued."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

from opsconsole.errors import SupervisorError
from opsconsole.paths import StatePaths
from opsconsole.storage import consoles

_BOOT = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); "
    "from opsconsole.__main__ import main; sys.exit(main(['work', '--until-empty']))"
)


def ensure_worker(c: sqlite3.Connection, paths: StatePaths) -> bool:
    """Start a worker that leaves when all is done, unless a living console claims. True: one was started."""
    if consoles.anybody_claims(c, paths):
        return False
    start_worker(paths)
    return True


def start_worker(paths: StatePaths) -> int:
    """`opsconsole work --until-empty` in a session of its own; its pid. Raises SupervisorError."""
    log = os.open(paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    environment = {**os.environ, "OPSCONSOLE_STATE_DIR": str(paths.root)}
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-c", _BOOT],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, null, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=[signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGTERM],
        )
    except OSError as error:
        raise SupervisorError(f"a background worker cannot be started: {error.strerror}") from error
    finally:
        os.close(log)
        os.close(null)
