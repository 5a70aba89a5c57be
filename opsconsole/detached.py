"""A console without a terminal, in a session of its own: a worker, a monitor."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from opsconsole.errors import SupervisorError
from opsconsole.paths import StatePaths

_BOOT = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); from opsconsole.__main__ import main; "


def start(words: Sequence[str], paths: StatePaths, what: str) -> int:
    """`opsconsole WORDS…` on the same state directory, its messages in the log; its pid. `what` it is, for the error.

    Raises SupervisorError.
    """
    log = os.open(paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    environment = {**os.environ, "OPSCONSOLE_STATE_DIR": str(paths.root)}
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-c", f"{_BOOT}sys.exit(main({list(words)!r}))"],
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
        raise SupervisorError(f"{what} cannot be started: {error.strerror}") from error
    finally:
        os.close(log)
        os.close(null)
